"""Administration for programs without an event loop. Made by `make gen`; not to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica_client._messages.sonica.user.v1 import Role
from sonica_client.administration import Administration
from sonica_client.portal import Portal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sonica_client._messages.sonica.user.v1 import (
        Account,
        AuditAction,
        ListAccountsResponse,
        ListAuditEventsResponse,
    )


class SyncAdministration:
    """Part of a `SonicaSyncClient`: `client.administration`, for admins and the operator.

    All methods raise SonicaError, ACCESS_DENIED for whoever is neither.
    """

    def __init__(self, portal: Portal, inner: Administration) -> None:
        self._portal = portal
        self._inner = inner

    def list_accounts(
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
        return self._portal.call(
            self._inner.list_accounts(
                email_prefix=email_prefix, role=role, page_size=page_size, page_token=page_token
            )
        )

    def set_role(self, name: str, role: Role) -> Account:
        """Gives an account a role, which counts from its next access token on."""
        return self._portal.call(self._inner.set_role(name, role))

    def audit_events(
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
        return self._portal.call(
            self._inner.audit_events(
                user,
                actions=actions,
                start_time=start_time,
                end_time=end_time,
                page_size=page_size,
                page_token=page_token,
            )
        )
