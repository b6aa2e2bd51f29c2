"""Who calls, and what of whom they may reach."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from uuid import UUID

from user_svc.access_tokens import AccessTokens, Claims
from user_svc.credentials import read_api_key
from user_svc.errors import AccessDeniedError, CredentialsMissingError, CredentialsRefusedError
from user_svc.model import Caller, Role, Scope
from user_svc.operator_key import OPERATOR, OperatorKey
from user_svc.refusal_log import RefusalLog
from user_svc.stores import api_keys, sessions
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
        refusals: records.
        operator_key: what the operator's key is compared with; None means that there is none.
    """

    def __init__(
        self,
        database: Database,
        tokens: AccessTokens,
        refusals: RefusalLog,
        operator_key: OperatorKey | None = None,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._refusals = refusals
        self._operator_key = operator_key

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
            return await self.holder(self._tokens.verify(presented.access_token))
        if presented.api_key is not None and self._is_operators(presented.api_key):
            return OPERATOR
        if presented.api_key is None or key_scope is None:
            raise CredentialsMissingError(key_scope.value if key_scope else "")
        return await self.key_holder(presented.api_key, key_scope)

    async def holder(self, claims: Claims) -> Caller:
        """Returns whose session a verified access token is of.

        Raises:
            CredentialsRefusedError: it has ended; StoreUnreachableError.
        """
        async with self._database.connection("find_caller") as connection:
            caller = await sessions.caller(connection, claims.session_id, claims.user_id)
        if caller is None:
            raise CredentialsRefusedError
        return caller

    async def key_holder(self, text: str, scope: Scope | None) -> Caller:
        """Returns whose API key this is, or the operator.

        Args:
            text: of the key.
            scope: what it must be good for; None is something that no key of an account is.

        Raises:
            CredentialsRefusedError, StoreUnreachableError.
            AccessDeniedError: the key has not this scope.
        """
        if self._is_operators(text):
            return OPERATOR
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
            await self._refusals.record_denial(found.user_id, found.user_id)
            raise _scope_missing(scope)
        return Caller(found.user_id, found.role, None, key_id)

    async def own(self, caller: Caller, user_id: UUID | None) -> UUID:
        """Returns the account meant, which has to be the caller's; None stands for it.

        Raises:
            AccessDeniedError, StoreUnreachableError.
        """
        if user_id in (None, caller.user_id) and not caller.is_operator:
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
            await self._refusals.record_denial(caller.user_id, None)
            raise _role_missing(Role.ADMIN)

    async def of_role(self, caller: Caller, role: Role) -> None:
        """Refuses all accounts but those of a role, however they call.

        Raises:
            AccessDeniedError, StoreUnreachableError.
        """
        if caller.role is not role:
            await self._refusals.record_denial(caller.user_id, None)
            raise _role_missing(role)

    def _is_operators(self, text: str) -> bool:
        return self._operator_key is not None and self._operator_key.fits(text)

    async def _denied(self, actor_id: UUID, user_id: UUID | None) -> AccessDeniedError:
        await self._refusals.record_denial(actor_id, user_id)
        return AccessDeniedError()


def _scope_missing(scope: Scope | None) -> AccessDeniedError:
    if scope is None:
        return AccessDeniedError("no API key is good for this call; log in instead")
    return AccessDeniedError(
        f"this API key has not the scope {scope.value}, which this call needs; "
        "use one that was made with it",
        scope=scope.value,
    )


def _role_missing(role: Role) -> AccessDeniedError:
    name = role.value.lower()
    return AccessDeniedError(f"this call is for accounts of role {name} only", role=name)
