"""Runs match_svc: `python -m match_svc`."""

from __future__ import annotations

from match_svc.server import build
from match_svc.settings import Settings
from mesh.runtime.serve import run


def main() -> None:
    """Reads the settings and serves until told to stop."""
    settings = Settings()
    run("match_svc", settings, lambda: build(settings))


if __name__ == "__main__":
    main()
