"""Takes what other services have done for callers to whoever remembers or tells it."""

from __future__ import annotations

from collections.abc import Sequence

from user_svc.activity import Activity, recognition_of
from user_svc.history import History
from user_svc.stores.postgres import Database
from user_svc.webhooks.outbox import Outbox


class Activities:
    """Use cases of `sonica.user.v1.ActivityService`."""

    def __init__(self, database: Database, history: History, outbox: Outbox) -> None:
        self._database = database
        self._history = history
        self._outbox = outbox

    async def report(self, activities: Sequence[Activity]) -> None:
        """Remembers activities, all or none; doing it twice is doing it once.

        Raises:
            StoreUnreachableError, StorageFullError.
        """
        async with self._database.transaction("report_activity") as connection:
            recognitions = [found for each in activities if (found := recognition_of(each))]
            await self._history.remember(connection, recognitions)
            await self._outbox.queue(connection, activities)
        self._outbox.committed()
