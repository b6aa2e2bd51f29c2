"""Page tokens: where a page begins, and which question it is a page of."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib

from user_svc.errors import PageTokenInvalidError

_TOKEN = struct.Struct(">BqQI")
_TOKEN_VERSION = 2
_NUMBER_MAX = 2**63 - 1


def token(number: int, *question: object, time: int = 0) -> str:
    """Returns the token of the page after a place in a list.

    Args:
        number: of the last row, at least 1.
        question: name of the list, and all that decides what is in it; told apart by `repr`.
        time: of the last row, for lists that are in its order; any 64-bit integer.
    """
    packed = _TOKEN.pack(_TOKEN_VERSION, time, number, _digest(question))
    return base64.urlsafe_b64encode(packed).decode()


def start(page_token: str, *question: object) -> int | None:
    """Returns the number a page begins before; None for the first page.

    Raises:
        PageTokenInvalidError: as of `place`.
    """
    found = place(page_token, *question)
    return found[1] if found else None


def place(page_token: str, *question: object) -> tuple[int, int] | None:
    """Returns time and number a page begins before; None for the first page.

    Raises:
        PageTokenInvalidError: `token` did not make it, or of another question.
    """
    if not page_token:
        return None
    try:
        packed = base64.b64decode(page_token, b"-_", validate=True)
        version, time, number, digest = _TOKEN.unpack(packed)
    except (binascii.Error, ValueError, struct.error):
        raise PageTokenInvalidError from None
    if (version, digest) != (_TOKEN_VERSION, _digest(question)) or not 0 < number <= _NUMBER_MAX:
        raise PageTokenInvalidError
    return time, number


def _digest(question: tuple[object, ...]) -> int:
    return zlib.crc32(repr(question).encode())
