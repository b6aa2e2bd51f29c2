"""Who calls, and what of whom they may reach."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from uuid import UUID

from user_svc.access_tokens import AccessTokens
from user_svc.credentials import read_api_key
from user_svc.errors import AccessDeniedError, CredentialsMissingError, CredentialsRefusedError
from user_svc.model import AuditAction, Caller, Scope
from user_svc.stores import api_keys, audit, sessions
from user_svc.stores.postgres import Database


@dataclass(frozen=True, slots=True)
class Presented:
    """What a call carries.

    Attributes:
        access_token: None when it has none.
        api_key: None when it has none; not looked at beside an access token.
        address: of the client, as the proxy saw it; empty when it is not known.
    """

    access_token: str | None = field(repr=False)
    api_key: str | None = field(repr=False)
    address: str


class Access:
    """Tells callers, and refuses what is not theirs; a refusal is recorded.

    Args:
        database: of sessions and keys.
        tokens: verifies access tokens.
    """

    def __init__(self, database: Database, tokens: AccessTokens) -> None:
        self._database = database
        self._tokens = tokens

    async def caller(self, presented: Presented, key_scope: Scope | None = None) -> Caller:
        """Returns who calls.

        The session or key is looked up on every call, so what has ended is refused at once.

        Args:
            presented: what the call carries.
            key_scope: what an API key must be good for; None means that none is.

        Raises:
            CredentialsMissingError, CredentialsRefusedError, StoreUnreachableError.
            AccessDeniedError: the key has not this scope.
        """
        if presented.access_token is not None:
            return await self._session(presented.access_token)
        if presented.api_key is None or key_scope is None:
            raise CredentialsMissingError
        return await self._key(presented.api_key, key_scope)

    async def own(self, caller: Caller, user_id: UUID | None) -> UUID:
        """Returns the account meant, which has to be the caller's; None stands for it.

        Raises:
            AccessDeniedError, StoreUnreachableError.
        """
        if user_id in (None, caller.user_id):
            return caller.user_id
        raise await self._denied(caller.user_id, user_id)

    async def own_or_admin(self, caller: Caller, user_id: UUID | None) -> UUID:
        """Returns the account meant: the caller's, or for an admin any, existing or not.

        Raises:
            AccessDeniedError, StoreUnreachableError.
        """
        if user_id is not None and caller.is_admin:
            return user_id
        return await self.own(caller, user_id)

    async def admin(self, caller: Caller) -> None:
        """Refuses all but admins.

        Raises:
            AccessDeniedError, StoreUnreachableError.
        """
        if not caller.is_admin:
            raise await self._denied(caller.user_id, None)

    async def _session(self, token: str) -> Caller:
        claims = self._tokens.verify(token)
        async with self._database.connection("find_caller") as connection:
            caller = await sessions.caller(connection, claims.session_id, claims.user_id)
        if caller is None:
            raise CredentialsRefusedError
        return caller

    async def _key(self, text: str, scope: Scope) -> Caller:
        read = read_api_key(text)
        if read is None:
            raise CredentialsRefusedError
        key_id, secret_sha256 = read
        async with self._database.connection("find_api_key") as connection:
            found = await api_keys.find_live(connection, key_id)
            if found is None or not hmac.compare_digest(found.secret_sha256, secret_sha256):
                raise CredentialsRefusedError
            if not found.used_lately:
                await api_keys.mark_used(connection, key_id)
        if scope not in found.scopes:
            raise await self._denied(found.user_id, found.user_id)
        return Caller(found.user_id, found.role, None)

    async def _denied(self, actor_id: UUID, user_id: UUID | None) -> AccessDeniedError:
        async with self._database.transaction("record_denial") as connection:
            await audit.record(
                connection, AuditAction.ACCESS_DENIED, user_id=user_id, actor_id=actor_id
            )
        return AccessDeniedError()
