"""Takes what other services have done for callers to whoever remembers or tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from user_svc.activity import Activity, RecognitionDone
from user_svc.history import History
from user_svc.recognition import Recognition
from user_svc.stores.postgres import Database

if TYPE_CHECKING:
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


def recognition_of(activity: Activity) -> Recognition | None:
    """Returns the recognition of an activity; None when it is another one, or the operator's."""
    detail = activity.detail
    if activity.user_id is None or not isinstance(detail, RecognitionDone):
        return None
    return Recognition(
        recognition_id=activity.activity_id,
        user_id=activity.user_id,
        create_time=activity.occur_time,
        clip_seconds=detail.clip_seconds,
        matches=detail.matches,
        key_id=activity.key_id,
        trace_id=activity.trace_id,
    )
