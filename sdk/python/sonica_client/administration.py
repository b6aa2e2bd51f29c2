"""What admins see and do, as a part of the client."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from . import methods
from ._messages.sonica.user.v1 import (
    Account,
    AuditAction,
    ListAccountsRequest,
    ListAccountsResponse,
    ListAuditEventsRequest,
    ListAuditEventsResponse,
    Role,
    SetRoleRequest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .caller import Caller


class Administration:
    """Part of a `SonicaClient`: `client.administration`, for admins and the operator.

    All methods raise SonicaError, ACCESS_DENIED for whoever is neither.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def list_accounts(
        self,
        *,
        email_prefix: str = "",
        role: Role = Role.UNSPECIFIED,
        page_size: int = 0,
        page_token: str = "",
    ) -> ListAccountsResponse:
        """Returns one page of accounts, the newest first.

        Args:
            email_prefix: only those whose email begins so, in any case.
            role: only those of this role; UNSPECIFIED means all.
            page_size: most of them; 0 means 50, and 1,000 is the most.
            page_token: `next_page_token` of the page before.
        """
        request = ListAccountsRequest(
            page_size=page_size, page_token=page_token, email_prefix=email_prefix, role=role
        )
        return await self._caller.own(methods.LIST_ACCOUNTS, request)

    async def set_role(self, name: str, role: Role) -> Account:
        """Gives an account a role, which counts from its next access token on."""
        response = await self._caller.own(methods.SET_ROLE, SetRoleRequest(name=name, role=role))
        return response.account or Account()

    async def audit_events(
        self,
        user: str = "",
        *,
        actions: Sequence[AuditAction] = (),
        start_time: dt.datetime | None = None,
        end_time: dt.datetime | None = None,
        page_size: int = 0,
        page_token: str = "",
    ) -> ListAuditEventsResponse:
        """Returns one page of the audit log, the newest first.

        Args:
            user: only what was done to this account, `users/...`.
            actions: only these; none means all.
            start_time: only what was recorded then or later, with a time zone.
            end_time: only what was recorded before.
            page_size: most events; 0 means 50, and 1,000 is the most.
            page_token: `next_page_token` of the page before.
        """
        request = ListAuditEventsRequest(
            user=user,
            actions=[*actions],
            start_time=start_time,
            end_time=end_time,
            page_size=page_size,
            page_token=page_token,
        )
        return await self._caller.own(methods.LIST_AUDIT_EVENTS, request)
