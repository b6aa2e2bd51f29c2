"""Runs the fingerprint service: `python -m fingerprint_svc`."""

from __future__ import annotations

from fingerprint_svc.server import build
from fingerprint_svc.settings import Settings
from mesh.runtime.serve import run


def main() -> None:
    """Serves until told to stop."""
    settings = Settings()
    run("fingerprint_svc", settings, lambda: build(settings))


if __name__ == "__main__":
    main()
