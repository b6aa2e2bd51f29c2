"""`python -m gateway`: runs the gateway as its environment says."""

from __future__ import annotations

from gateway.server import build
from gateway.settings import Settings
from mesh.runtime.serve import run


def main() -> None:
    """Runs until told to stop."""
    settings = Settings()
    run("gateway", settings, lambda: build(settings))


if __name__ == "__main__":
    main()
