"""The two steps that span PostgreSQL and the index: a track's way in, and its way out.

Whoever takes one of these steps - the call that asked for it, a retry, the reconciler - holds the
track's row lock for all of it, so that no two ever write the same points. Each step can be cut off
anywhere and taken again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from match_svc.errors import IndexUnreachableError
from match_svc.index_points import point_ids, track_points
from match_svc.model import Ledger, Track, TrackState
from match_svc.stores import ledger, tracks
from match_svc.stores.port import F32Array, GenerationMissingError, U64Array, VectorIndex
from match_svc.stores.postgres import Connection, Database
from match_svc.workers import Workers

# A rebuild can begin or end during a write, hardly two of them.
_ATTEMPTS = 4


class TrackWriter:
    """Finishes registrations and removals.

    Args:
        database: the truth.
        index: follows it.
        workers: for decoding.
        concurrency: tracks written at once; each holds a connection meanwhile.
    """

    def __init__(
        self, database: Database, index: VectorIndex, workers: Workers, concurrency: int
    ) -> None:
        self._database = database
        self._index = index
        self._workers = workers
        self._slots = asyncio.Semaphore(concurrency)

    async def activate(self, track_number: int, *, skip_locked: bool = False) -> Track | None:
        """Writes a PENDING track's vectors and makes it ACTIVE.

        Args:
            track_number: the track.
            skip_locked: leave a track alone that another writer is at.

        Returns:
            The track as it is now, in whatever state; None when it is gone or was left alone.

        Raises:
            IndexUnreachableError, StoreUnreachableError, StorageFullError.
        """
        async with self._slots, self._database.transaction("activate_track") as connection:
            track = await tracks.lock(connection, track_number, skip_locked=skip_locked)
            if track is None or track.state is not TrackState.PENDING:
                return track
            fingerprint = await tracks.read_fingerprint(connection, track_number)
            if fingerprint is None:
                return None
            ids, vectors = await self._workers.run(track_points, track_number, fingerprint)
            written: set[int] = set()
            for _ in range(_ATTEMPTS):
                now = await self._write_missing(connection, ids, vectors, written)
                if await ledger.enter_active(connection, track_number, now):
                    return replace(track, state=TrackState.ACTIVE)
        raise IndexUnreachableError("the index is being rebuilt again and again; try later")

    async def _write_missing(
        self, connection: Connection, ids: U64Array, vectors: F32Array, written: set[int]
    ) -> Ledger:
        """Writes points to every generation that needs them; returns the ledger it went by."""
        now = await ledger.read(connection)
        if not now.serving:
            raise IndexUnreachableError(
                "there is no vector index yet; it is being made", retry_after_seconds=2.0
            )
        try:
            for generation in now.generations:
                if generation not in written:
                    await self._index.upsert(generation, ids, vectors)
                    written.add(generation)
        except GenerationMissingError as error:
            # Either a rebuild has just replaced it, and the ledger says so, or it is lost.
            if (await ledger.read(connection)).generations == now.generations:
                raise IndexUnreachableError(
                    f"the vector index has lost its collection ({error}); rebuild the index",
                    retry_after_seconds=5.0,
                ) from error
        return now

    async def remove(self, track_number: int, *, skip_locked: bool = False) -> None:
        """Removes a DELETING track: its vectors first, then all PostgreSQL has of it.

        Raises:
            IndexUnreachableError, StoreUnreachableError.
        """
        async with self._slots, self._database.transaction("remove_track") as connection:
            track = await tracks.lock(connection, track_number, skip_locked=skip_locked)
            if track is None or track.state is not TrackState.DELETING:
                return
            ids = point_ids(
                track_number, await tracks.read_active_windows(connection, track_number)
            )
            for generation in (await ledger.read(connection)).generations:
                await self._index.delete(generation, ids)
            await tracks.delete(connection, track_number)
