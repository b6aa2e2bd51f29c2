"""Reading the audit log."""

from __future__ import annotations

from user_svc.model import AuditEvent, AuditQuery
from user_svc.stores import audit
from user_svc.stores.postgres import Database


class AuditLog:
    """Use cases of `sonica.user.v1.AuditService`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: AuditQuery, before: int | None, limit: int) -> list[AuditEvent]:
        """Returns the next events, the newest first.

        Raises:
            StoreUnreachableError.
        """
        async with self._database.connection("list_events") as connection:
            return await audit.page(connection, query, before, limit)
