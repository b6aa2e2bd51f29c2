"""Where the first whole frame of an ADTS stream begins (ISO/IEC 13818-7, sec. 6.2).

FFmpeg takes the first bytes that look like a frame and keeps their sample rate for the whole
stream. In a stream cut in the middle of a frame they may be payload, so three frames in a row are
asked for here.
"""

from __future__ import annotations

from collections.abc import Callable

_HEAD_BYTES = 7
_FRAMES_IN_A_ROW = 3
# The second is three frames of the highest usual bit rate and a part of one before.
_SEARCH_BYTES = (1_024, 4_096)


def leading_bytes(peek: Callable[[int], bytes]) -> int:
    """Returns how many bytes stand before the first frame; 0 when there seems to be none.

    Args:
        peek: returns the first n bytes, fewer only when there are no more; called for as few as
            decide, because a live stream has not more yet.
    """
    for byte_count in _SEARCH_BYTES:
        head = peek(byte_count)
        at = head.find(b"\xff")
        while at >= 0:
            if _begins_frames(head, at):
                return at
            at = head.find(b"\xff", at + 1)
        if len(head) < byte_count:
            break
    return 0


def _begins_frames(head: bytes, at: int) -> bool:
    first = head[at + 2 : at + 3]
    for _ in range(_FRAMES_IN_A_ROW):
        if at + _HEAD_BYTES > len(head) or not _is_sync(head, at):
            return False
        # Profile and sample rate do not change between frames.
        if head[at + 2] & 0xFC != first[0] & 0xFC:
            return False
        length = (head[at + 3] & 0x03) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
        if length <= _HEAD_BYTES:
            return False
        at += length
    return True


def _is_sync(head: bytes, at: int) -> bool:
    return head[at] == 0xFF and head[at + 1] & 0xF6 == 0xF0
