"""Removes recognitions that are too old, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mesh.runtime.errors import ServiceError
from user_svc.stores import recognitions
from user_svc.stores.postgres import Database

_INTERVAL_SECONDS = 600.0
# Some milliseconds a statement: whoever uses the table meanwhile does not notice.
_BATCH = 1000
_log = logging.getLogger(__name__)


class HistoryKeeper:
    """Sees to the retention of the history; replicas share the work.

    Args:
        database: where it is kept.
        retention_seconds: what is older is removed.
    """

    def __init__(self, database: Database, retention_seconds: float) -> None:
        self._database = database
        self._retention_seconds = retention_seconds

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Removes in the background while the context is open."""
        task = asyncio.create_task(self._run(), name="history keeper")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def sweep(self) -> int:
        """Removes all that is too old; returns how many.

        Raises:
            StoreUnreachableError.
        """
        total = 0
        while True:
            async with self._database.transaction("forget_recognitions") as connection:
                count = await recognitions.forget_old(connection, self._retention_seconds, _BATCH)
            total += count
            if count < _BATCH:
                return total

    async def _run(self) -> None:
        while True:
            try:
                if count := await self.sweep():
                    _log.info("forgot %d recognitions that were too old", count)
            except ServiceError as error:
                _log.warning("cannot forget old recognitions for now: %s", error)
            except Exception:  # noqa: BLE001 - who stops looking keeps them for ever
                _log.exception("cannot forget old recognitions for now")
            await asyncio.sleep(_INTERVAL_SECONDS)
