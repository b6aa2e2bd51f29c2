"""The text of refresh tokens and API keys: an id that finds, and a secret that proves.

Both secrets are 256 random bits, so a plain SHA-256 of them may be stored: nobody can search them.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NamedTuple
from uuid import UUID

_SECRET_BYTES = 32
_KEY_ID_BYTES = 8
_SECRET = r"[A-Za-z0-9_-]{43}"  # noqa: S105 - the form of one
_REFRESH = re.compile(rf"rt_([0-9a-f]{{32}})_({_SECRET})", re.ASCII)
_API_KEY = re.compile(rf"sk_([0-9a-f]{{16}})_({_SECRET})", re.ASCII)


class Secret(NamedTuple):
    """A secret that was just made.

    Attributes:
        text: shown to its owner, once.
        sha256: what is stored.
    """

    text: str
    sha256: bytes

    def __repr__(self) -> str:
        return "Secret(...)"


def new_refresh_token(session_id: UUID) -> Secret:
    """Makes the next refresh token of a session."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return Secret(f"rt_{session_id.hex}_{secret}", sha256_of(secret))


def new_key_id() -> str:
    """Makes the part of an API key that may be shown."""
    return secrets.token_hex(_KEY_ID_BYTES)


def new_api_key(key_id: str) -> Secret:
    """Makes the text of an API key."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return Secret(f"sk_{key_id}_{secret}", sha256_of(secret))


def read_refresh_token(text: str) -> tuple[UUID, bytes] | None:
    """Returns session and SHA-256 of a refresh token; None when it has not the form of one."""
    found = _REFRESH.fullmatch(text)
    return (UUID(hex=found[1]), sha256_of(found[2])) if found else None


def read_api_key(text: str) -> tuple[str, bytes] | None:
    """Returns key id and SHA-256 of an API key; None when it has not the form of one."""
    found = _API_KEY.fullmatch(text)
    return (found[1], sha256_of(found[2])) if found else None


def sha256_of(secret: str) -> bytes:
    """Returns what is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()
