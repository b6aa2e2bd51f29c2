"""Aim: nobody's webhook costs the webhooks of others anything but their turn.

Method: the real service and real receivers; names from a look-up of the test's, some of which
hang until the test ends.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sonica.user.v1 import webhook_pb2
from sonica.user.v1 import webhook_service_pb2 as pb

from tests.integration.receivers import receiver
from tests.integration.user_service import Client, User
from tests.integration.webhook_calls import (
    ask_for_test,
    deliveries_once,
    due_now,
    make,
    recognized,
    report,
    service,
)
from user_svc.stores import webhooks
from user_svc.webhooks import resolver


@pytest.fixture
def let_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Lets names of `slow` hang until it is set; those of `quick` are at 127.0.0.1."""
    go = threading.Event()
    really = socket.getaddrinfo

    def find(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if str(host).startswith("slow"):
            go.wait()
        if str(host).endswith(".example"):
            host = "127.0.0.1"
        return really(host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    yield go
    go.set()


async def read(client: Client, user: User, name: str) -> webhook_pb2.Webhook:
    response: pb.GetWebhookResponse = await client.webhooks.GetWebhook(
        pb.GetWebhookRequest(name=name), metadata=user.bearer
    )
    return response.webhook


async def test_a_slow_name_server_holds_up_nobody_else(
    postgres_dsn: str, tmp_path: Path, let_go: threading.Event
) -> None:
    async with (
        receiver("quick.example") as quick,
        service(postgres_dsn, tmp_path, webhook_timeout_seconds=5) as client,
    ):
        user, other = await client.newcomer(), await client.newcomer()
        slow = (await make(client, user, quick.url.replace("quick", "slow"))).webhook.name
        name = (await make(client, other, quick.url)).webhook.name
        await report(client, *(recognized(user) for _ in range(20)))
        await deliveries_once(
            client, user, slow, lambda found: any(each.last_error for each in found)
        )
        await ask_for_test(client, other, name)
        (tried,) = await deliveries_once(
            client,
            other,
            name,
            lambda found: any(e.last_status_code or e.last_error for e in found),
        )
        assert (tried.last_error, tried.attempt_count) == ("", 1)
        assert not let_go.is_set()


async def test_a_receiver_that_was_not_looked_up_is_not_failing(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_go: threading.Event
) -> None:
    monkeypatch.setattr(resolver.Resolver.__init__, "__defaults__", (1, 3.0))
    async with (
        receiver("quick.example") as quick,
        service(postgres_dsn, tmp_path) as client,
    ):
        user, other = await client.newcomer(), await client.newcomer()
        slow = (await make(client, user, quick.url.replace("quick", "slow"))).webhook.name
        name = (await make(client, other, quick.url)).webhook.name
        await ask_for_test(client, user, slow)
        await deliveries_once(client, user, slow, lambda found: bool(found[0].last_error))
        assert (await read(client, user, slow)).HasField("fail_time")
        await ask_for_test(client, other, name)
        (waiting,) = await deliveries_once(
            client, other, name, lambda found: bool(found[0].last_error)
        )
        assert waiting.last_error.startswith("not sent yet")
        assert waiting.attempt_count == 0
        assert not (await read(client, other, name)).HasField("fail_time")
        let_go.set()
        await due_now(postgres_dsn)
        assert len(await quick.wait_for(1)) == 1


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_long_backlog_takes_turns(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path) as client, receiver() as made:
        user = await client.newcomer()
        names = [(await make(client, user, made.url)).webhook.name for _ in range(2)]
    async with connected(postgres_dsn) as connection:
        long, short = (name.rsplit("/", 1)[-1] for name in names)
        for webhook_id, minutes in ((long, 60), (short, 5)):
            await connection.execute(
                """
                INSERT INTO users.webhook_delivery
                    (webhook_number, event_id, event, body, attempt_time)
                SELECT webhook_number, 'evt_' || n, 'TEST', '{}', now() - make_interval(mins => $2)
                FROM users.webhook, generate_series(1, 3) n WHERE webhook_id = $1
                """,
                webhook_id,
                minutes,
            )
        await connection.execute(
            "UPDATE users.webhook w SET due_time = (SELECT min(attempt_time) "
            "FROM users.webhook_delivery d WHERE d.webhook_number = w.webhook_number)"
        )
        turns = []
        for _ in range(4):
            (leased,) = await webhooks.lease(connection, 1, 60.0)
            turns.append(leased.name.rsplit("/", 1)[-1])
            await webhooks.give_back(connection, leased, taken=True, disable_seconds=1.0)
        assert turns == [long, short, long, short]
        await connection.execute("DELETE FROM users.webhook_delivery")
        (leased,) = await webhooks.lease(connection, 1, 60.0)
        await webhooks.give_back(connection, leased, taken=True, disable_seconds=1.0)
        (last,) = await webhooks.lease(connection, 2, 60.0)
        assert last.name != leased.name
