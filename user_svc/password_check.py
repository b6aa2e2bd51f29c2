"""The password of a caller who has a session, where a session alone is not enough."""

from __future__ import annotations

from user_svc.attempt_limit import AttemptLimit
from user_svc.errors import PasswordWrongError
from user_svc.model import Caller
from user_svc.passwords import Passwords
from user_svc.refusal_log import RefusalLog
from user_svc.stores import accounts
from user_svc.stores.postgres import Database


class PasswordCheck:
    """Verifies it, within the limit of wrong ones."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        limit: AttemptLimit,
        refusals: RefusalLog,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._limit = limit
        self._refusals = refusals

    async def verify(self, caller: Caller, address: str, password: str) -> str | None:
        """Returns the hash that the password fits; whoever acts on it locks it and compares.

        Raises:
            PasswordWrongError, AttemptsExhaustedError, HashingBusyError, StoreUnreachableError.
        """
        user_id = caller.user_id
        async with self._limit.attempt(str(user_id), address):
            async with self._database.connection("read_password") as connection:
                stored = await accounts.password_hash(connection, user_id)
            fits = await self._passwords.fits(password, stored)
        if not fits:
            # Whoever has got hold of a session and guesses leaves the same trace as at the log-in.
            await self._refusals.record(str(user_id), address, user_id, user_id)
            raise PasswordWrongError
        await self._limit.succeeded(str(user_id), address)
        return stored
