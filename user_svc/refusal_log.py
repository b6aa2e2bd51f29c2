"""Records refused passwords in the audit log, not each of them: the log never forgets.

For one account from one address there is one event a minute, which tells how many there were since
the one before, and from one address a bounded number for all accounts. Whether there is such an
account decides nothing of it: the time of a refusal must not tell.
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
        pending = count_key(name, address, "pending refusals of ")
        count = (await self._attempts.begin(pending, _PENDING_SECONDS)).attempts
        if await self._number("refusals of ", name, address) > 1:
            return
        if await self._number("refusals", "", address) > _EVENTS_MAX:
            return
        await self._attempts.forget(pending)
        async with self._database.transaction("record_refusal") as connection:
            await audit.record(
                connection,
                AuditAction.LOGIN_REFUSED,
                user_id=user_id,
                actor_id=actor_id,
                occurrence_count=count,
            )

    async def _number(self, kind: str, name: str, address: str) -> int:
        key = count_key(name, address, kind)
        return (await self._attempts.begin(key, _INTERVAL_SECONDS)).attempts
