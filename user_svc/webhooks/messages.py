"""Between the messages of webhooks in the contracts and the nouns of the model."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sonica.user.v1 import webhook_pb2, webhook_service_pb2

from mesh.runtime.errors import InvalidRequestError
from user_svc.errors import DOMAIN, UpdateMaskInvalidError
from user_svc.messages import time_to, user_from
from user_svc.webhooks.model import Delivery, Event, Webhook

_PATHS = ("display_name", "url", "events", "disabled")
_PATHS_MAX = 10


def webhook_from(name: str) -> tuple[UUID | None, str]:
    """Reads `users/{user}/webhooks/{webhook}`, with or without what follows."""
    return user_from(name), name.split("/")[3]


def delivery_from(name: str) -> tuple[UUID | None, str, int]:
    """Reads `users/{user}/webhooks/{webhook}/deliveries/{delivery}`."""
    return *webhook_from(name), int(name.rsplit("/", 1)[-1])


def values_from(webhook: webhook_pb2.Webhook) -> dict[str, object]:
    """Returns the values of a new webhook by column.

    Raises:
        InvalidRequestError: there are no events.
    """
    if not webhook.events:
        raise _no_events()
    return _values(webhook)


def changes_from(request: webhook_service_pb2.UpdateWebhookRequest) -> dict[str, object]:
    """Returns the new values by column.

    Raises:
        UpdateMaskInvalidError: the mask is too long or names another field, or nothing changes.
        InvalidRequestError: the webhook has no name, or would have no events.
    """
    if not request.webhook.name:
        raise InvalidRequestError(DOMAIN, [("webhook.name", "''", "must be set")])
    values = _values(request.webhook)
    paths = list(request.update_mask.paths)
    for path in paths[: _PATHS_MAX + 1]:
        if path not in _PATHS or len(paths) > _PATHS_MAX:
            raise _mask_invalid(path)
    if not paths:
        values = {column: value for column, value in values.items() if value}
        if not values:
            raise _mask_invalid("")
        return values
    if "events" in paths and not request.webhook.events:
        raise _no_events()
    return {column: value for column, value in values.items() if column in paths}


def events_in(values: dict[str, object]) -> list[Event]:
    """Returns the events among the values by column."""
    events: Any = values.get("events", ())
    return [Event(event) for event in events]


def _values(webhook: webhook_pb2.Webhook) -> dict[str, object]:
    events = [webhook_pb2.WebhookEvent.Name(number) for number in sorted(webhook.events)]
    return {
        "display_name": webhook.display_name,
        "url": webhook.url,
        "events": [event.removeprefix("WEBHOOK_EVENT_") for event in events],
        "disabled": webhook.disabled,
    }


def _no_events() -> InvalidRequestError:
    return InvalidRequestError(DOMAIN, [("webhook.events", "[]", "must hold at least 1 event")])


def _mask_invalid(path: str) -> UpdateMaskInvalidError:
    known = ", ".join(_PATHS)
    return UpdateMaskInvalidError(
        f"update_mask has {path!r}; it may name {known}, and without it something must be set",
        path=path,
        known_paths=known,
    )


def webhook_to(webhook: Webhook) -> webhook_pb2.Webhook:
    """Writes a webhook."""
    return webhook_pb2.Webhook(
        name=webhook.name,
        display_name=webhook.display_name,
        url=webhook.url,
        events=[f"WEBHOOK_EVENT_{event.value}" for event in webhook.events],
        disabled=webhook.disabled,
        disable_reason=webhook.disable_reason,
        create_time=time_to(webhook.create_time),
        update_time=time_to(webhook.update_time),
        fail_time=time_to(webhook.fail_time),
        dropped_count=webhook.dropped_count,
    )


def delivery_to(webhook: Webhook, delivery: Delivery) -> webhook_pb2.WebhookDelivery:
    """Writes a delivery."""
    return webhook_pb2.WebhookDelivery(
        name=f"{webhook.name}/deliveries/{delivery.delivery_number}",
        event_id=delivery.event_id,
        event=f"WEBHOOK_EVENT_{delivery.event.value}",
        body=delivery.body,
        state=f"WEBHOOK_DELIVERY_STATE_{delivery.state.value}",
        attempt_count=delivery.attempt_count,
        create_time=time_to(delivery.create_time),
        next_attempt_time=time_to(delivery.attempt_time),
        last_attempt_time=time_to(delivery.last_attempt_time),
        last_status_code=delivery.last_status_code,
        last_error=delivery.last_error,
        response_excerpt=delivery.response_excerpt,
    )
