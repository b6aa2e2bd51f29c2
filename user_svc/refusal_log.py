"""Records refusals in the audit log, not each of them: the log never forgets.

Of wrong passwords for one account from one address there is one event a minute, which tells how
many there were since the one before, and from one address a bounded number for all accounts.
Whether there is such an account decides nothing of it: the time of a refusal must not tell. Of what
a caller is denied at one account it is the same, with the caller in place of the address.
"""

from __future__ import annotations

from uuid import UUID

from user_svc.attempt_limit import count_key
from user_svc.model import AuditAction
from user_svc.stores import audit
from user_svc.stores.attempts import Attempts
from user_svc.stores.postgres import Database

_INTERVAL_SECONDS = 60
_EVENTS_MAX = 30
# How long a refusal without an event waits for one that tells of it.
_PENDING_SECONDS = 86_400


class RefusalLog:
    """Records refusals.

    Args:
        database: of the audit log.
        attempts: counts, for all replicas.
    """

    def __init__(self, database: Database, attempts: Attempts) -> None:
        self._database = database
        self._attempts = attempts

    async def record(
        self, name: str, address: str, user_id: UUID | None, actor_id: UUID | None = None
    ) -> None:
        """Counts a refusal, and adds an event when its time has come.

        Args:
            name: what the caller has called the account, whether there is one or not.
            address: of the client.
            user_id: the account, if there is one.
            actor_id: who called, if logged in.

        Raises:
            StoreUnreachableError, StorageFullError.
        """
        count = await self._told("refusals", name, address)
        if count:
            await self._record(AuditAction.LOGIN_REFUSED, user_id, actor_id, count)

    async def record_denial(self, actor_id: UUID, user_id: UUID | None) -> None:
        """Counts that a caller was denied something, and adds an event when its time has come.

        Args:
            actor_id: who called.
            user_id: at whose account, whether there is such a one; None when it is of nobody.

        Raises:
            StoreUnreachableError, StorageFullError.
        """
        count = await self._told("denials", str(user_id or ""), str(actor_id))
        if count:
            await self._record(AuditAction.ACCESS_DENIED, user_id, actor_id, count)

    async def _told(self, kind: str, name: str, holder: str) -> int:
        """Counts one more; returns how many an event has to tell of now, 0 for no event."""
        pending = count_key(name, holder, f"pending {kind} of ")
        count = (await self._attempts.begin(pending, _PENDING_SECONDS)).attempts
        if await self._number(f"{kind} of ", name, holder) > 1:
            return 0
        if await self._number(kind, "", holder) > _EVENTS_MAX:
            return 0
        await self._attempts.forget(pending)
        return count

    async def _number(self, kind: str, name: str, holder: str) -> int:
        key = count_key(name, holder, kind)
        return (await self._attempts.begin(key, _INTERVAL_SECONDS)).attempts

    async def _record(
        self, action: AuditAction, user_id: UUID | None, actor_id: UUID | None, count: int
    ) -> None:
        async with self._database.transaction("record_refusal") as connection:
            await audit.record(
                connection, action, user_id=user_id, actor_id=actor_id, occurrence_count=count
            )
