"""Stand-ins for webhooks and identities: they take every call and have nothing."""

from __future__ import annotations

from typing import Any

from sonica.user.v1 import identity_service_pb2 as identities
from sonica.user.v1 import identity_service_pb2_grpc as identities_grpc
from sonica.user.v1 import webhook_service_pb2 as webhooks
from sonica.user.v1 import webhook_service_pb2_grpc as webhooks_grpc

from mesh.runtime.serve import Registration


class WebhookStandIn(webhooks_grpc.WebhookServiceServicer):
    """Has no webhooks."""

    async def CreateWebhook(self, _request: Any, _context: Any) -> Any:
        return webhooks.CreateWebhookResponse()

    async def GetWebhook(self, _request: Any, _context: Any) -> Any:
        return webhooks.GetWebhookResponse()

    async def ListWebhooks(self, _request: Any, _context: Any) -> Any:
        return webhooks.ListWebhooksResponse()

    async def UpdateWebhook(self, _request: Any, _context: Any) -> Any:
        return webhooks.UpdateWebhookResponse()

    async def DeleteWebhook(self, _request: Any, _context: Any) -> Any:
        return webhooks.DeleteWebhookResponse()

    async def RotateWebhookSecret(self, _request: Any, _context: Any) -> Any:
        return webhooks.RotateWebhookSecretResponse()

    async def ListWebhookDeliveries(self, _request: Any, _context: Any) -> Any:
        return webhooks.ListWebhookDeliveriesResponse()

    async def RedeliverWebhookDelivery(self, _request: Any, _context: Any) -> Any:
        return webhooks.RedeliverWebhookDeliveryResponse()

    async def TestWebhook(self, _request: Any, _context: Any) -> Any:
        return webhooks.TestWebhookResponse()


class IdentityStandIn(identities_grpc.IdentityServiceServicer):
    """Has no identities."""

    async def LinkIdentity(self, _request: Any, _context: Any) -> Any:
        return identities.LinkIdentityResponse()

    async def ListIdentities(self, _request: Any, _context: Any) -> Any:
        return identities.ListIdentitiesResponse()

    async def UnlinkIdentity(self, _request: Any, _context: Any) -> Any:
        return identities.UnlinkIdentityResponse()


def webhook_registrations() -> list[Registration]:
    """Returns one of each."""
    return [
        Registration(
            webhooks_grpc.add_WebhookServiceServicer_to_server,
            WebhookStandIn(),
            "sonica.user.v1.WebhookService",
        ),
        Registration(
            identities_grpc.add_IdentityServiceServicer_to_server,
            IdentityStandIn(),
            "sonica.user.v1.IdentityService",
        ),
    ]
