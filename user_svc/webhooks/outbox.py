"""Turns what was reported into deliveries, in the transaction in which it is remembered.

So an event is queued exactly when what it tells has happened for good, and a report that comes
twice queues it once. Events of the catalogue go to every admin who wants them, whoever caused
them: the catalogue is shared, and the operator, who has no account, imports too. They name nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from sonica.user.v1 import activity_pb2

from user_svc.activity import (
    Activity,
    ImportFinished,
    RecognitionDone,
    TrackReady,
    recognition_of,
)
from user_svc.history_messages import recognition_to
from user_svc.messages import duration_to
from user_svc.stores import webhook_deliveries, webhooks
from user_svc.webhooks.body import body_of
from user_svc.webhooks.model import Event, Happening, Webhook

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from user_svc.stores.postgres import Connection

# The surest say it all; fifty with long titles would fill the queue of somebody else's receiver.
_MATCHES_MAX = 10


class Outbox:
    """Queues events.

    Args:
        max_waiting: deliveries of one webhook that may wait; events beyond it are counted only.
        wake: called when something may be due.
    """

    def __init__(self, max_waiting: int, wake: Callable[[], None]) -> None:
        self._max_waiting = max_waiting
        self._wake = wake

    async def queue(self, connection: Connection, activities: Sequence[Activity]) -> None:
        """Queues the events of activities for all webhooks that want them.

        Args:
            connection: inside the transaction in which the activities are remembered.
            activities: as reported.
        """
        happenings = [found for activity in activities if (found := happening_of(activity))]
        if not happenings:
            return
        wanting = await webhooks.lock_wanting(
            connection,
            list({h.user_id for h in happenings if h.user_id is not None}),
            list({h.event for h in happenings if h.event.is_for_admins}),
        )
        numbers = [webhook.webhook_number for webhook in wanting]
        waiting = await webhook_deliveries.counts_waiting(connection, numbers) if numbers else {}
        for webhook in wanting:
            room = self._max_waiting - waiting.get(webhook.webhook_number, 0)
            await _queue_for(connection, webhook, happenings, max(0, room))

    def committed(self) -> None:
        """Says that a transaction with events has ended well."""
        self._wake()


async def _queue_for(
    connection: Connection, webhook: Webhook, happenings: Sequence[Happening], room: int
) -> None:
    wanted = [happening for happening in happenings if _is_for(happening, webhook)]
    for happening in wanted[:room]:
        await webhook_deliveries.insert(
            connection,
            webhook.webhook_number,
            happening.event_id,
            happening.event,
            body_of(happening),
        )
    if wanted:
        await webhooks.wake(connection, webhook.webhook_number, max(0, len(wanted) - room))


def _is_for(happening: Happening, webhook: Webhook) -> bool:
    theirs = happening.event.is_for_admins or happening.user_id == webhook.user_id
    return theirs and happening.event in webhook.events


def happening_of(activity: Activity) -> Happening | None:
    """Returns what webhooks may be told of an activity; None when there is nothing to tell."""
    told = _told(activity)
    if told is None:
        return None
    event, data = told
    user_id = None if event.is_for_admins else activity.user_id
    event_id = f"evt_{activity.activity_id.hex}"
    return Happening(event_id, event, user_id, activity.occur_time, data)


def _told(activity: Activity) -> tuple[Event, dict[str, object]] | None:
    """Returns event and data, in which fields have the names that answers over REST have."""
    detail = activity.detail
    if isinstance(detail, RecognitionDone):
        recognition = recognition_of(activity)
        if recognition is None or not recognition.matches:
            return None
        shown = replace(recognition, matches=recognition.matches[:_MATCHES_MAX])
        return Event.RECOGNITION_MATCHED, {"recognition": _shown(recognition_to(shown))}
    if isinstance(detail, TrackReady):
        return Event.TRACK_READY, {"track": _shown(_track_to(detail))}
    return Event.IMPORT_FINISHED, {"import": _shown(_import_to(detail))}


def _track_to(track: TrackReady) -> activity_pb2.TrackReadyActivity:
    return activity_pb2.TrackReadyActivity(
        track_id=track.track_id,
        external_id=track.external_id,
        title=track.title,
        artist=track.artist,
        album=track.album,
        isrc=track.isrc,
        duration=duration_to(track.duration_seconds),
    )


def _import_to(ended: ImportFinished) -> activity_pb2.ImportFinishedActivity:
    return activity_pb2.ImportFinishedActivity(
        registered_count=ended.registered_count,
        already_registered_count=ended.already_registered_count,
        failed_count=ended.failed_count,
        interrupted=ended.interrupted,
    )


def _shown(message: Message) -> dict[str, Any]:
    return MessageToDict(message, always_print_fields_with_no_presence=True)
