"""Takes what other services have done for callers to whoever remembers it."""

from __future__ import annotations

from collections.abc import Sequence

from user_svc.activity import Activity, RecognitionDone
from user_svc.history import History
from user_svc.recognition import Recognition
from user_svc.stores.postgres import Database


class Activities:
    """Use cases of `sonica.user.v1.ActivityService`."""

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    async def report(self, activities: Sequence[Activity]) -> None:
        """Remembers activities, all or none; doing it twice is doing it once.

        Raises:
            StoreUnreachableError, StorageFullError.
        """
        async with self._database.transaction("report_activity") as connection:
            await self._history.remember(connection, _recognitions(activities))


def _recognitions(activities: Sequence[Activity]) -> list[Recognition]:
    return [
        Recognition(
            recognition_id=activity.activity_id,
            user_id=activity.user_id,
            create_time=activity.occur_time,
            clip_seconds=activity.detail.clip_seconds,
            matches=activity.detail.matches,
            key_id=activity.key_id,
            trace_id=activity.trace_id,
        )
        for activity in activities
        if activity.user_id is not None and isinstance(activity.detail, RecognitionDone)
    ]
