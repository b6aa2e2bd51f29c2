"""The steps that span PostgreSQL and the index: a track's way in, a fingerprint more, the way out.

Whoever takes one of these steps - the call that asked for it, a retry, the reconciler - holds the
track's row lock for all of it, so that no two ever write the same points. Each step can be cut off
anywhere and taken again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from match_svc.errors import AlgorithmMismatchError, IndexUnreachableError
from match_svc.index_points import all_point_ids, track_points
from match_svc.model import Fingerprint, Generation, Ledger, Track, TrackState
from match_svc.stores import fingerprints, ledger, tracks
from match_svc.stores.port import GenerationMissingError, VectorIndex
from match_svc.stores.postgres import Connection, Database
from match_svc.workers import Workers

# A rebuild can begin or end during a write, hardly two of them.
_ATTEMPTS = 4


class TrackWriter:
    """Finishes registrations and removals, and adds fingerprints.

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
            AlgorithmMismatchError: it has no fingerprint of the version that is served.
            IndexUnreachableError, StoreUnreachableError, StorageFullError.
        """
        async with self._slots, self._database.transaction("activate_track") as connection:
            track = await tracks.lock(connection, track_number, skip_locked=skip_locked)
            if track is None or track.state is not TrackState.PENDING:
                return track
            written: set[Generation] = set()
            for _ in range(_ATTEMPTS):
                now = await self._write_missing(connection, track, written)
                if await ledger.enter_active(connection, track_number, now):
                    return replace(track, state=TrackState.ACTIVE)
        raise IndexUnreachableError("the index is being rebuilt again and again; try later")

    async def add(self, track_number: int, fingerprint: Fingerprint) -> Track | None:
        """Stores a fingerprint of another version beside those a track has.

        It is in PostgreSQL for a rebuild to find, and in the index that is being built of its
        version, if one is. Nothing happens when one of its version is there.

        Returns:
            The track as it is now, in whatever state; None when it is gone.

        Raises:
            IndexUnreachableError, StoreUnreachableError, StorageFullError.
        """
        async with self._slots, self._database.transaction("add_fingerprint") as connection:
            track = await tracks.lock(connection, track_number)
            if track is None or track.state is TrackState.DELETING:
                return track
            if await fingerprints.insert(connection, track_number, fingerprint):
                # A PENDING track is written when it turns ACTIVE.
                if track.state is TrackState.ACTIVE:
                    await self._write_building(connection, track, fingerprint)
                versions = {*track.algorithm_versions, fingerprint.algorithm_version}
                track = replace(track, algorithm_versions=tuple(sorted(versions)))
            return track

    async def _write_missing(
        self, connection: Connection, track: Track, written: set[Generation]
    ) -> Ledger:
        """Writes points to every generation that needs them; returns the ledger it went by."""
        now = await ledger.read(connection)
        if not now.serving:
            raise IndexUnreachableError(
                "there is no vector index yet; it is being made", retry_after_seconds=2.0
            )
        for generation in now.generations:
            if generation not in written:
                fingerprint = await fingerprints.read(
                    connection, track.track_number, generation.algorithm_version
                )
                if fingerprint is not None:
                    await self._write(connection, now, generation, track, fingerprint)
                    written.add(generation)
                elif generation == now.serving:
                    found = max(track.algorithm_versions, default=0)
                    raise AlgorithmMismatchError(found, now.algorithm_version)
        return now

    async def _write_building(
        self, connection: Connection, track: Track, fingerprint: Fingerprint
    ) -> None:
        """Writes points to the generation that is being built, if it is of their version."""
        for _ in range(_ATTEMPTS):
            now = await ledger.read(connection)
            if not now.building or now.building.algorithm_version != fingerprint.algorithm_version:
                return
            if await self._write(connection, now, now.building, track, fingerprint):
                return
        raise IndexUnreachableError("the index is being rebuilt again and again; try later")

    async def _write(
        self,
        connection: Connection,
        now: Ledger,
        generation: Generation,
        track: Track,
        fingerprint: Fingerprint,
    ) -> bool:
        """Writes points; returns False when a rebuild has just replaced their generation.

        Raises:
            IndexUnreachableError: also when the generation is lost.
        """
        points = await self._workers.run(track_points, track.track_number, fingerprint)
        try:
            await self._index.upsert(generation, *points)
        except GenerationMissingError as error:
            if (await ledger.read(connection)).generations == now.generations:
                raise IndexUnreachableError(
                    f"the vector index has lost its collection ({error}); rebuild the index",
                    retry_after_seconds=5.0,
                ) from error
            return False
        return True

    async def give_up(self, track_number: int) -> None:
        """Makes a PENDING track DELETING that can never be ACTIVE.

        The catalogue has moved to another extractor while it was on its way in, so nobody was told
        that it is registered.
        """
        async with self._database.transaction("give_up_track") as connection:
            track = await tracks.lock(connection, track_number, skip_locked=True)
            if track is None or track.state is not TrackState.PENDING:
                return
            version = (await ledger.read(connection)).algorithm_version
            if await fingerprints.read(connection, track_number, version) is None:
                await tracks.begin_removal(connection, track_number)

    async def remove(self, track_number: int, *, skip_locked: bool = False) -> None:
        """Removes a DELETING track: its vectors first, then all PostgreSQL has of it.

        Raises:
            IndexUnreachableError, StoreUnreachableError.
        """
        async with self._slots, self._database.transaction("remove_track") as connection:
            track = await tracks.lock(connection, track_number, skip_locked=skip_locked)
            if track is None or track.state is not TrackState.DELETING:
                return
            flags = await fingerprints.read_active_windows(connection, track_number)
            ids = all_point_ids(track_number, flags)
            for generation in (await ledger.read(connection)).generations:
                await self._index.delete(generation, ids)
            await tracks.delete(connection, track_number)
