"""Puts webhooks together: what keeps them, and what posts to them in the background."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from user_svc.secret_box import open_box
from user_svc.webhooks.courier import Courier, Limits
from user_svc.webhooks.outbox import Outbox
from user_svc.webhooks.poster import open_poster
from user_svc.webhooks.receiver import Receivers
from user_svc.webhooks.webhooks import Webhooks

if TYPE_CHECKING:
    from user_svc.settings import Settings
    from user_svc.stores.postgres import Database


@asynccontextmanager
async def open_webhooks(
    database: Database, settings: Settings
) -> AsyncIterator[tuple[Webhooks, Outbox]]:
    """Yields the use cases, and what queues events; they are posted while the context is open.

    Without a key file no webhook can be made, and nothing is posted.

    Raises:
        StartError: the key file cannot be used.
    """
    box = open_box(settings.secrets_key_file)
    receivers = Receivers(
        allow_http=settings.webhook_http_allowed,
        more_ports=settings.webhook_ports,
        networks=settings.webhook_networks,
    )
    async with AsyncExitStack() as stack:
        wake = _nobody
        if box is not None:
            poster = await stack.enter_async_context(
                open_poster(receivers, settings.webhook_timeout_seconds)
            )
            limits = Limits(
                webhooks_at_once=settings.webhook_workers,
                timeout_seconds=settings.webhook_timeout_seconds,
                disable_seconds=settings.webhook_disable_seconds,
                kept_seconds=settings.webhook_log_seconds,
            )
            courier = Courier(database, poster, receivers, box, limits)
            await stack.enter_async_context(courier.running())
            wake = courier.wake
        webhooks = Webhooks(
            database,
            box,
            receivers,
            max_webhooks=settings.max_webhooks,
            max_waiting=settings.max_webhook_backlog,
            wake=wake,
        )
        yield webhooks, Outbox(settings.max_webhook_backlog, wake)


def _nobody() -> None:
    """Is told where nothing is posted."""
