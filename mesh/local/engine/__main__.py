"""Runs the local vector engine: `python -m mesh.local.engine`."""

from __future__ import annotations

import os

_BEFORE_IMPORTS = {
    # The search of fresh points is a small product of matrices; more threads only spin on the
    # processors that other parts of the mesh need.
    "OPENBLAS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # A build process is started by exec at once, so grpc need not survive a fork.
    "GRPC_ENABLE_FORK_SUPPORT": "0",
}


def main() -> None:
    """Reads the settings and serves until told to stop."""
    for name, value in _BEFORE_IMPORTS.items():
        os.environ.setdefault(name, value)
    from mesh.local.engine.allocator import give_freed_memory_back

    give_freed_memory_back()
    from mesh.local.engine.server import build
    from mesh.local.engine.settings import Settings
    from mesh.runtime.serve import run

    settings = Settings()
    run("engine", settings, lambda: build(settings))


if __name__ == "__main__":
    main()
