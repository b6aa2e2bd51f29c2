"""Runs user_svc: `python -m user_svc`."""

from __future__ import annotations

from mesh.runtime.serve import run
from user_svc.server import build
from user_svc.settings import Settings


def main() -> None:
    """Reads the settings and serves until told to stop."""
    settings = Settings()
    run("user_svc", settings, lambda: build(settings))


if __name__ == "__main__":
    main()
