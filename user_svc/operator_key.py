"""The operator's key: who runs the mesh may do everything, without an account.

Whoever starts user_svc makes the key and leaves it in a file that only they can read; so it is as
good as being on that machine as that user. It is read once, at the start.
"""

from __future__ import annotations

import hmac
import re
from pathlib import Path

from mesh.runtime.serve import StartError
from user_svc.credentials import sha256_of
from user_svc.model import OPERATOR_ID, Caller, Role

#: Who calls with it.
OPERATOR = Caller(OPERATOR_ID, Role.ADMIN, None, "operator")
_BYTES_MAX = 200
_TEXT = re.compile(r"op_[A-Za-z0-9_-]{43,}", re.ASCII)


class OperatorKey:
    """What a presented key is compared with.

    Args:
        text: of the key, `op_` and at least 256 random bits in base64url.
    """

    def __init__(self, text: str) -> None:
        self._sha256 = sha256_of(text)

    def fits(self, text: str) -> bool:
        """Returns whether this is the key; takes the same time for all others."""
        return hmac.compare_digest(self._sha256, sha256_of(text))


def read_operator_key(path: Path | None) -> OperatorKey | None:
    """Reads the key of a file; None when there is to be none.

    Raises:
        StartError: the file cannot be read, or holds no such key.
    """
    if path is None:
        return None
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(_BYTES_MAX).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"cannot read the operator key: {error}") from error
    if not _TEXT.fullmatch(text):
        raise StartError(f"{path} holds no operator key: op_ and 43 letters or more of base64url")
    return OperatorKey(text)
