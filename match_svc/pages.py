"""Page tokens: where a page begins, and which question it is a page of."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib

from match_svc.errors import PageTokenInvalidError

_TOKEN = struct.Struct(">BQI")
_TOKEN_VERSION = 2
_POSITION_MAX = 2**43 - 1


def token(position: int, *question: str) -> str:
    """Returns the token of the page after a position, a track number or a count."""
    packed = _TOKEN.pack(_TOKEN_VERSION, position, _digest(question))
    return base64.urlsafe_b64encode(packed).decode()


def start(page_token: str, *question: str) -> int:
    """Returns the position a page begins after; 0 for the first page.

    Raises:
        PageTokenInvalidError: `token` did not make it, or of another question.
    """
    if not page_token:
        return 0
    try:
        packed = base64.b64decode(page_token, b"-_", validate=True)
        version, position, digest = _TOKEN.unpack(packed)
    except (binascii.Error, ValueError, struct.error):
        version, position, digest = 0, 0, 0
    if version != _TOKEN_VERSION or not 0 < position <= _POSITION_MAX:
        raise PageTokenInvalidError(
            "page_token is not one of ours; send next_page_token as it was, or nothing"
        )
    if digest != _digest(question):
        raise PageTokenInvalidError(
            "page_token is of another question; send query, filter and order as they were, "
            "or no token"
        )
    return int(position)


def _digest(question: tuple[str, ...]) -> int:
    return zlib.crc32("\0".join(question).encode())
