"""How much goes into one message: pages and parts of files are bounded in bytes, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

PAGE_BYTES_MAX = 512 * 1024
PART_BYTES_MAX = 256 * 1024


def fitting(found: Sequence[Any], wanted: int) -> int:
    """Returns how many of some messages go on a page: what is wanted, fewer when they are large.

    At least one does if there is one, so that a list always goes on.
    """
    total = 0
    for count, message in enumerate(found[:wanted]):
        total += message.ByteSize()
        if total > PAGE_BYTES_MAX:
            return max(1, count)
    return min(len(found), wanted)


async def in_parts(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields the same bytes in parts of the largest size, the last one smaller; at least one."""
    waiting = bytearray()
    async for piece in pieces:
        waiting += piece
        while len(waiting) >= PART_BYTES_MAX:
            yield bytes(waiting[:PART_BYTES_MAX])
            del waiting[:PART_BYTES_MAX]
    yield bytes(waiting)
