"""A sender that goes on until somebody holds it back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

# No process of ours pauses for so long but one that waits for another.
_STILL_SECONDS = 3.0


async def written_until_held_back(write: Callable[[], Awaitable[None]], count_max: int) -> int:
    """Writes again and again until a write does not return; gives that one up.

    How much fits into the windows and buffers on the way grows with the speed of the machine, so
    the limit is to be far above them: it only tells a sender that stops from one that never does.

    Args:
        write: writes one message.
        count_max: so many written messages mean that nothing holds the sender back.

    Returns:
        How many were written.
    """
    for count in range(count_max):
        writing = asyncio.ensure_future(write())
        done, _ = await asyncio.wait((writing,), timeout=_STILL_SECONDS)
        if not done:
            writing.cancel()
            await asyncio.wait((writing,))
            return count
        await writing
    raise AssertionError(f"{count_max} messages were written, and nothing held their sender back")
