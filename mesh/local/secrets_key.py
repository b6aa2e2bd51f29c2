"""The key with which user_svc keeps the secrets of webhooks, made once for a data folder.

It lies beside the database, not in it: a dump of the database alone gives no secret away. Without
it those secrets are lost, so it is never replaced.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from mesh.local.guard import Guard
from mesh.local.part import Prepare

_FERNET_BYTES = 32


def keeping_secrets(path: Path, first: Prepare) -> Prepare:
    """Returns a `prepare` that does `first` and makes the key file unless it is there."""

    async def prepare(guard: Guard) -> None:
        await first(guard)
        _make(path)

    return prepare


def _make(path: Path) -> None:
    """Makes the file in one step, on disk before anything is encrypted; for its owner alone."""
    if path.exists():
        return
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.urlsafe_b64encode(secrets.token_bytes(_FERNET_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
