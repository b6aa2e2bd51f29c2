"""Keeps secrets that have to be read again: encrypted in PostgreSQL, with a key that is not there.

The key file holds one Fernet key a line (32 random bytes in URL-safe base64). The first encrypts,
all of them decrypt: a new key goes on top, and the old ones stay until nothing needs them.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from mesh.runtime.serve import StartError

_BYTES_MAX = 4096


class SecretUnreadableError(Exception):
    """What was stored was not encrypted with a key of the file, or is damaged."""


class SecretBox:
    """Encrypts and decrypts; made by `open_box`."""

    def __init__(self, fernet: MultiFernet) -> None:
        self._fernet = fernet

    def seal(self, secret: bytes) -> bytes:
        """Returns what may be stored."""
        return self._fernet.encrypt(secret)

    def open(self, sealed: bytes) -> bytes:
        """Returns the secret of what was stored.

        Raises:
            SecretUnreadableError: no key of the file fits.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SecretUnreadableError("no key of the key file fits") from None


def open_box(path: Path | None) -> SecretBox | None:
    """Reads the key file; None, when there is none to read, keeps nothing.

    Raises:
        StartError: it cannot be read, or holds no key.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            lines = file.read(_BYTES_MAX).split()
        keys = [Fernet(line) for line in lines]
    except OSError as error:
        raise StartError(f"cannot read the key file {path}: {error.strerror}") from error
    except ValueError:
        # Neither the line nor the cause: it may be a key with a slip in it.
        raise StartError(f"{path} holds something else than Fernet keys, one a line") from None
    if not keys:
        raise StartError(f"the key file {path} is empty; write a Fernet key into it")
    return SecretBox(MultiFernet(keys))
