"""Aim: who guesses passwords, or is denied, leaves a trace in the audit log, but cannot fill it.

Method: real PostgreSQL and a real server, which knows addresses by the header of the proxy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import grpc
import pytest
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import session_service_pb2 as session_pb

from tests.integration.user_service import Client, User, make_settings, refusal, user_service
from user_svc import refusal_log


@pytest.fixture
async def client(postgres_dsn: str) -> AsyncIterator[Client]:
    settings = make_settings(postgres_dsn, max_failed_attempts=1000)
    async with user_service(settings) as running:
        yield running


async def guess(client: Client, email: str, address: str = "192.0.2.1") -> None:
    request = session_pb.LogInRequest(email=email, password="a guess")  # noqa: S106 - a wrong one
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.sessions.LogIn(request, metadata=[("x-forwarded-for", address)])
    assert refusal(caught.value)[1] == "LOGIN_REFUSED"


async def refusals(dsn: str, action: str = "LOGIN_REFUSED") -> list[int]:
    """Returns how many refusals each event stands for."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT occurrence_count FROM users.audit_event WHERE action = $1 ORDER BY event_number",
        action,
    )
    await connection.close()
    return [row["occurrence_count"] for row in rows]


async def test_guesses_are_told_once_a_while_with_their_number(
    client: Client, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await client.register()
    monkeypatch.setattr(refusal_log, "_INTERVAL_SECONDS", 86_400)
    for _ in range(5):
        await guess(client, user.email)
    assert await refusals(postgres_dsn) == [1]
    await guess(client, user.email, "192.0.2.2")
    assert await refusals(postgres_dsn) == [1, 1]
    # Of an address nobody knows there is the same trace.
    for _ in range(3):
        await guess(client, "nobody@example.org")
    assert await refusals(postgres_dsn) == [1, 1, 1]


async def test_no_guess_is_lost_from_the_count(
    client: Client, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await client.register()
    monkeypatch.setattr(refusal_log, "_INTERVAL_SECONDS", 1)
    guesses = 0
    # More than one interval, however fast the machine is.
    while len(await refusals(postgres_dsn)) < 3:
        await guess(client, user.email)
        guesses += 1
    counts = await refusals(postgres_dsn)
    assert counts[0] == 1
    assert sum(counts) == guesses


async def test_from_one_address_the_log_grows_slowly(client: Client, postgres_dsn: str) -> None:
    known = await client.register()
    for number in range(refusal_log._EVENTS_MAX + 5):
        await guess(client, f"{number}@example.org")
    await guess(client, known.email)
    assert len(await refusals(postgres_dsn)) == refusal_log._EVENTS_MAX
    await guess(client, known.email, "2001:db8::1")
    assert len(await refusals(postgres_dsn)) == refusal_log._EVENTS_MAX + 1


async def denied(client: Client, user: User, name: str) -> None:
    request = account_pb.GetAccountRequest(name=name)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.accounts.GetAccount(request, metadata=user.bearer)
    assert refusal(caught.value)[1] == "ACCESS_DENIED"


async def test_denied_calls_are_told_once_a_while_with_their_number(
    client: Client, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_log, "_INTERVAL_SECONDS", 86_400)
    user, other, third = [await client.newcomer() for _ in range(3)]
    for _ in range(5):
        await denied(client, user, other.name)
    await denied(client, user, third.name)
    assert await refusals(postgres_dsn, "ACCESS_DENIED") == [1, 1]
    for _ in range(refusal_log._EVENTS_MAX + 5):
        await denied(client, user, f"users/{uuid4()}")
    assert len(await refusals(postgres_dsn, "ACCESS_DENIED")) == refusal_log._EVENTS_MAX
    await denied(client, third, other.name)
    assert len(await refusals(postgres_dsn, "ACCESS_DENIED")) == refusal_log._EVENTS_MAX + 1


async def test_no_denied_call_is_lost_from_the_count(
    client: Client, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_log, "_INTERVAL_SECONDS", 1)
    user, other = await client.newcomer(), await client.newcomer()
    calls = 0
    while len(counts := await refusals(postgres_dsn, "ACCESS_DENIED")) < 3:
        await denied(client, user, other.name)
        calls += 1
    assert sum(counts) == calls
