"""What webhooks hold about an account: lists of the document it can export."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from google.protobuf.json_format import MessageToDict

from user_svc.personal_data import Section
from user_svc.stores import webhook_deliveries, webhooks
from user_svc.stores.postgres import Database
from user_svc.webhooks import messages
from user_svc.webhooks.model import Webhook

_PAGE = 200


class WebhookData:
    """Reads the webhooks of an account and what was posted to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sections(self) -> Sequence[Section]:
        """Returns the lists."""
        return (
            Section("webhooks", self._webhooks),
            Section("webhookDeliveries", self._deliveries),
        )

    async def _webhooks(self, user_id: UUID) -> AsyncIterator[list[dict[str, Any]]]:
        async for page in self._pages(user_id):
            yield [_shown(messages.webhook_to(webhook)) for webhook in page]

    async def _deliveries(self, user_id: UUID) -> AsyncIterator[list[dict[str, Any]]]:
        async for page in self._pages(user_id):
            for webhook in page:
                before = None
                while True:
                    async with self._database.connection("list_deliveries") as connection:
                        found = await webhook_deliveries.page(
                            connection, webhook.webhook_number, before, _PAGE
                        )
                    if not found:
                        break
                    yield [_shown(messages.delivery_to(webhook, each)) for each in found]
                    before = found[-1].delivery_number

    async def _pages(self, user_id: UUID) -> AsyncIterator[list[Webhook]]:
        before = None
        while True:
            async with self._database.connection("list_webhooks") as connection:
                found = await webhooks.page(connection, user_id, before, _PAGE)
            if not found:
                return
            yield found
            before = found[-1].webhook_number


def _shown(message: Any) -> dict[str, Any]:
    return MessageToDict(message, always_print_fields_with_no_presence=True)
