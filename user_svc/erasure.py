"""Forgets an account with all that names it."""

from __future__ import annotations

from user_svc.attempt_limit import AttemptLimit
from user_svc.errors import LastAdminError, PasswordWrongError
from user_svc.model import AuditAction, Caller
from user_svc.owner_check import OwnerCheck
from user_svc.social.model import SocialLogIn
from user_svc.stores import accounts, audit
from user_svc.stores.postgres import Database


class Erasure:
    """Use case `EraseAccount` of `sonica.user.v1.PersonalDataService`.

    Every table that names an account refers to its row with ON DELETE CASCADE, so nothing has to be
    listed here. The audit log names it by an id that leads nowhere from then on.
    """

    def __init__(self, database: Database, check: OwnerCheck, limit: AttemptLimit) -> None:
        self._database = database
        self._check = check
        self._limit = limit

    async def erase(self, caller: Caller, address: str, proof: str | SocialLogIn) -> None:
        """Forgets the caller.

        Raises:
            LastAdminError: nobody would be left who can give roles.
            StoreUnreachableError; those of `OwnerCheck.verify`.
        """
        user_id = caller.user_id
        stored = await self._check.verify(caller, address, proof)
        async with self._database.transaction("erase_account") as connection:
            # First of all, as `Administration.set_role` does: so the two wait for each other.
            if await accounts.lock_admins(connection) == {user_id}:
                raise LastAdminError
            if await accounts.lock(connection, user_id) != stored:
                raise PasswordWrongError  # it was changed while we hashed
            account = await accounts.find(connection, user_id)
            await audit.record(
                connection, AuditAction.ACCOUNT_ERASED, user_id=user_id, actor_id=user_id
            )
            await accounts.erase(connection, user_id)
        if account is not None:
            await self._limit.succeeded(account.email, address)
