"""The history: what accounts have had recognised."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from user_svc.errors import RecognitionNotFoundError
from user_svc.model import AuditAction
from user_svc.recognition import Place, Recognition, RecognitionQuery
from user_svc.stores import audit, recognitions
from user_svc.stores.postgres import Connection, Database
from user_svc.stores.recognitions import Placed

#: One of so many recognitions makes room in the history of its account.
LOOK_EVERY = 50
_EXPORT_PAGE = 200
_EVERYTHING = RecognitionQuery()


class History:
    """Use cases of `sonica.user.v1.HistoryService`, and what is reported for it.

    Args:
        database: where it is kept.
        retention_seconds: what is older is not shown.
        recognitions_max: of one account; the oldest are forgotten, not at once but soon.
    """

    def __init__(self, database: Database, retention_seconds: float, recognitions_max: int) -> None:
        self._database = database
        self._retention_seconds = retention_seconds
        self._recognitions_max = recognitions_max

    async def remember(self, connection: Connection, reported: Sequence[Recognition]) -> None:
        """Stores what was reported, of accounts that are there and want it; twice is once.

        Args:
            connection: inside a transaction.
            reported: of any accounts.
        """
        wanted = await recognitions.wanted_by(connection, {each.user_id for each in reported})
        stored = await recognitions.insert(connection, [r for r in reported if r.user_id in wanted])
        # To look for excess is much more work than to store, so only some of them have it done.
        looked_at = {each.user_id for each in stored if not each.recognition_number % LOOK_EVERY}
        for user_id in sorted(looked_at):
            await recognitions.forget_excess(connection, user_id, self._recognitions_max)

    async def page(
        self, user_id: UUID, query: RecognitionQuery, before: Place | None, limit: int
    ) -> list[Placed]:
        """Returns the next recognitions of an account, the newest first.

        Raises:
            StoreUnreachableError.
        """
        async with self._database.connection("list_recognitions") as connection:
            return await recognitions.page(
                connection, user_id, query, self._retention_seconds, before, limit
            )

    async def everything(
        self, user_id: UUID, query: RecognitionQuery = _EVERYTHING
    ) -> AsyncIterator[list[Recognition]]:
        """Yields all recognitions of an account in pages, the newest first.

        Between pages no connection is held, however slowly they are read.

        Raises:
            StoreUnreachableError.
        """
        before = None
        while placed := await self.page(user_id, query, before, _EXPORT_PAGE):
            yield [each.recognition for each in placed]
            before = placed[-1].place

    async def delete(self, user_id: UUID, recognition_id: UUID) -> None:
        """Removes one recognition of an account.

        Raises:
            RecognitionNotFoundError, StoreUnreachableError.
        """
        async with self._database.transaction("delete_recognition") as connection:
            found = await recognitions.delete(connection, user_id, recognition_id)
        if not found:
            name = f"users/{user_id}/recognitions/{recognition_id}"
            raise RecognitionNotFoundError(f"there is no recognition {name}", name=name)

    async def clear(self, user_id: UUID) -> int:
        """Removes all recognitions of an account; returns how many.

        Raises:
            StoreUnreachableError.
        """
        async with self._database.transaction("clear_history") as connection:
            count = await recognitions.clear(connection, user_id)
            await audit.record(
                connection, AuditAction.HISTORY_CLEARED, user_id=user_id, actor_id=user_id
            )
        return count
