"""`sonica.user.v1.WebhookService`: messages in, who calls, use case, messages out."""

from __future__ import annotations

from typing import Any

from sonica.user.v1 import webhook_service_pb2 as pb
from sonica.user.v1 import webhook_service_pb2_grpc as grpc_stubs

from user_svc import pages
from user_svc.access import Access
from user_svc.calls import caller_of
from user_svc.messages import request_id_from, user_from
from user_svc.model import Caller, Scope
from user_svc.webhooks import messages
from user_svc.webhooks.webhooks import Webhooks

_PAGE_DEFAULT, _PAGE_MAX = 50, 100


class WebhookServicer(grpc_stubs.WebhookServiceServicer):
    """`sonica.user.v1.WebhookService`."""

    def __init__(self, access: Access, webhooks: Webhooks) -> None:
        self._access = access
        self._webhooks = webhooks

    async def CreateWebhook(
        self, request: pb.CreateWebhookRequest, context: Any
    ) -> pb.CreateWebhookResponse:
        """Makes a webhook."""
        caller = await caller_of(self._access, context)
        user_id = await self._access.own(caller, user_from(request.parent))
        values = messages.values_from(request.webhook)
        await self._may_have(caller, values)
        webhook, secret = await self._webhooks.create(
            user_id, values, request_id_from(request.request_id)
        )
        return pb.CreateWebhookResponse(webhook=messages.webhook_to(webhook), secret=secret)

    async def GetWebhook(
        self, request: pb.GetWebhookRequest, context: Any
    ) -> pb.GetWebhookResponse:
        """Returns a webhook."""
        caller = await caller_of(self._access, context, Scope.ACCOUNT_READ)
        user, webhook_id = messages.webhook_from(request.name)
        user_id = await self._access.own_or_admin(caller, user)
        webhook = await self._webhooks.get(user_id, webhook_id)
        return pb.GetWebhookResponse(webhook=messages.webhook_to(webhook))

    async def ListWebhooks(
        self, request: pb.ListWebhooksRequest, context: Any
    ) -> pb.ListWebhooksResponse:
        """Lists the webhooks of an account."""
        caller = await caller_of(self._access, context, Scope.ACCOUNT_READ)
        user_id = await self._access.own_or_admin(caller, user_from(request.parent))
        size = min(request.page_size or _PAGE_DEFAULT, _PAGE_MAX)
        before = pages.start(request.page_token, "webhooks", user_id)
        # One more than wanted tells whether there is a next page.
        found = await self._webhooks.page(user_id, before, size + 1)
        more = len(found) > size
        last = found[size - 1].webhook_number if more else 0
        return pb.ListWebhooksResponse(
            webhooks=[messages.webhook_to(webhook) for webhook in found[:size]],
            next_page_token=pages.token(last, "webhooks", user_id) if more else "",
        )

    async def UpdateWebhook(
        self, request: pb.UpdateWebhookRequest, context: Any
    ) -> pb.UpdateWebhookResponse:
        """Changes a webhook."""
        caller = await caller_of(self._access, context)
        changes = messages.changes_from(request)
        user, webhook_id = messages.webhook_from(request.webhook.name)
        user_id = await self._access.own(caller, user)
        await self._may_have(caller, changes)
        webhook = await self._webhooks.update(user_id, webhook_id, changes)
        return pb.UpdateWebhookResponse(webhook=messages.webhook_to(webhook))

    async def DeleteWebhook(
        self, request: pb.DeleteWebhookRequest, context: Any
    ) -> pb.DeleteWebhookResponse:
        """Deletes a webhook."""
        caller = await caller_of(self._access, context)
        user, webhook_id = messages.webhook_from(request.name)
        user_id = await self._access.own_or_admin(caller, user)
        await self._webhooks.delete(caller, user_id, webhook_id)
        return pb.DeleteWebhookResponse()

    async def RotateWebhookSecret(
        self, request: pb.RotateWebhookSecretRequest, context: Any
    ) -> pb.RotateWebhookSecretResponse:
        """Gives a webhook a new secret."""
        caller = await caller_of(self._access, context)
        user, webhook_id = messages.webhook_from(request.name)
        user_id = await self._access.own(caller, user)
        webhook, secret = await self._webhooks.rotate(user_id, webhook_id)
        return pb.RotateWebhookSecretResponse(webhook=messages.webhook_to(webhook), secret=secret)

    async def ListWebhookDeliveries(
        self, request: pb.ListWebhookDeliveriesRequest, context: Any
    ) -> pb.ListWebhookDeliveriesResponse:
        """Lists what was posted to a webhook, and what waits."""
        caller = await caller_of(self._access, context, Scope.ACCOUNT_READ)
        user, webhook_id = messages.webhook_from(request.parent)
        user_id = await self._access.own(caller, user)
        size = min(request.page_size or _PAGE_DEFAULT, _PAGE_MAX)
        before = pages.start(request.page_token, "deliveries", webhook_id)
        webhook, found = await self._webhooks.deliveries(user_id, webhook_id, before, size + 1)
        more = len(found) > size
        last = found[size - 1].delivery_number if more else 0
        return pb.ListWebhookDeliveriesResponse(
            deliveries=[messages.delivery_to(webhook, delivery) for delivery in found[:size]],
            next_page_token=pages.token(last, "deliveries", webhook_id) if more else "",
        )

    async def RedeliverWebhookDelivery(
        self, request: pb.RedeliverWebhookDeliveryRequest, context: Any
    ) -> pb.RedeliverWebhookDeliveryResponse:
        """Posts an event again."""
        caller = await caller_of(self._access, context)
        user, webhook_id, number = messages.delivery_from(request.name)
        user_id = await self._access.own(caller, user)
        webhook, delivery = await self._webhooks.redeliver(user_id, webhook_id, number)
        return pb.RedeliverWebhookDeliveryResponse(delivery=messages.delivery_to(webhook, delivery))

    async def TestWebhook(
        self, request: pb.TestWebhookRequest, context: Any
    ) -> pb.TestWebhookResponse:
        """Queues a test event."""
        caller = await caller_of(self._access, context)
        user, webhook_id = messages.webhook_from(request.name)
        user_id = await self._access.own(caller, user)
        webhook, delivery = await self._webhooks.test(user_id, webhook_id)
        return pb.TestWebhookResponse(delivery=messages.delivery_to(webhook, delivery))

    async def _may_have(self, caller: Caller, values: dict[str, object]) -> None:
        """Refuses events of the catalogue to all but admins."""
        if any(event.is_for_admins for event in messages.events_in(values)):
            await self._access.admin(caller)
