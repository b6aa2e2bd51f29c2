"""Aim: a person gets all that is kept about them and nothing secret, and can be forgotten.

Method: real PostgreSQL and Redis; every row of every table is searched, so a table that somebody
adds later is searched too.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from redis.asyncio import Redis
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import api_key_service_pb2 as key_pb
from sonica.user.v1 import audit_service_pb2 as audit_pb
from sonica.user.v1 import personal_data_service_pb2 as personal_pb

from mesh.runtime.migrations import bring_up_to_date, migrations_of
from tests.integration.test_user_limits import ask
from tests.integration.user_service import (
    PASSWORD,
    Client,
    User,
    file_of,
    make_settings,
    recognition,
    refusal,
    user_service,
)
from tests.integration.webhook_calls import make as make_webhook
from tests.integration.webhook_calls import settings_for
from user_svc.grant import grant
from user_svc.model import Role
from user_svc.stores.migrate import migrate
from user_svc.stores.postgres import open_database

Code = grpc.StatusCode
# Tables with a column that leads to an account, and the list of an export that has their rows.
SECTIONS = {
    "account": "account",
    "session": "sessions",
    "api_key": "apiKeys",
    "recognition": "recognitions",
    "audit_event": "auditEvents",
    "webhook": "webhooks",
    "identity": "identities",
}


@pytest.fixture
async def client(postgres_dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Client]:
    async with user_service(settings_for(postgres_dsn, tmp_path, redis_url=redis_url)) as running:
        yield running


async def busy(client: Client, dsn: str) -> tuple[User, str]:
    """Returns somebody with at least a row in every table, and an API key of theirs."""
    user = await client.newcomer()
    made = await client.keys.CreateApiKey(
        key_pb.CreateApiKeyRequest(
            parent="users/me",
            display_name="radio",
            scopes=["SCOPE_ACCOUNT_READ"],
            daily_recognition_limit=5,
        ),
        metadata=user.bearer,
    )
    await make_webhook(client, user, "http://127.0.0.1:1024/nobody-listens")
    await add_identity(dsn, user)
    await client.report(recognition(user.name, "Yaman"), recognition(user.name))
    with pytest.raises(grpc.aio.AioRpcError):
        await client.log_in(user.email, "a wrong password")
    with pytest.raises(grpc.aio.AioRpcError):
        await erase(client, user, "a wrong password")
    return user, made.key_text


async def add_identity(dsn: str, user: User) -> None:
    """Links somebody at a provider to an account, as a log-in there does."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "INSERT INTO users.identity (identity_id, user_id, provider, issuer, subject) "
        "VALUES ($1, $2, 'there', 'https://there.example', $3)",
        uuid.uuid4().hex[:16],
        uuid.UUID(user.name.removeprefix("users/")),
        uuid.uuid4().hex,
    )
    await connection.close()


def erase(client: Client, user: User, password: str = PASSWORD) -> Any:
    request = personal_pb.EraseAccountRequest(name="users/me", password=password)
    return client.personal.EraseAccount(request, metadata=user.bearer)


async def export(client: Client, user: User) -> dict[str, Any]:
    request = personal_pb.ExportPersonalDataRequest(name="users/me")
    document = await file_of(client.personal.ExportPersonalData, request, user.bearer)
    read: dict[str, Any] = json.loads(document)
    return read


async def tables_with(dsn: str, *texts: str) -> set[str]:
    """Returns the tables in a row of which one of some texts stands, in any column."""
    connection = await asyncpg.connect(dsn)
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'users'")
    assert len(names) >= len(SECTIONS)
    found = set()
    for (name,) in names:
        for text in texts:
            # Bytes are shown as hexadecimal digits.
            for form in (text, text.encode().hex()):
                where = "strpos(lower(t::text), $1) > 0"
                search = f"SELECT count(*) FROM users.{name} t WHERE {where}"  # noqa: S608
                if await connection.fetchval(search, form):
                    found.add(name)
    await connection.close()
    return found


async def redis_texts(url: str) -> str:
    """Returns all names and values of a Redis."""
    async with Redis.from_url(url) as redis:
        names = [name async for name in redis.scan_iter()]
        dumps = [await redis.dump(name) or b"" for name in names]
        return b"\n".join([*names, *dumps]).decode("latin-1").lower()


async def test_an_export_has_every_row_and_no_secret(client: Client, postgres_dsn: str) -> None:
    user, key = await busy(client, postgres_dsn)
    other, _ = await busy(client, postgres_dsn)
    document = await export(client, user)
    # Deliveries lead to an account through their webhook.
    assert set(document) == {"exportTime", "webhookDeliveries", *SECTIONS.values()}
    assert document["account"]["email"] == user.email
    assert [each["name"] for each in document["apiKeys"]] == [
        f"{user.name}/apiKeys/{key.split('_')[1]}"
    ]
    assert [len(each["matches"]) for each in document["recognitions"]] == [0, 1]
    assert len(document["sessions"]) == 1
    assert len(document["webhooks"]) == len(document["identities"]) == 1
    assert [each["event"] for each in document["webhookDeliveries"]] == [
        "WEBHOOK_EVENT_RECOGNITION_MATCHED"
    ]
    actions = [each["action"].removeprefix("AUDIT_ACTION_") for each in document["auditEvents"]]
    assert actions == [
        "PERSONAL_DATA_EXPORTED",
        "LOGIN_REFUSED",
        "LOGIN_REFUSED",
        "WEBHOOK_CREATED",
        "API_KEY_CREATED",
        "LOGGED_IN",
        "REGISTERED",
    ]
    text = json.dumps(document)
    for secret in (key, user.tokens.refresh_token, user.tokens.access_token, "argon2", "sha256"):
        assert secret not in text
    assert other.name not in text
    # Whatever table leads to an account has its list.
    connection = await asyncpg.connect(postgres_dsn)
    rows = await connection.fetch(
        "SELECT DISTINCT table_name FROM information_schema.columns "
        "WHERE table_schema = 'users' AND column_name IN ('user_id', 'audit_id')"
    )
    await connection.close()
    assert {row["table_name"] for row in rows} == set(SECTIONS)


async def test_in_an_export_others_have_no_name(client: Client, postgres_dsn: str) -> None:
    user, admin = await client.newcomer(), await client.newcomer()
    assert await grant(make_settings(postgres_dsn), admin.email, Role.ADMIN)
    await client.accounts.SetRole(
        account_pb.SetRoleRequest(name=user.name, role="ROLE_PREMIUM"), metadata=admin.bearer
    )
    for mine, other, shown in ((user, admin, ("", user.name)), (admin, user, (admin.name, ""))):
        document = await export(client, mine)
        assert other.name not in json.dumps(document)
        (change,) = [
            (each["actor"], each["user"])
            for each in document["auditEvents"]
            if each["newRole"] == "ROLE_PREMIUM"
        ]
        assert change == shown


async def test_after_an_erasure_nothing_names_the_person(
    client: Client, postgres_dsn: str, redis_url: str
) -> None:
    user, key = await busy(client, postgres_dsn)
    other, _ = await busy(client, postgres_dsn)
    admin = await client.newcomer()
    assert await grant(make_settings(postgres_dsn), admin.email, Role.ADMIN)
    await client.log_in(user.email)
    user_id, key_id = user.name.removeprefix("users/"), key.split("_")[1]
    traces = (user_id, user_id.replace("-", ""), user.email)
    # Their calls are counted, those of the key too.
    await ask(client, user.name, key=key_id)
    assert "sonica:users:limits" in await redis_texts(redis_url)
    # The search finds what is there; the audit log never named anybody.
    named = set(SECTIONS) - {"audit_event"} | {"webhook_delivery"}
    assert await tables_with(postgres_dsn, *traces) == named
    before = await client.events(admin)
    await erase(client, user)
    assert await tables_with(postgres_dsn, *traces, key.split("_", 2)[2]) == set()
    stored = await redis_texts(redis_url)
    assert "sonica:users:limits" in stored
    assert not [trace for trace in (*traces, key_id) if trace in stored]
    # What was done is still told, of somebody.
    assert await client.events(admin) == ["ACCOUNT_ERASED", *before]
    response = await client.audit.ListAuditEvents(
        audit_pb.ListAuditEventsRequest(page_size=1), metadata=admin.bearer
    )
    nobody = response.events[0].user
    assert nobody not in (user.name, "")
    theirs = await client.events(admin, nobody)
    assert (theirs[0], theirs[-1]) == ("ACCOUNT_ERASED", "REGISTERED")
    assert response.events[0].actor == nobody
    # And nothing that comes later brings the name back.
    for call in (
        client.get(user.bearer),
        client.get([("x-api-key", key)]),
        client.log_in(user.email),
        client.refresh(user.tokens.refresh_token),
        client.get(other.bearer, user.name),
        client.get(admin.bearer, user.name),
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await call
    await client.report(recognition(user.name, "late"))
    assert await tables_with(postgres_dsn, *traces) == set()
    assert (await client.get(other.bearer)).email == other.email
    assert len(await client.recognitions(other)) == 2
    # The address is free again.
    again = await client.register(user.email)
    assert again.name != user.name


async def test_an_erasure_takes_the_password(client: Client) -> None:
    user = await client.newcomer()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await erase(client, user, PASSWORD + "!")
    assert refusal(caught.value) == (Code.PERMISSION_DENIED, "PASSWORD_WRONG")
    assert (await client.get(user.bearer)).email == user.email
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await erase(client, user, "")
    assert refusal(caught.value) == (Code.INVALID_ARGUMENT, "VALIDATION_FAILED")


async def test_a_log_of_before_names_nobody_after_the_migration(postgres_dsn: str) -> None:
    """What an earlier version wrote is brought to the names of the log, its own included."""
    email, stranger = "ada@example.org", uuid.uuid4()
    async with open_database(postgres_dsn, 2, 60.0, 60.0) as database:
        first = [each for each in migrations_of("user_svc") if each.name < "0003"]
        await bring_up_to_date(database, "users", first, 1)
        async with database.transaction("test") as connection:
            user_id = await connection.fetchval(
                "INSERT INTO users.account (email, display_name, password_hash) "
                "VALUES ($1, '', 'none') RETURNING user_id",
                email,
            )
            for who, resource in (
                (user_id, f"users/{user_id}/apiKeys/0123456789abcdef"),
                (stranger, ""),
            ):
                await connection.execute(
                    "INSERT INTO users.audit_event (action, actor_id, user_id, resource, trace_id) "
                    "VALUES ('ACCESS_DENIED', $1, $2, $3, '')",
                    user_id,
                    who,
                    resource,
                )
        await migrate(database)
    assert await tables_with(postgres_dsn, str(user_id)) == {"account"}
    assert await tables_with(postgres_dsn, str(stranger)) == set()
    async with user_service(make_settings(postgres_dsn)) as client:
        admin = await client.newcomer()
        assert await grant(make_settings(postgres_dsn), admin.email, Role.ADMIN)
        request = audit_pb.ListAuditEventsRequest(user=f"users/{user_id}")
        response = await client.audit.ListAuditEvents(request, metadata=admin.bearer)
        (event,) = response.events
        assert event.actor == event.user == f"users/{user_id}"
        assert event.resource == f"users/{user_id}/apiKeys/0123456789abcdef"
