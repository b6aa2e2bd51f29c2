"""The sessions of accounts: log-in, refresh, log-out."""

from __future__ import annotations

import hmac
import uuid
from uuid import UUID

from user_svc.access_tokens import AccessTokens
from user_svc.accounts import not_found
from user_svc.attempt_limit import AttemptLimit
from user_svc.credentials import new_refresh_token, read_refresh_token
from user_svc.errors import CredentialsMissingError, LoginRefusedError, RefreshRefusedError
from user_svc.model import Account, AuditAction, Caller, Tokens
from user_svc.passwords import Passwords
from user_svc.refusal_log import RefusalLog
from user_svc.settings import Settings
from user_svc.stores import accounts, audit, sessions
from user_svc.stores.postgres import Connection, Database


class Logins:
    """Use cases of `sonica.user.v1.SessionService`."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        tokens: AccessTokens,
        limit: AttemptLimit,
        refusals: RefusalLog,
        settings: Settings,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens
        self._limit = limit
        self._refusals = refusals
        self._max_sessions = settings.max_sessions
        self._refresh_seconds = settings.refresh_ttl_seconds
        self._session_seconds = settings.session_ttl_seconds

    async def log_in(self, email: str, password: str, address: str) -> tuple[UUID, Tokens]:
        """Begins a session; a refusal is the same work, whatever is wrong.

        Args:
            email: of the account, in any case.
            password: of the account.
            address: of the client.

        Returns:
            The account's id and the tokens.

        Raises:
            LoginRefusedError, AttemptsExhaustedError, HashingBusyError, StoreUnreachableError,
            StorageFullError.
        """
        # No address has a NUL, and PostgreSQL takes none.
        email = email.lower().replace("\0", " ")
        async with self._limit.attempt(email, address):
            async with self._database.connection("find_login") as connection:
                login = await accounts.find_login(connection, email)
            stored = login.password_hash if login else None
            fits = await self._passwords.fits(password, stored)
        if not fits or login is None:
            user_id = login.account.user_id if login else None
            await self._refusals.record(email, address, user_id)
            raise LoginRefusedError
        await self._limit.succeeded(email, address)
        renewed = await self._renewed_hash(password, login.password_hash)
        async with self._database.transaction("log_in") as connection:
            if await accounts.lock(connection, login.account.user_id) != stored:
                raise LoginRefusedError  # it was changed while we hashed
            if renewed is not None:
                await accounts.set_password_hash(connection, login.account.user_id, renewed)
            tokens = await self.begin(connection, login.account)
        return login.account.user_id, tokens

    async def refresh(self, refresh_token: str) -> Tokens:
        """Gives a session its next tokens; a token that was used before ends it.

        Raises:
            RefreshRefusedError, StoreUnreachableError, StorageFullError.
        """
        read = read_refresh_token(refresh_token)
        if read is None:
            raise RefreshRefusedError
        session_id, sha256 = read
        async with self._database.transaction("refresh") as connection:
            held = await sessions.lock(connection, session_id)
            reused = held is not None and not hmac.compare_digest(held.refresh_sha256, sha256)
            if held is not None and reused:
                await sessions.end(connection, session_id)
                await audit.record(
                    connection,
                    AuditAction.REFRESH_REUSED,
                    user_id=held.user_id,
                    resource=session_name(held.user_id, session_id),
                )
            elif held is not None:
                following = new_refresh_token(session_id)
                expire_time = await sessions.refresh(
                    connection, session_id, following.sha256, self._refresh_seconds
                )
        # Raised after the transaction, which has ended the session.
        if held is None or reused:
            raise RefreshRefusedError
        access_token, access_expire_time = self._tokens.sign(held.user_id, session_id, held.role)
        return Tokens(access_token, access_expire_time, following.text, expire_time)

    async def log_out(self, caller: Caller) -> None:
        """Ends the caller's session.

        Raises:
            CredentialsMissingError: the operator's key has none; StoreUnreachableError.
        """
        if caller.session_id is None:
            raise CredentialsMissingError
        async with self._database.transaction("log_out") as connection:
            await sessions.end(connection, caller.session_id)
            await audit.record(
                connection,
                AuditAction.LOGGED_OUT,
                user_id=caller.user_id,
                actor_id=caller.user_id,
                resource=session_name(caller.user_id, caller.session_id),
            )

    async def log_out_everywhere(self, caller: Caller, user_id: UUID) -> int:
        """Ends all sessions of an account; returns how many.

        Raises:
            AccountNotFoundError, StoreUnreachableError.
        """
        async with self._database.transaction("log_out_everywhere") as connection:
            if await accounts.lock(connection, user_id) is None:
                raise not_found(user_id)
            count = await sessions.end_all(connection, user_id)
            await audit.record(
                connection,
                AuditAction.LOGGED_OUT_EVERYWHERE,
                user_id=user_id,
                actor_id=caller.user_id,
            )
        return count

    async def begin(self, connection: Connection, account: Account) -> Tokens:
        """Begins a session; `connection` is inside a transaction that holds the account locked."""
        session_id = uuid.uuid4()
        refresh_token = new_refresh_token(session_id)
        await sessions.make_room(connection, account.user_id, self._max_sessions - 1)
        expire_time = await sessions.insert(
            connection,
            session_id,
            account.user_id,
            refresh_token.sha256,
            self._refresh_seconds,
            self._session_seconds,
        )
        await audit.record(
            connection,
            AuditAction.LOGGED_IN,
            user_id=account.user_id,
            actor_id=account.user_id,
            resource=session_name(account.user_id, session_id),
        )
        token, access_expire_time = self._tokens.sign(account.user_id, session_id, account.role)
        return Tokens(token, access_expire_time, refresh_token.text, expire_time)

    async def _renewed_hash(self, password: str, stored: str) -> str | None:
        """Returns a hash with the parameters of today, when the stored one has others."""
        if not self._passwords.is_outdated(stored):
            return None
        return await self._passwords.hash(password)


def session_name(user_id: UUID, session_id: UUID) -> str:
    """Returns how the audit log calls a session."""
    return f"users/{user_id}/sessions/{session_id}"
