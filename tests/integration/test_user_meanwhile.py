"""Aim: what changes between looking and acting is seen: an identity unlinked, an account erased.

Method: the real service on real PostgreSQL, and a transaction of the test's that holds the account
until a call waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import grpc
import pytest
from sonica.user.v1 import api_key_pb2, api_key_service_pb2, identity_service_pb2
from sonica.user.v1 import webhook_service_pb2 as webhook_pb

from tests.integration.providers import provider_process
from tests.integration.test_user_social import link, log_in, refused, service
from tests.integration.test_user_social_proof import erase
from tests.integration.user_service import PASSWORD, User, make_settings, user_service
from tests.integration.webhook_calls import make, settings_for
from user_svc.grant import grant
from user_svc.model import Role

Code = grpc.StatusCode
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
NOBODY = "users/00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider_process() as running:
        yield running


async def refused_meanwhile(dsn: str, statement: str, user: User, call: Any) -> tuple[Code, str]:
    """Runs a statement about an account, commits it once a call waits; returns its refusal."""
    holder, watcher = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        async with asyncio.TaskGroup() as tasks, holder.transaction():
            user_id = UUID(user.name.removeprefix("users/"))
            lock = "SELECT FROM users.account WHERE user_id = $1 FOR UPDATE"
            await holder.execute(lock, user_id)
            await holder.execute(statement, user_id)
            waiting = tasks.create_task(refused(call()))
            async with asyncio.timeout(60):
                while not await watcher.fetchval(_WAITING):  # noqa: ASYNC110 - another's lock
                    await asyncio.sleep(0.02)
        return waiting.result()
    finally:
        await holder.close()
        await watcher.close()


ERASE = "DELETE FROM users.account WHERE user_id = $1"


async def test_an_identity_unlinked_meanwhile_opens_nothing(postgres_dsn: str, issuer: str) -> None:
    async with service(postgres_dsn, issuer) as client:
        user = await client.register("ada@example.org")
        user.tokens = await client.log_in(user.email)
        await link(client, user, "ada")
        unlink = "DELETE FROM users.identity WHERE user_id = $1"
        outcome = await refused_meanwhile(postgres_dsn, unlink, user, lambda: log_in(client, "ada"))
        assert outcome == (Code.ALREADY_EXISTS, "SOCIAL_EMAIL_TAKEN")


async def test_who_was_erased_meanwhile_makes_nothing(
    postgres_dsn: str, issuer: str, tmp_path: Path
) -> None:
    more = settings_for(postgres_dsn, tmp_path).model_dump(include={"secrets_key_file"})
    async with service(postgres_dsn, issuer, **more) as client:

        async def key(user: User) -> None:
            request = api_key_service_pb2.CreateApiKeyRequest(
                parent="users/me", display_name="k", scopes=[api_key_pb2.SCOPE_RECOGNIZE]
            )
            await client.keys.CreateApiKey(request, metadata=user.bearer)

        async def webhook(user: User) -> None:
            await make(client, user, "https://example.org/")

        async def identity(user: User) -> None:
            await link(client, user, "bob")

        for call in (key, webhook, identity):
            user = await client.newcomer()
            outcome = await refused_meanwhile(
                postgres_dsn, ERASE, user, lambda call=call, user=user: call(user)
            )
            assert outcome == (Code.UNAUTHENTICATED, "CREDENTIALS_REFUSED"), call


async def test_an_admin_is_told_of_accounts_that_are_not_there(postgres_dsn: str) -> None:
    settings = make_settings(postgres_dsn)
    async with user_service(settings) as client:
        admin = await client.newcomer()
        await grant(settings, admin.email, Role.ADMIN)
        admin.tokens = await client.log_in(admin.email)
        for call in (
            client.keys.ListApiKeys(
                api_key_service_pb2.ListApiKeysRequest(parent=NOBODY), metadata=admin.bearer
            ),
            client.webhooks.ListWebhooks(
                webhook_pb.ListWebhooksRequest(parent=NOBODY), metadata=admin.bearer
            ),
            client.identities.ListIdentities(
                identity_service_pb2.ListIdentitiesRequest(parent=NOBODY), metadata=admin.bearer
            ),
        ):
            assert await refused(call) == (Code.NOT_FOUND, "ACCOUNT_NOT_FOUND")


async def test_the_last_admin_is_not_erased(postgres_dsn: str) -> None:
    settings = make_settings(postgres_dsn)
    async with user_service(settings) as client:
        admins = []
        for _ in range(2):
            admins.append(await client.newcomer())
            await grant(settings, admins[-1].email, Role.ADMIN)
        # Both at once: one of them is left.
        outcomes = await asyncio.gather(
            *(erase(client, admin, password=PASSWORD) for admin in admins), return_exceptions=True
        )
        assert outcomes.count(None) == 1
        (left,) = [a for a, o in zip(admins, outcomes, strict=True) if o is not None]
        last = (Code.FAILED_PRECONDITION, "LAST_ADMIN")
        assert await refused(erase(client, left, password=PASSWORD)) == last
        await erase(client, await client.newcomer(), password=PASSWORD)
