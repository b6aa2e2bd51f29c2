"""Which addresses of a provider are asked: over TLS, or on this machine, for development."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def check_endpoint(url: str) -> str:
    """Returns an address as it is.

    Raises:
        ValueError: it is neither `https://` nor on this machine.
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ValueError(f"{url!r} has to begin with https://")
    return url
