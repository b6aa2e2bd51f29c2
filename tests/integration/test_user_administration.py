"""Aim: admins find accounts and events, and give roles, but never the last one away.

Method: real PostgreSQL and a real server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sonica.user.v1 import account_pb2
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import audit_service_pb2 as audit_pb

from tests.integration.user_service import Client, User, make_settings, refusal, user_service
from user_svc.grant import grant
from user_svc.model import AuditAction, AuditQuery, Role
from user_svc.stores import audit
from user_svc.stores.postgres import open_database

Code = grpc.StatusCode
FREE, PREMIUM, ADMIN = account_pb2.ROLE_FREE, account_pb2.ROLE_PREMIUM, account_pb2.ROLE_ADMIN


@pytest.fixture
async def client(postgres_dsn: str) -> AsyncIterator[Client]:
    async with user_service(make_settings(postgres_dsn)) as running:
        yield running


async def new_admin(client: Client, dsn: str, email: str = "root@example.org") -> User:
    user = await client.register(email)
    assert await grant(make_settings(dsn), email, Role.ADMIN)
    user.tokens = await client.log_in(email)
    return user


def set_role(client: Client, admin: User, name: str, role: Any) -> Any:
    request = account_pb.SetRoleRequest(name=name, role=role)
    return client.accounts.SetRole(request, metadata=admin.bearer)


async def reason(call: Any) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return refusal(error)[1]
    return "OK"


async def emails(client: Client, admin: User, **wanted: Any) -> list[str]:
    """Returns the addresses of all accounts that a request lists, page by page."""
    request = account_pb.ListAccountsRequest(page_size=2, **wanted)
    found: list[str] = []
    while True:
        page = await client.accounts.ListAccounts(request, metadata=admin.bearer)
        found += [account.email for account in page.accounts]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def test_accounts_are_found(client: Client, postgres_dsn: str) -> None:
    admin = await new_admin(client, postgres_dsn)
    for email in ("ada@example.org", "a_b@example.org", "axb@example.org", "bob@example.org"):
        await client.register(email)
    everybody = ["bob@", "axb@", "a_b@", "ada@", "root@"]
    everybody = [f"{name}example.org" for name in everybody]
    assert await emails(client, admin) == everybody
    assert await emails(client, admin, email_prefix="A") == everybody[1:4]
    assert await emails(client, admin, email_prefix="a_b") == ["a_b@example.org"]
    assert await emails(client, admin, email_prefix="%") == []
    assert await emails(client, admin, email_prefix="a\\") == []
    assert await emails(client, admin, email_prefix="a\0") == []
    assert await emails(client, admin, role=ADMIN) == ["root@example.org"]
    assert await emails(client, admin, role=FREE, email_prefix="b") == ["bob@example.org"]
    of_keys = "AWsAAAAAAAAAAQ=="
    request = account_pb.ListAccountsRequest(page_token=of_keys)
    call = client.accounts.ListAccounts(request, metadata=admin.bearer)
    assert await reason(call) == "PAGE_TOKEN_INVALID"


async def test_a_role_counts_at_once_and_is_recorded(client: Client, postgres_dsn: str) -> None:
    admin, user = await new_admin(client, postgres_dsn), await client.newcomer()
    response = await set_role(client, admin, user.name, ADMIN)
    assert response.account.role == ADMIN
    assert (await client.get(user.bearer)).role == ADMIN
    assert len(await emails(client, user)) == 2
    await set_role(client, user, admin.name, PREMIUM)
    assert await reason(set_role(client, admin, user.name, FREE)) == "ACCESS_DENIED"
    await set_role(client, user, admin.name, PREMIUM)  # twice is once
    request = audit_pb.ListAuditEventsRequest(actions=["AUDIT_ACTION_ROLE_CHANGED"])
    log = await client.audit.ListAuditEvents(request, metadata=user.bearer)
    assert [(each.actor, each.user, each.old_role, each.new_role) for each in log.events] == [
        (user.name, admin.name, ADMIN, PREMIUM),
        (admin.name, user.name, FREE, ADMIN),
        ("", admin.name, FREE, ADMIN),
    ]


async def test_the_last_admin_stays(client: Client, postgres_dsn: str) -> None:
    admin = await new_admin(client, postgres_dsn)
    assert await reason(set_role(client, admin, "users/me", FREE)) == "LAST_ADMIN"
    assert await reason(set_role(client, admin, admin.name, ADMIN)) == "OK"
    other = await new_admin(client, postgres_dsn, "other@example.org")
    # Each takes the role from the other at once: one of them is left.
    for _ in range(5):
        outcomes = await asyncio.gather(
            reason(set_role(client, admin, other.name, FREE)),
            reason(set_role(client, other, admin.name, FREE)),
            reason(set_role(client, admin, admin.name, FREE)),
        )
        assert "OK" in outcomes
        connection = await asyncpg.connect(postgres_dsn)
        left = await connection.fetch("SELECT email FROM users.account WHERE role = 'ADMIN'")
        assert len(left) == 1
        await connection.execute("UPDATE users.account SET role = 'ADMIN'")
        await connection.close()
    nobody = "users/00000000-0000-4000-8000-000000000000"
    assert await reason(set_role(client, admin, nobody, FREE)) == "ACCOUNT_NOT_FOUND"
    assert await reason(set_role(client, admin, nobody, 0)) == "VALIDATION_FAILED"
    assert await reason(set_role(client, admin, nobody, 9)) == "VALIDATION_FAILED"


async def test_events_are_found_by_action_and_time(client: Client, postgres_dsn: str) -> None:
    admin = await new_admin(client, postgres_dsn)
    user = await client.newcomer()
    await client.log_in(user.email)

    async def found(**wanted: Any) -> list[str]:
        request = audit_pb.ListAuditEventsRequest(**wanted)
        response = await client.audit.ListAuditEvents(request, metadata=admin.bearer)
        return [audit_pb.AuditAction.Name(each.action)[13:] for each in response.events]

    logged_in, registered = audit_pb.AUDIT_ACTION_LOGGED_IN, audit_pb.AUDIT_ACTION_REGISTERED
    assert await found(actions=[logged_in]) == ["LOGGED_IN"] * 3
    assert await found(actions=[logged_in, registered], user=user.name) == [
        "LOGGED_IN",
        "LOGGED_IN",
        "REGISTERED",
    ]
    connection = await asyncpg.connect(postgres_dsn)
    times = await connection.fetch("SELECT create_time FROM users.audit_event ORDER BY 1")
    await connection.close()
    middle = Timestamp()
    middle.FromDatetime(times[3]["create_time"])
    everything = await found()
    assert await found(start_time=middle) + await found(end_time=middle) == everything
    assert await found(end_time=middle) == everything[-3:]
    late = Timestamp()
    late.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    assert await found(start_time=late) == []
    call = client.audit.ListAuditEvents(
        audit_pb.ListAuditEventsRequest(actions=[0]), metadata=admin.bearer
    )
    assert await reason(call) == "VALIDATION_FAILED"


async def test_what_the_operator_does_has_its_name(postgres_dsn: str) -> None:
    """The operator has no account; its id, of zeros, is not taken for one that is gone."""
    async with user_service(make_settings(postgres_dsn)) as client:
        user = await client.register()
    user_id = UUID(user.name.removeprefix("users/"))
    async with open_database(postgres_dsn, 1, 60.0, 60.0) as database:
        for actor_id in (UUID(int=0), UUID(int=1), user_id):
            async with database.transaction("test") as connection:
                action = AuditAction.ROLE_CHANGED
                await audit.record(connection, action, user_id=user_id, actor_id=actor_id)
        async with database.connection("test") as connection:
            query = AuditQuery(actions=(AuditAction.ROLE_CHANGED,))
            events = await audit.page(connection, query, None, 10)
    assert [event.actor_id for event in events] == [user_id, None, UUID(int=0)]
