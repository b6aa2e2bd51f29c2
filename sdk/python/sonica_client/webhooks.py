"""Where the events of an account are posted to, as a part of the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import methods
from ._messages.google.protobuf import FieldMask
from ._messages.sonica.user.v1 import (
    CreateWebhookRequest,
    DeleteWebhookRequest,
    GetWebhookRequest,
    ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse,
    ListWebhooksRequest,
    RedeliverWebhookDeliveryRequest,
    RotateWebhookSecretRequest,
    TestWebhookRequest,
    UpdateWebhookRequest,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
)
from .accounts import ME

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from .caller import Caller


class Webhooks:
    """Part of a `SonicaClient`: `client.webhooks`.

    All methods raise SonicaError. A name is that of a webhook, `users/me/webhooks/...`.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def create(
        self,
        url: str,
        events: Sequence[WebhookEvent],
        *,
        display_name: str = "",
        disabled: bool = False,
        request_id: str = "",
    ) -> tuple[Webhook, str]:
        """Makes a webhook; returns it and the secret of its signatures, shown only here.

        Args:
            url: `https://` address of a public host.
            events: what to post besides tests.
            display_name: what to call it.
            disabled: post nothing for now.
            request_id: a UUID of the caller's; the same id never makes two webhooks.
        """
        webhook = Webhook(url=url, events=[*events], display_name=display_name, disabled=disabled)
        request = CreateWebhookRequest(parent=ME, webhook=webhook, request_id=request_id)
        response = await self._caller.own(methods.CREATE_WEBHOOK, request)
        return response.webhook or Webhook(), response.secret

    async def get(self, name: str) -> Webhook:
        """Returns a webhook, without its secret."""
        response = await self._caller.own(methods.GET_WEBHOOK, GetWebhookRequest(name=name))
        return response.webhook or Webhook()

    async def list(self, parent: str = ME) -> Sequence[Webhook]:
        """Returns all webhooks of an account, the newest first."""
        found: Sequence[Webhook] = []
        token = ""
        while True:
            request = ListWebhooksRequest(parent=parent, page_size=100, page_token=token)
            page = await self._caller.own(methods.LIST_WEBHOOKS, request)
            found = [*found, *page.webhooks]
            token = page.next_page_token
            if not token:
                return found

    async def update(self, webhook: Webhook, paths: Sequence[str] = ()) -> Webhook:
        """Changes a webhook.

        Args:
            webhook: with its name and the new values.
            paths: what to change: `display_name`, `url`, `events`, `disabled`; none means what is
                set.
        """
        request = UpdateWebhookRequest(webhook=webhook, update_mask=FieldMask(paths=[*paths]))
        response = await self._caller.own(methods.UPDATE_WEBHOOK, request)
        return response.webhook or Webhook()

    async def delete(self, name: str) -> None:
        """Deletes a webhook with all its deliveries."""
        await self._caller.own(methods.DELETE_WEBHOOK, DeleteWebhookRequest(name=name))

    async def rotate_secret(self, name: str) -> str:
        """Gives a webhook a new secret and returns it; the one before is good for 24 hours more."""
        response = await self._caller.own(
            methods.ROTATE_WEBHOOK_SECRET, RotateWebhookSecretRequest(name=name)
        )
        return response.secret

    async def test(self, name: str) -> WebhookDelivery:
        """Queues an event `webhook.test` and returns its delivery, which waits."""
        response = await self._caller.own(methods.TEST_WEBHOOK, TestWebhookRequest(name=name))
        return response.delivery or WebhookDelivery()

    async def deliveries(
        self, name: str, *, page_size: int = 0, page_token: str = ""
    ) -> ListWebhookDeliveriesResponse:
        """Returns one page of what was posted and what waits, the newest first.

        Args:
            name: of the webhook.
            page_size: most of them, 100 at the utmost; 0 means 50.
            page_token: `next_page_token` of the page before.
        """
        request = ListWebhookDeliveriesRequest(
            parent=name, page_size=page_size, page_token=page_token
        )
        return await self._caller.own(methods.LIST_WEBHOOK_DELIVERIES, request)

    async def all_deliveries(self, name: str) -> AsyncGenerator[WebhookDelivery, None]:
        """Yields every delivery of a webhook, page by page, the newest first."""
        token = ""
        while True:
            page = await self.deliveries(name, page_size=100, page_token=token)
            for delivery in page.deliveries:
                yield delivery
            token = page.next_page_token
            if not token:
                return

    async def redeliver(self, name: str) -> WebhookDelivery:
        """Posts an event again, by the name of its delivery; returns it, as it waits."""
        response = await self._caller.own(
            methods.REDELIVER_WEBHOOK_DELIVERY, RedeliverWebhookDeliveryRequest(name=name)
        )
        return response.delivery or WebhookDelivery()
