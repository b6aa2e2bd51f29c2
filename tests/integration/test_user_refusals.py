"""Aim: who guesses passwords leaves a trace in the audit log, but cannot fill it.

Method: real PostgreSQL and a real server, which knows addresses by the header of the proxy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import grpc
import pytest
from sonica.user.v1 import session_service_pb2 as session_pb

from tests.integration.user_service import Client, make_settings, refusal, user_service
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


async def refusals(dsn: str) -> list[int]:
    """Returns how many refusals each event stands for."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT occurrence_count FROM users.audit_event WHERE action = 'LOGIN_REFUSED' "
        "ORDER BY event_number"
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
