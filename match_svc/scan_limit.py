"""How long PostgreSQL may look for tracks: anybody may ask, and not every question has an index."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from match_svc.errors import QueryTooBroadError

_SECONDS_MAX = 2.0


@asynccontextmanager
async def scan_limit() -> AsyncIterator[None]:
    """Stops the statements of its body, in PostgreSQL too, when they take too long.

    Raises:
        QueryTooBroadError: they did.
    """
    try:
        async with asyncio.timeout(_SECONDS_MAX):
            yield
    except TimeoutError as error:
        raise QueryTooBroadError(_SECONDS_MAX) from error
