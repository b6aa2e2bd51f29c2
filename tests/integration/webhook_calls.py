"""What tests of webhooks do: the service, its calls, what is reported to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from cryptography.fernet import Fernet
from sonica.user.v1 import activity_pb2, activity_service_pb2, history_pb2, webhook_pb2
from sonica.user.v1 import webhook_service_pb2 as pb

from tests.integration.user_service import Client, User, make_settings, refusal, user_service
from user_svc.settings import Settings

MATCHED, READY, FINISHED = (
    webhook_pb2.WEBHOOK_EVENT_RECOGNITION_MATCHED,
    webhook_pb2.WEBHOOK_EVENT_TRACK_READY,
    webhook_pb2.WEBHOOK_EVENT_IMPORT_FINISHED,
)
WAITING, DELIVERED, GIVEN_UP = (
    webhook_pb2.WEBHOOK_DELIVERY_STATE_WAITING,
    webhook_pb2.WEBHOOK_DELIVERY_STATE_DELIVERED,
    webhook_pb2.WEBHOOK_DELIVERY_STATE_GIVEN_UP,
)
Code = grpc.StatusCode


def settings_for(dsn: str, folder: Path, **more: object) -> Settings:
    key_file = folder / "secrets.key"
    if not key_file.exists():
        key_file.write_bytes(Fernet.generate_key())
    values: dict[str, object] = {
        "secrets_key_file": key_file,
        "webhook_http_allowed": True,
        "webhook_networks": ("127.0.0.0/8",),
        "webhook_ports": tuple(range(1024, 65_536)),
        **more,
    }
    return make_settings(dsn, **values)


@asynccontextmanager
async def service(dsn: str, folder: Path, **more: object) -> AsyncIterator[Client]:
    async with user_service(settings_for(dsn, folder, **more)) as client:
        yield client


async def make(
    client: Client, user: User, url: str, events: Sequence[int] = (MATCHED,), **more: Any
) -> pb.CreateWebhookResponse:
    request = pb.CreateWebhookRequest(
        parent="users/me", webhook=webhook_pb2.Webhook(url=url, events=events), **more
    )
    response: pb.CreateWebhookResponse = await client.webhooks.CreateWebhook(
        request, metadata=user.bearer
    )
    return response


async def deliveries(client: Client, user: User, name: str) -> list[webhook_pb2.WebhookDelivery]:
    request = pb.ListWebhookDeliveriesRequest(parent=name, page_size=100)
    response = await client.webhooks.ListWebhookDeliveries(request, metadata=user.bearer)
    return list(response.deliveries)


async def deliveries_once(
    client: Client,
    user: User,
    name: str,
    holds: Callable[[list[webhook_pb2.WebhookDelivery]], bool],
) -> list[webhook_pb2.WebhookDelivery]:
    """Returns the deliveries as soon as something holds of them."""
    async with asyncio.timeout(120):
        while True:
            found = await deliveries(client, user, name)
            if holds(found):
                return found
            await asyncio.sleep(0.05)


async def settled(
    client: Client, user: User, name: str, state: int, count: int = 1
) -> list[webhook_pb2.WebhookDelivery]:
    """Returns the deliveries once so many stand so."""
    return await deliveries_once(
        client, user, name, lambda found: [each.state for each in found].count(state) >= count
    )


async def ask_for_test(client: Client, user: User, name: str) -> webhook_pb2.WebhookDelivery:
    response = await client.webhooks.TestWebhook(
        pb.TestWebhookRequest(name=name), metadata=user.bearer
    )
    return response.delivery


def recognized(user: User, match_count: int = 1) -> activity_pb2.Activity:
    activity = activity_pb2.Activity(activity_id=str(uuid.uuid4()), user=user.name)
    activity.occur_time.FromSeconds(1_700_000_000)
    activity.recognition.clip_duration.FromMilliseconds(3500)
    for _ in range(match_count):
        activity.recognition.matches.append(
            history_pb2.RecognizedTrack(track_id="7", title="Ode", score=0.9)
        )
    return activity


def registered(user: str = "operator") -> activity_pb2.Activity:
    activity = activity_pb2.Activity(activity_id=str(uuid.uuid4()), user=user)
    activity.occur_time.FromSeconds(1_700_000_000)
    activity.track_ready.track_id = "7"
    return activity


async def report(client: Client, *activities: activity_pb2.Activity) -> None:
    """Reports as the gateway does."""
    request = activity_service_pb2.ReportActivityRequest(activities=activities)
    await client.activity.ReportActivity(request)


async def execute(dsn: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement, *values)
    await connection.close()


async def promote(dsn: str, user: User) -> None:
    await execute(dsn, "UPDATE users.account SET role = 'ADMIN' WHERE email = $1", user.email)


async def due_now(dsn: str) -> None:
    await execute(dsn, "UPDATE users.webhook_delivery SET attempt_time = now() - interval '1 s' "
                       "WHERE attempt_time IS NOT NULL")  # fmt: skip
    await execute(dsn, "UPDATE users.webhook SET due_time = now() WHERE due_time IS NOT NULL")


def signed_by(got: Any, secret: str) -> bool:
    """Verifies as a receiver does."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return expected in got.headers["webhook-signature"].split(" ")


async def refused(call: Any) -> tuple[Code, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refusal(caught.value)
