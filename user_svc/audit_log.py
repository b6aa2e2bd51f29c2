"""Reading the audit log."""

from __future__ import annotations

from uuid import UUID

from user_svc.model import AuditEvent
from user_svc.stores import audit
from user_svc.stores.postgres import Database


class AuditLog:
    """Use cases of `sonica.user.v1.AuditService`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, user_id: UUID | None, before: int | None, limit: int) -> list[AuditEvent]:
        """Returns the next events, of one account or of all, the newest first.

        Raises:
            StoreUnreachableError.
        """
        async with self._database.connection("list_events") as connection:
            return await audit.page(connection, user_id, before, limit)
