"""The API keys of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from user_svc.accounts import not_found
from user_svc.credentials import Secret, new_api_key, new_key_id
from user_svc.errors import (
    ApiKeyLimitReachedError,
    ApiKeyNotFoundError,
    CredentialsRefusedError,
    ExpireTimePastError,
    RequestIdReusedError,
)
from user_svc.model import ApiKey, AuditAction, Caller, Scope
from user_svc.stores import accounts, api_keys, audit
from user_svc.stores.postgres import Database


class ApiKeys:
    """Use cases of `sonica.user.v1.ApiKeyService`."""

    def __init__(self, database: Database, max_api_keys: int) -> None:
        self._database = database
        self._max_api_keys = max_api_keys

    async def create(
        self,
        user_id: UUID,
        display_name: str,
        scopes: Sequence[Scope],
        expire_time: datetime | None,
        request_id: UUID | None,
        daily_recognition_limit: int,
    ) -> tuple[ApiKey, Secret]:
        """Makes a key for the caller; its secret is known to nobody else afterwards.

        Raises:
            ApiKeyLimitReachedError, CredentialsRefusedError, ExpireTimePastError,
            RequestIdReusedError, StoreUnreachableError, StorageFullError.
        """
        if expire_time is not None and expire_time <= datetime.now(UTC):
            shown = expire_time.isoformat()
            raise ExpireTimePastError(
                f"expire_time is {shown}, which has passed; choose a later one, or none",
                expire_time=shown,
            )
        key_id = new_key_id()
        secret = new_api_key(key_id)
        async with self._database.transaction("create_api_key") as connection:
            # Calls of one account one after the other: the number of its keys stays bounded.
            if await accounts.lock(connection, user_id) is None:
                raise CredentialsRefusedError  # the account was erased meanwhile
            if request_id is not None:
                made = await api_keys.find_request(connection, user_id, request_id)
                if made is not None:
                    raise _request_reused(request_id, made)
            if await api_keys.count_kept(connection, user_id) >= self._max_api_keys:
                raise ApiKeyLimitReachedError(
                    f"the account has {self._max_api_keys} keys; revoke one to make room",
                    max_api_keys=str(self._max_api_keys),
                )
            key = await api_keys.insert(
                connection,
                user_id,
                key_id,
                secret.sha256,
                display_name,
                scopes,
                expire_time,
                request_id,
                daily_recognition_limit,
            )
            await audit.record(
                connection,
                AuditAction.API_KEY_CREATED,
                user_id=user_id,
                actor_id=user_id,
                resource=key_name(key),
            )
        return key, secret

    async def page(self, user_id: UUID, before: int | None, limit: int) -> list[ApiKey]:
        """Returns the next keys of an account, the newest first.

        Raises:
            AccountNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("list_api_keys") as connection:
            if await accounts.find(connection, user_id) is None:
                raise not_found(user_id)
            return await api_keys.page(connection, user_id, before, limit)

    async def rotate(self, user_id: UUID, key_id: str) -> tuple[ApiKey, Secret]:
        """Gives a key of the caller a new secret; the old one ends at once.

        Raises:
            ApiKeyNotFoundError, StoreUnreachableError.
        """
        secret = new_api_key(key_id)
        async with self._database.transaction("rotate_api_key") as connection:
            key = await api_keys.rotate(connection, user_id, key_id, secret.sha256)
            if key is None:
                raise _not_found(user_id, key_id)
            await audit.record(
                connection,
                AuditAction.API_KEY_ROTATED,
                user_id=user_id,
                actor_id=user_id,
                resource=key_name(key),
            )
        return key, secret

    async def revoke(self, caller: Caller, user_id: UUID, key_id: str) -> ApiKey:
        """Ends a key for good; doing it twice is doing it once.

        Raises:
            ApiKeyNotFoundError, StoreUnreachableError.
        """
        async with self._database.transaction("revoke_api_key") as connection:
            key = await api_keys.revoke(connection, user_id, key_id)
            if key is None:
                raise _not_found(user_id, key_id)
            await audit.record(
                connection,
                AuditAction.API_KEY_REVOKED,
                user_id=user_id,
                actor_id=caller.user_id,
                resource=key_name(key),
            )
        return key


def key_name(key: ApiKey) -> str:
    """Returns the resource name of a key."""
    return f"users/{key.user_id}/apiKeys/{key.key_id}"


def _not_found(user_id: UUID, key_id: str) -> ApiKeyNotFoundError:
    name = f"users/{user_id}/apiKeys/{key_id}"
    return ApiKeyNotFoundError(f"there is no key {name} that could be used", name=name)


def _request_reused(request_id: UUID, made: ApiKey) -> RequestIdReusedError:
    name = key_name(made)
    return RequestIdReusedError(
        f"request {request_id} has made the key {name}, whose secret cannot be shown again; "
        "rotate it, or use another request_id",
        request_id=str(request_id),
        name=name,
    )
