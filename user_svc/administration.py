"""What admins do to accounts."""

from __future__ import annotations

from uuid import UUID

from user_svc.accounts import not_found
from user_svc.errors import LastAdminError
from user_svc.model import Account, AccountQuery, AuditAction, Caller, Role
from user_svc.stores import accounts, audit
from user_svc.stores.postgres import Database


class Administration:
    """Use cases of `sonica.user.v1.AccountService` that are for admins only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, query: AccountQuery, before: int | None, limit: int
    ) -> list[tuple[int, Account]]:
        """Returns the next accounts with their numbers, the newest first.

        Raises:
            StoreUnreachableError.
        """
        async with self._database.connection("list_accounts") as connection:
            return await accounts.page(connection, query, before, limit)

    async def set_role(self, caller: Caller, user_id: UUID, role: Role) -> Account:
        """Gives an account a role; doing it twice is doing it once.

        Raises:
            AccountNotFoundError, StoreUnreachableError.
            LastAdminError: nobody would be left who can give roles.
        """
        async with self._database.transaction("set_role") as connection:
            # Two admins who take the role from each other at once wait for each other here.
            if role is not Role.ADMIN and await accounts.lock_admins(connection) == {user_id}:
                raise LastAdminError
            old = await accounts.set_role(connection, user_id, role)
            account = await accounts.find(connection, user_id)
            if old is None or account is None:
                raise not_found(user_id)
            if old is not role:
                await audit.record(
                    connection,
                    AuditAction.ROLE_CHANGED,
                    user_id=user_id,
                    actor_id=caller.user_id,
                    roles=(old, role),
                )
        return account
