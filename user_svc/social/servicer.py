"""`sonica.user.v1.IdentityService`: messages in, who calls, use case, messages out."""

from __future__ import annotations

from typing import Any

from sonica.user.v1 import identity_service_pb2 as pb
from sonica.user.v1 import identity_service_pb2_grpc as grpc_stubs

from user_svc import pages
from user_svc.access import Access
from user_svc.calls import caller_of
from user_svc.messages import time_to, user_from
from user_svc.model import Scope
from user_svc.social.identities import Identities
from user_svc.social.model import Identity

_PAGE_DEFAULT, _PAGE_MAX = 50, 100


class IdentityServicer(grpc_stubs.IdentityServiceServicer):
    """`sonica.user.v1.IdentityService`."""

    def __init__(self, access: Access, identities: Identities) -> None:
        self._access = access
        self._identities = identities

    async def LinkIdentity(
        self, request: pb.LinkIdentityRequest, context: Any
    ) -> pb.LinkIdentityResponse:
        """Links who came back from a provider."""
        caller = await caller_of(self._access, context)
        user_id = await self._access.own(caller, user_from(request.parent))
        identity = await self._identities.link(
            user_id, request.state, request.code, request.flow_token
        )
        return pb.LinkIdentityResponse(identity=identity_to(identity))

    async def ListIdentities(
        self, request: pb.ListIdentitiesRequest, context: Any
    ) -> pb.ListIdentitiesResponse:
        """Lists the identities of an account."""
        caller = await caller_of(self._access, context, Scope.ACCOUNT_READ)
        user_id = await self._access.own_or_admin(caller, user_from(request.parent))
        size = min(request.page_size or _PAGE_DEFAULT, _PAGE_MAX)
        before = pages.start(request.page_token, "identities", user_id)
        # One more than wanted tells whether there is a next page.
        found = await self._identities.page(user_id, before, size + 1)
        more = len(found) > size
        last = found[size - 1].identity_number if more else 0
        return pb.ListIdentitiesResponse(
            identities=[identity_to(identity) for identity in found[:size]],
            next_page_token=pages.token(last, "identities", user_id) if more else "",
        )

    async def UnlinkIdentity(
        self, request: pb.UnlinkIdentityRequest, context: Any
    ) -> pb.UnlinkIdentityResponse:
        """Removes an identity."""
        caller = await caller_of(self._access, context)
        user_id = await self._access.own(caller, user_from(request.name))
        await self._identities.unlink(user_id, request.name.rsplit("/", 1)[-1])
        return pb.UnlinkIdentityResponse()


def identity_to(identity: Identity) -> pb.Identity:
    """Writes an identity."""
    return pb.Identity(
        name=identity.name,
        provider=identity.provider,
        issuer=identity.issuer,
        subject=identity.subject,
        create_time=time_to(identity.create_time),
        last_use_time=time_to(identity.last_use_time),
        founding=identity.founding,
    )
