"""Who the owners of accounts are elsewhere: logging in with it, linking, unlinking."""

from __future__ import annotations

import secrets
from uuid import UUID

from user_svc.accounts import not_found
from user_svc.errors import CredentialsRefusedError
from user_svc.logins import Logins
from user_svc.model import Account, AuditAction, Tokens
from user_svc.passwords import Passwords
from user_svc.social.errors import (
    IdentityLimitReachedError,
    IdentityNeededError,
    IdentityNotFoundError,
    IdentityTakenError,
    SocialEmailTakenError,
    SocialEmailUnverifiedError,
    SocialLogInRefusedError,
)
from user_svc.social.flows import Flows
from user_svc.social.model import Identity, Person
from user_svc.stores import accounts, audit, identities
from user_svc.stores.postgres import Connection, Database

_ID_BYTES = 8
_PASSWORD_BYTES = 32
_IDENTITIES_MAX = 10


class Identities:
    """Use cases of `IdentityService`, and of social log-ins in `SessionService`.

    Args:
        database: where they are kept.
        flows: tells who came back from a provider.
        logins: begins sessions.
        passwords: hashes the password nobody knows, of accounts that are made without one.
    """

    def __init__(
        self, database: Database, flows: Flows, logins: Logins, passwords: Passwords
    ) -> None:
        self._database = database
        self._flows = flows
        self._logins = logins
        self._passwords = passwords

    async def log_in(self, state: str, code: str, flow_token: str) -> tuple[UUID, Tokens, bool]:
        """Begins a session of the account a person is linked to, made now if there is none.

        Returns:
            The account's id, the tokens, and whether it was made.

        Raises:
            SocialLogInRefusedError, SocialEmailTakenError, SocialEmailUnverifiedError,
            ProviderUnreachableError, HashingBusyError, StoreUnreachableError, StorageFullError.
        """
        provider, person = await self._flows.end(state, code, flow_token)
        async with self._database.transaction("social_log_in") as connection:
            account = await _linked(connection, person)
            if account is not None:
                return account.user_id, await self._logins.begin(connection, account), False
        if person.email is None:
            raise SocialEmailUnverifiedError(
                f"{provider} gives no email address that it has verified; register with a "
                "password and link it",
                provider=provider,
            )
        # No account is without a hash, so nothing that compares one has to know of these.
        password_hash = await self._passwords.hash(secrets.token_urlsafe(_PASSWORD_BYTES))
        async with self._database.transaction("social_register") as connection:
            account = await _registered(connection, provider, person, password_hash)
            return account.user_id, await self._logins.begin(connection, account), True

    async def link(self, user_id: UUID, state: str, code: str, flow_token: str) -> Identity:
        """Links who came back from a provider to the caller's account.

        Raises:
            SocialLogInRefusedError, IdentityTakenError, IdentityLimitReachedError,
            CredentialsRefusedError, ProviderUnreachableError, StoreUnreachableError,
            StorageFullError.
        """
        provider, person = await self._flows.end(state, code, flow_token)
        async with self._database.transaction("link_identity") as connection:
            if await accounts.lock(connection, user_id) is None:
                raise CredentialsRefusedError  # the account was erased meanwhile
            there = await identities.find(connection, person)
            if there is not None and there.user_id == user_id:
                return there
            if await identities.count(connection, user_id) >= _IDENTITIES_MAX:
                raise IdentityLimitReachedError(
                    f"the account has {_IDENTITIES_MAX} identities; unlink one to make room",
                    max_identities=str(_IDENTITIES_MAX),
                )
            identity = await _link(connection, user_id, provider, person)
            if identity is None:
                raise IdentityTakenError
        return identity

    async def page(self, user_id: UUID, before: int | None, limit: int) -> list[Identity]:
        """Returns the next identities of an account, the newest first.

        Raises:
            AccountNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("list_identities") as connection:
            if await accounts.find(connection, user_id) is None:
                raise not_found(user_id)
            return await identities.page(connection, user_id, before, limit)

    async def unlink(self, user_id: UUID, identity_id: str) -> None:
        """Removes an identity from the caller's account.

        Raises:
            IdentityNotFoundError, IdentityNeededError, StoreUnreachableError.
        """
        name = f"users/{user_id}/identities/{identity_id}"
        async with self._database.transaction("unlink_identity") as connection:
            await accounts.lock(connection, user_id)
            identity = await identities.delete(connection, user_id, identity_id)
            if identity is None:
                raise IdentityNotFoundError(f"there is no identity {name}", name=name)
            if identity.founding and await identities.is_password_unknown(connection, user_id):
                raise IdentityNeededError  # which undoes it
            await audit.record(
                connection,
                AuditAction.IDENTITY_UNLINKED,
                user_id=user_id,
                actor_id=user_id,
                resource=name,
            )


async def _linked(connection: Connection, person: Person) -> Account | None:
    found = await identities.find(connection, person)
    if found is None or await accounts.lock(connection, found.user_id) is None:
        return None
    # Unlinking locks the account too, and may have been quicker.
    identity = await identities.find(connection, person)
    if identity is None or identity.identity_number != found.identity_number:
        return None
    await identities.mark_used(connection, identity.identity_number)
    return await accounts.find(connection, identity.user_id)


async def _registered(
    connection: Connection, provider: str, person: Person, password_hash: str
) -> Account:
    """Makes an account for a person with a verified address that no account has."""
    assert person.email is not None  # noqa: S101 - who calls has looked
    account = await accounts.insert(
        connection, person.email, password_hash, person.display_name, None
    )
    if account is None:
        raise SocialEmailTakenError
    await identities.set_password_unknown(connection, account.user_id)
    user_id = account.user_id
    await audit.record(connection, AuditAction.REGISTERED, user_id=user_id, actor_id=user_id)
    if await _link(connection, user_id, provider, person, founding=True) is None:
        raise SocialLogInRefusedError  # another log-in of the same person was quicker
    return account


async def _link(
    connection: Connection,
    user_id: UUID,
    provider: str,
    person: Person,
    *,
    founding: bool = False,
) -> Identity | None:
    identity_id = secrets.token_hex(_ID_BYTES)
    identity = await identities.insert(
        connection, user_id, identity_id, provider, person, founding=founding
    )
    if identity is not None:
        await audit.record(
            connection,
            AuditAction.IDENTITY_LINKED,
            user_id=user_id,
            actor_id=user_id,
            resource=identity.name,
        )
    return identity
