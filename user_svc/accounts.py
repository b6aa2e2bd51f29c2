"""The accounts: registering, reading, changing."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from user_svc.errors import AccountNotFoundError, EmailTakenError, PasswordWrongError
from user_svc.model import Account, AuditAction, Caller
from user_svc.owner_check import OwnerCheck
from user_svc.passwords import Passwords
from user_svc.social.model import SocialLogIn
from user_svc.stores import accounts, audit, sessions
from user_svc.stores.postgres import Database


class Accounts:
    """Use cases of `sonica.user.v1.AccountService`."""

    def __init__(self, database: Database, passwords: Passwords, check: OwnerCheck) -> None:
        self._database = database
        self._passwords = passwords
        self._check = check

    async def register(
        self, email: str, password: str, display_name: str, request_id: UUID | None
    ) -> Account:
        """Makes an account; the same request finds the one it has made.

        Raises:
            EmailTakenError, HashingBusyError, StoreUnreachableError, StorageFullError.
        """
        email = email.lower()
        # Hashed before it is known whether the address is free: both take the same time.
        password_hash = await self._passwords.hash(password)
        async with self._database.transaction("register") as connection:
            account = await accounts.insert(
                connection, email, password_hash, display_name, request_id
            )
            if account is not None:
                await audit.record(
                    connection,
                    AuditAction.REGISTERED,
                    user_id=account.user_id,
                    actor_id=account.user_id,
                )
                return account
            there = await accounts.find_login(connection, email)
        again = there is not None and request_id is not None and there.request_id == request_id
        if there is None or not again:
            raise EmailTakenError
        if not await self._passwords.fits(password, there.password_hash):
            raise EmailTakenError
        return there.account

    async def get(self, user_id: UUID) -> Account:
        """Returns an account.

        Raises:
            AccountNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("get_account") as connection:
            account = await accounts.find(connection, user_id)
        if account is None:
            raise not_found(user_id)
        return account

    async def update(self, user_id: UUID, changes: Mapping[str, object]) -> Account:
        """Changes display name and preferences.

        Args:
            user_id: of the caller.
            changes: new values by column, those of `stores.accounts.CHANGEABLE`.

        Raises:
            AccountNotFoundError, StoreUnreachableError, StorageFullError.
        """
        async with self._database.transaction("update_account") as connection:
            account = await accounts.update(connection, user_id, changes)
            if account is None:
                raise not_found(user_id)
            await audit.record(
                connection, AuditAction.ACCOUNT_UPDATED, user_id=user_id, actor_id=user_id
            )
        return account

    async def change_password(
        self, caller: Caller, address: str, proof: str | SocialLogIn, wanted: str
    ) -> None:
        """Changes the password of the caller and ends the caller's other sessions.

        Args:
            caller: of the account.
            address: of the caller.
            proof: the password as it is, or what stands for it.
            wanted: the password as it shall be.

        Raises:
            HashingBusyError, StoreUnreachableError; those of `OwnerCheck.verify`.
        """
        user_id = caller.user_id
        stored = await self._check.verify(caller, address, proof)
        password_hash = await self._passwords.hash(wanted)
        async with self._database.transaction("change_password") as connection:
            if await accounts.lock(connection, user_id) != stored:
                raise PasswordWrongError  # it was changed while we hashed
            await accounts.set_password_hash(connection, user_id, password_hash)
            await sessions.end_all(connection, user_id, kept=caller.session_id)
            await audit.record(
                connection, AuditAction.PASSWORD_CHANGED, user_id=user_id, actor_id=user_id
            )


def not_found(user_id: UUID) -> AccountNotFoundError:
    """Returns what an admin is told."""
    name = f"users/{user_id}"
    return AccountNotFoundError(f"there is no account {name}", name=name)
