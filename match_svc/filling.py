"""Makes the words of tracks that have none of this folding: those of releases before.

Runs beside everything else, since a large catalogue takes minutes; until it is through, a search
finds only what has words already. Any number of replicas may do it at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from match_svc.stores import track_text, tracks
from match_svc.stores.postgres import Database
from mesh.runtime.errors import ServiceError

# Their rows are locked meanwhile, for some tenths of a second.
_BATCH_TRACKS = 200
_RETRY_SECONDS = 5.0
_log = logging.getLogger(__name__)


@asynccontextmanager
async def filling(database: Database) -> AsyncIterator[None]:
    """Fills in the background while the context is open, until nothing is left."""
    task = asyncio.create_task(_run(database), name="filling")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def fill(database: Database) -> int:
    """Makes all words that are missing; returns of how many tracks.

    Raises:
        StoreUnreachableError, StorageFullError.
    """
    after, count = 0, 0
    while True:
        async with database.transaction("fill_words") as connection:
            numbers = await track_text.stale(connection, after, _BATCH_TRACKS)
            found = await tracks.find_numbers(connection, numbers)
            described = ((track.track_number, track.description) for track in found)
            await track_text.write_all(connection, described)
        if not numbers:
            return count
        after, count = numbers[-1], count + len(numbers)


async def _run(database: Database) -> None:
    while True:
        try:
            count = await fill(database)
        except ServiceError as error:
            _log.warning("cannot make the words of tracks for now: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)
        except Exception:  # noqa: BLE001 - a fault of one track must not end the service
            _log.exception("the words of some tracks cannot be made; searches do not find them")
            return
        else:
            if count:
                _log.info("made the words of %d tracks, for searches by text", count)
            return
