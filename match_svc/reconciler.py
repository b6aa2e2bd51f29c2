"""Finishes what crashes and failures left: tracks on their way in or out, and a lost index."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from match_svc.errors import (
    AlgorithmMismatchError,
    IndexUnreachableError,
    RebuildRunningError,
)
from match_svc.rebuild import IndexKeeper
from match_svc.stores import tracks
from match_svc.stores.postgres import Database
from match_svc.writer import TrackWriter
from mesh.runtime import telemetry
from mesh.runtime.errors import ServiceError

_LOCK = 0x50_4E_49_43_41_00_03
_BATCH_TRACKS = 100
# How long Qdrant may take to come up before a new catalogue is served without an index.
_PATIENCE_SECONDS = 30.0
_RETRY_SECONDS = 0.2
_log = logging.getLogger(__name__)


class Reconciler:
    """Looks for unfinished tracks at the start and then again and again; one replica at a time.

    Args:
        database: where they are found.
        writer: finishes them.
        keeper: makes sure there is an index to write to.
        interval_seconds: between two looks.
        grace_seconds: age at which a PENDING track is taken over from the call that made it.
    """

    def __init__(
        self,
        database: Database,
        writer: TrackWriter,
        keeper: IndexKeeper,
        interval_seconds: float,
        grace_seconds: float,
    ) -> None:
        self._database = database
        self._writer = writer
        self._keeper = keeper
        self._interval_seconds = interval_seconds
        self._grace_seconds = grace_seconds
        self._failing = False
        self._compared = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Reconciles in the background while the context is open.

        On entry there is an index to write to: ready means ready. Qdrant may come up after us, or
        another replica may be making the index, so a new catalogue waits for them; but not
        for ever: the rest is of use without an index.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._make_first()
        except TimeoutError:
            _log.warning("starting without a vector index: there is none, and none can be made")
        task = asyncio.create_task(self._run(), name="reconciler")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _make_first(self) -> None:
        """Returns once there is an index."""
        while True:
            try:
                if await self._keeper.make():
                    return
            except IndexUnreachableError as error:
                _log.info("waiting for Qdrant: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _run(self) -> None:
        while True:
            try:
                await self.reconcile()
            except ServiceError as error:
                if not self._failing:
                    _log.warning("cannot reconcile for now: %s", error)
                self._failing = True
                self._compared = False  # what comes back need not be what was there
            except Exception:  # noqa: BLE001 - a fault here must not end reconciling for good
                _log.exception("reconciling failed")
            else:
                self._failing = False
            await asyncio.sleep(self._interval_seconds)

    async def reconcile(self) -> int:
        """Does all there is to do once; returns how many tracks were finished.

        Raises:
            IndexUnreachableError, StoreUnreachableError.
        """
        with suppress(RebuildRunningError):
            await self._keeper.make()
            if not self._compared:
                await self._keeper.compare()
                self._compared = True
            await self._keeper.restore()
        async with self._database.exclusive(_LOCK) as held:
            if not held:
                return 0
            async with self._database.connection("find_unfinished") as connection:
                numbers = await tracks.unfinished(connection, self._grace_seconds, _BATCH_TRACKS)
            if not numbers:
                return 0
            with telemetry.span("finish_tracks", track_count=len(numbers)):
                finished = sum([await self._finish(number) for number in numbers])
        if finished:
            _log.info("finished %d tracks that were left half-way", finished)
        return finished

    async def _finish(self, track_number: int) -> bool:
        """Finishes one track; returns whether that went well.

        Raises:
            IndexUnreachableError, StoreUnreachableError, StorageFullError: the others wait.
        """
        try:
            try:
                await self._writer.activate(track_number, skip_locked=True)
            except AlgorithmMismatchError:
                await self._writer.give_up(track_number)
            await self._writer.remove(track_number, skip_locked=True)
        except ServiceError:
            raise
        except Exception:  # noqa: BLE001 - a fault of one track must not keep the others waiting
            _log.exception("track %d cannot be finished", track_number)
            return False
        return True
