"""Keeps the index what the fingerprints say: makes it, notices when it is lost, makes it anew.

A rebuild fills a new generation beside the one that answers. From its begin on, every write reaches
both (see `ledger.enter_active`), so only the tracks that were ACTIVE before need to be copied, in
the order of their numbers. What is being copied is locked against removal. Cut off, a rebuild goes
on where it was when it is run again.

A rebuild of another version moves the catalogue to it, and the commit that ends it is the move. It
needs a fingerprint of that version of every ACTIVE track; under the lock of the ledger, in which
nobody becomes ACTIVE, that is sure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import sonica_core

from match_svc.errors import (
    AlgorithmUnsupportedError,
    FingerprintsMissingError,
    IndexUnreachableError,
    RebuildRunningError,
)
from match_svc.index_points import track_points
from match_svc.model import Generation, Ledger, RebuildProgress
from match_svc.stores import fingerprints, ledger, tracks
from match_svc.stores.port import GenerationMissingError, VectorIndex
from match_svc.stores.postgres import Connection, Database
from match_svc.workers import Workers
from mesh.runtime import telemetry

_LOCK = 0x50_4E_49_43_41_00_02
_BATCH_TRACKS = 16
_DROP_FINGERPRINTS = 200
_MISSING_NAMED = 5
_SETTLE_POLL_SECONDS = 0.5
# An index that settles no faster than this answers slowly rather than never.
_SETTLE_SECONDS = 900.0
_log = logging.getLogger(__name__)


class IndexKeeper:
    """The only one who makes, switches and drops generations."""

    def __init__(self, database: Database, index: VectorIndex, workers: Workers) -> None:
        self._database = database
        self._index = index
        self._workers = workers

    async def rebuild(
        self, algorithm_version: int = 0, *, drop_others: bool = False
    ) -> AsyncGenerator[RebuildProgress, None]:
        """Rebuilds the index; searches and writes go on. Close the iterator early to stop.

        Args:
            algorithm_version: the catalogue is to be searched by; 0 means the one it is.
            drop_others: afterwards delete the fingerprints of all other versions.

        Raises:
            AlgorithmUnsupportedError, FingerprintsMissingError, RebuildRunningError,
            IndexUnreachableError, StoreUnreachableError.
        """
        known = sonica_core.ALGORITHM_VERSIONS
        if algorithm_version and algorithm_version not in known:
            raise AlgorithmUnsupportedError(algorithm_version, known)
        async with self._database.exclusive(_LOCK) as held:
            if not held:
                raise RebuildRunningError("a rebuild of the index is running already")
            now = await self._ledger()
            version = algorithm_version or now.algorithm_version
            async with self._database.connection("find_missing_fingerprints") as connection:
                await _require_fingerprints(connection, now, version)
            try:
                generation, cursor = await self._resume(now, version) or (
                    await self._begin(now, version),
                    0,
                )
                async with aclosing(self._fill(generation, cursor)) as filling:
                    async for progress in filling:
                        yield progress
                await self._switch(generation)
            except GenerationMissingError as error:
                raise IndexUnreachableError(f"the index lost what was built: {error}") from error
            dropped = 0
            while drop_others and (count := await self._drop_others(version)):
                dropped += count
                yield replace(progress, dropped_fingerprint_count=dropped)
            yield replace(progress, dropped_fingerprint_count=dropped, done=True)

    async def make(self) -> bool:
        """Makes an empty index where there never was one; does nothing while another is at it.

        Returns:
            Whether there is one now.

        Raises:
            IndexUnreachableError, StoreUnreachableError.
        """
        if (await self._ledger()).serving:
            return True
        async with self._database.exclusive(_LOCK) as held:
            now = await self._ledger()
            if held and not now.serving:
                await self._switch(await self._begin(now, now.algorithm_version))
                _log.info("made an empty vector index")
            return held or now.serving is not None

    async def restore(self) -> None:
        """Makes a lost index anew; does nothing while another replica is at it.

        Cheap enough to be called all the time: it counts only when no generation answers.

        Raises:
            IndexUnreachableError, StoreUnreachableError.
        """
        if await self._answers(await self._ledger()):
            return
        async with self._database.exclusive(_LOCK) as held:
            now = await self._ledger()
            if not held or not now.serving or await self._answers(now):
                return
            if await self._index.count(now.serving):
                await self._index.serve(now.serving)
                return
            _log.error("the vector index is lost; rebuilding it from the catalogue")
        async with aclosing(self.rebuild()) as progress:
            async for _ in progress:
                pass
        _log.info("the vector index is rebuilt")

    async def compare(self) -> bool:
        """Compares the index with the catalogue; returns whether they agree.

        An empty index is taken out of service, for `restore` to find: refusing is better than
        answering "unknown". One that merely differs is reported and left alone: it still answers,
        and a rebuild may take hours.

        Raises:
            IndexUnreachableError, StoreUnreachableError.
        """
        now = await self._ledger()
        if not now.serving:
            return True
        count = await self._index.count(now.serving)
        async with self._database.connection("count_unfinished") as connection:
            unfinished = await fingerprints.count_unfinished_windows(
                connection, now.algorithm_version
            )
        least = now.active_window_count
        if count is None or least <= count <= least + unfinished:
            return True
        if (await self._ledger()).epoch != now.epoch:
            return True  # only a catalogue that stood still while it was counted can be compared
        if count == 0:
            await self._index.drop(now.serving)
        _log.error(
            "the vector index holds %d vectors, the catalogue %d: rebuild the index",
            count,
            now.active_window_count,
        )
        return False

    async def _ledger(self) -> Ledger:
        async with self._database.connection("read_ledger") as connection:
            return await ledger.read(connection)

    async def _answers(self, now: Ledger) -> bool:
        return await self._index.serving(now.algorithm_version) is not None

    async def _resume(self, now: Ledger, version: int) -> tuple[Generation, int] | None:
        """Returns generation and cursor of a rebuild that was cut off and is still sound."""
        if not now.building or now.building.algorithm_version != version:
            return None
        count = await self._index.count(now.building)
        async with self._database.connection("count_active") as connection:
            _, expected = await fingerprints.count_active(connection, now.building_cursor, version)
        if count is None or count < expected:
            return None
        _log.info("going on with the rebuild of generation %d", now.building.number)
        return now.building, now.building_cursor

    async def _begin(self, now: Ledger, version: int) -> Generation:
        """Makes an empty generation; on return every write reaches it."""
        numbers = {generation.number for generation in await self._index.generations()}
        async with self._database.connection("allocate_generation") as connection:
            generation = await ledger.allocate_generation(connection, version)
            while generation.number in numbers:  # PostgreSQL was set back to an older backup
                generation = await ledger.allocate_generation(connection, version)
        await self._index.create(generation)
        async with self._database.connection("begin_building") as connection:
            await ledger.begin_building(connection, generation)
        if now.building:
            await self._index.drop(now.building)
        return generation

    async def _fill(
        self, generation: Generation, cursor: int
    ) -> AsyncGenerator[RebuildProgress, None]:
        """Copies the ACTIVE tracks after `cursor`, then waits for the index to settle."""
        async with self._database.connection("count_active") as connection:
            done, _ = await fingerprints.count_active(
                connection, cursor, generation.algorithm_version
            )
        total = (await self._ledger()).active_track_count
        yield RebuildProgress(done, max(done, total))
        while copied := await self._copy(generation, cursor):
            cursor = copied[-1]
            done += len(copied)
            yield RebuildProgress(done, max(done, total))
        deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
        while not await self._index.is_settled(generation):
            if asyncio.get_running_loop().time() > deadline:
                _log.warning("the new index is still being optimised; switching to it anyway")
                break
            await asyncio.sleep(_SETTLE_POLL_SECONDS)
            yield RebuildProgress(done, max(done, total))

    async def _copy(self, generation: Generation, cursor: int) -> list[int]:
        """Copies the next tracks; returns their numbers, none at the end.

        One that became ACTIVE since the begin may lack a fingerprint of this version: whoever adds
        it writes its points too.
        """
        with telemetry.span("copy_tracks", track_count=_BATCH_TRACKS):
            async with self._database.transaction("copy_tracks") as connection:
                numbers = await tracks.keep_active(connection, cursor, _BATCH_TRACKS)
                for number in numbers:
                    fingerprint = await fingerprints.read(
                        connection, number, generation.algorithm_version
                    )
                    if fingerprint is not None:
                        points = await self._workers.run(track_points, number, fingerprint)
                        await self._index.upsert(generation, *points)
                if numbers:
                    await ledger.advance_building(connection, numbers[-1])
        return numbers

    async def _switch(self, generation: Generation) -> None:
        """Makes a generation the one that answers and drops all others."""
        # Of another version nobody asks before the commit.
        await self._index.serve(generation)
        async with self._database.transaction("finish_building") as connection:
            now = await ledger.lock(connection)
            await _require_fingerprints(connection, now, generation.algorithm_version)
            await ledger.finish_building(connection, generation)
        for other in await self._index.generations() - {generation}:
            await self._index.drop(other)

    async def _drop_others(self, version: int) -> int:
        """Deletes some fingerprints that are not of the version served; returns how many."""
        async with self._database.transaction("drop_fingerprints") as connection:
            # What is served cannot change until the commit, whoever else may rebuild.
            now = await ledger.lock(connection)
            if now.algorithm_version != version or now.building:
                return 0
            return await fingerprints.delete_others(connection, version, _DROP_FINGERPRINTS)


async def _require_fingerprints(connection: Connection, now: Ledger, version: int) -> None:
    """Raises FingerprintsMissingError when an ACTIVE track has no fingerprint of a version."""
    if version == now.algorithm_version:
        return  # without one it would not be ACTIVE
    count, names = await fingerprints.missing(connection, version, _MISSING_NAMED)
    if count:
        shown = [name if len(name) <= 40 else f"{name[:37]}..." for name in names]
        raise FingerprintsMissingError(version, count, shown)
