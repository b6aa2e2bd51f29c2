"""Aim: what is reported reaches every webhook that wants it at least once, signed, and nobody else.

Method: the real service on real PostgreSQL with real receivers on loopback, which a setting allows;
time is moved by moving what is stored.
"""

from __future__ import annotations

import base64
import logging
import time
from pathlib import Path

import asyncpg
import pytest
from sonica.user.v1 import personal_data_service_pb2, webhook_pb2
from sonica.user.v1 import webhook_service_pb2 as pb

from mesh.runtime.testing import SpanRecorder
from tests.integration.receivers import receiver, status
from tests.integration.user_service import PASSWORD, user_service
from tests.integration.webhook_calls import (
    DELIVERED,
    FINISHED,
    GIVEN_UP,
    READY,
    Code,
    ask_for_test,
    deliveries,
    deliveries_once,
    due_now,
    execute,
    make,
    promote,
    recognized,
    refused,
    registered,
    report,
    service,
    settings_for,
    settled,
    signed_by,
)


async def test_a_recognition_reaches_its_owner_signed(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path) as client, receiver() as made:
        user, other = await client.newcomer(), await client.newcomer()
        mine = await make(client, user, made.url)
        await make(client, other, made.url)
        activity = recognized(user, 12)
        unmatched = recognized(user, 0)
        await report(client, activity, unmatched, registered())
        await report(client, activity)
        (got,) = await made.wait_for(1)
        event = got.event
        assert event["type"] == "recognition.matched"
        assert event["time"] == "2023-11-14T22:13:20.000Z"
        assert event["id"] == got.headers["webhook-id"]
        assert event["id"] == "evt_" + activity.activity_id.replace("-", "")
        told = event["data"]["recognition"]
        assert told["name"] == f"{user.name}/recognitions/{activity.activity_id}"
        assert told["clipDuration"] == "3.500s"
        assert told["matches"][0]["title"] == "Ode"
        assert len(told["matches"]) == 10
        assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 600
        assert signed_by(got, mine.secret)
        (kept,) = await settled(client, user, mine.webhook.name, DELIVERED)
        assert kept.body.encode() == got.body
        assert (kept.attempt_count, kept.last_status_code, kept.last_error) == (1, 204, "")
        assert len(made.received) == 1


async def test_who_keeps_no_history_is_told_nothing(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path) as client:
        user = await client.newcomer()
        name = (await make(client, user, "https://example.org/")).webhook.name
        await execute(postgres_dsn, "UPDATE users.account SET history_disabled = true")
        await report(client, recognized(user))
        assert await deliveries(client, user, name) == []


async def test_events_of_the_catalogue_are_for_admins(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path) as client, receiver() as made:
        user = await client.newcomer()
        denied = (Code.PERMISSION_DENIED, "ACCESS_DENIED")
        assert await refused(make(client, user, made.url, [READY])) == denied
        await promote(postgres_dsn, user)
        hook = (await make(client, user, made.url, [READY, FINISHED])).webhook
        finished = registered(user.name)
        finished.import_finished.registered_count = 3
        await report(client, registered(), finished, recognized(user))
        got = await made.wait_for(2)
        events = {each.event["type"]: each.event["data"] for each in got}
        assert events["track.ready"]["track"]["trackId"] == "7"
        assert events["import.finished"]["import"]["registeredCount"] == "3"
        assert user.name not in str(events)
        await execute(postgres_dsn, "UPDATE users.account SET role = 'FREE'")
        await report(client, registered())
        assert len(await deliveries(client, user, hook.name)) == 2
        update = pb.UpdateWebhookRequest(webhook=hook)
        assert await refused(client.webhooks.UpdateWebhook(update, metadata=user.bearer)) == denied


async def test_two_signatures_while_a_secret_changes(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path) as client, receiver() as made:
        user = await client.newcomer()
        mine = await make(client, user, made.url)
        name = mine.webhook.name
        rotate = pb.RotateWebhookSecretRequest(name=name)
        second = (await client.webhooks.RotateWebhookSecret(rotate, metadata=user.bearer)).secret
        await ask_for_test(client, user, name)
        (got,) = await made.wait_for(1)
        assert signed_by(got, mine.secret)
        assert signed_by(got, second)
        await execute(postgres_dsn, "UPDATE users.webhook SET previous_end_time = now()")
        await ask_for_test(client, user, name)
        got = (await made.wait_for(2))[1]
        assert signed_by(got, second)
        assert not signed_by(got, mine.secret)


async def test_secrets_are_neither_stored_nor_shown(
    postgres_dsn: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with SpanRecorder() as recorded:
        await _post_a_test(postgres_dsn, tmp_path, caplog, recorded)


async def _post_a_test(
    postgres_dsn: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, recorded: SpanRecorder
) -> None:
    async with service(postgres_dsn, tmp_path) as client, receiver() as made:
        user = await client.newcomer()
        mine = await make(client, user, made.url + "?canary-in-an-address")
        await ask_for_test(client, user, mine.webhook.name)
        found = await settled(client, user, mine.webhook.name, DELIVERED)
        key = base64.b64decode(mine.secret.removeprefix("whsec_"))
        connection = await asyncpg.connect(postgres_dsn)
        (row,) = await connection.fetch("SELECT w::text AS all, secret FROM users.webhook w")
        await connection.close()
        assert key not in row["secret"]
        assert key.hex() not in row["all"]
        spans = [(span.name, dict(span.attributes or {})) for span in recorded.spans()]
        assert "webhook.post" in dict(spans)
        for text in (caplog.text, str(spans)):
            assert "canary-in-an-address" not in text
        for text in (caplog.text, str(found), repr(row["all"]), str(spans)):
            assert mine.secret not in text
            assert mine.secret.removeprefix("whsec_") not in text


async def test_a_lost_key_costs_events_until_the_secret_is_rotated(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with receiver() as made:
        async with service(postgres_dsn, tmp_path) as client:
            user = await client.newcomer()
            name = (await make(client, user, made.url)).webhook.name
        (tmp_path / "secrets.key").unlink()
        async with service(postgres_dsn, tmp_path) as client:
            delivery = await ask_for_test(client, user, name)
            (failed,) = await deliveries_once(
                client, user, name, lambda found: bool(found[0].last_error)
            )
            assert "rotate it" in failed.last_error
            await client.webhooks.RotateWebhookSecret(
                pb.RotateWebhookSecretRequest(name=name), metadata=user.bearer
            )
            await execute(postgres_dsn, "UPDATE users.webhook SET previous_secret = NULL")
            again = pb.RedeliverWebhookDeliveryRequest(name=delivery.name)
            await client.webhooks.RedeliverWebhookDelivery(again, metadata=user.bearer)
            assert len(await made.wait_for(1)) == 1


async def test_what_fails_is_tried_again_then_given_up(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path) as client, receiver() as made:
        user = await client.newcomer()
        name = (await make(client, user, made.url)).webhook.name
        made.answers = [status(500, b"no " + b"x" * 5000)] * 8
        await ask_for_test(client, user, name)
        for count in range(1, 9):
            await made.wait_for(count)
            await deliveries_once(
                client,
                user,
                name,
                lambda found, wanted=count: (
                    found[0].attempt_count == wanted and bool(found[0].last_error)
                ),
            )
            await execute(postgres_dsn, "UPDATE users.webhook_delivery SET last_error = ''")
            await due_now(postgres_dsn)
        (over,) = await settled(client, user, name, GIVEN_UP)
        assert over.attempt_count == 8
        assert over.last_status_code == 500
        assert len(over.response_excerpt) == 1024
        assert not over.HasField("next_attempt_time")
        assert len({got.headers["webhook-id"] for got in made.received}) == 1
        hook = await client.webhooks.GetWebhook(
            pb.GetWebhookRequest(name=name), metadata=user.bearer
        )
        assert hook.webhook.HasField("fail_time")
        await client.webhooks.RedeliverWebhookDelivery(
            pb.RedeliverWebhookDeliveryRequest(name=over.name), metadata=user.bearer
        )
        await settled(client, user, name, DELIVERED)
        hook = await client.webhooks.GetWebhook(
            pb.GetWebhookRequest(name=name), metadata=user.bearer
        )
        assert not hook.webhook.HasField("fail_time")


@pytest.mark.parametrize("gone", [True, False])
async def test_a_receiver_that_is_away_for_days_is_disabled(
    postgres_dsn: str, tmp_path: Path, *, gone: bool
) -> None:
    async with service(postgres_dsn, tmp_path) as client, receiver() as made:
        user, admin = await client.newcomer(), await client.newcomer()
        await promote(postgres_dsn, admin)
        name = (await make(client, user, made.url)).webhook.name
        if not gone:
            await execute(
                postgres_dsn, "UPDATE users.webhook SET fail_time = now() - interval '4 days'"
            )
        made.answers = [status(410 if gone else 503)]
        await ask_for_test(client, user, name)
        (over,) = await settled(client, user, name, GIVEN_UP)
        assert over.last_error.startswith("the webhook was disabled: the receiver")
        request = pb.GetWebhookRequest(name=name)
        hook = (await client.webhooks.GetWebhook(request, metadata=user.bearer)).webhook
        assert hook.disabled
        assert hook.disable_reason
        assert (await client.events(admin, user.name))[0] == "WEBHOOK_DISABLED"
        assert (await refused(ask_for_test(client, user, name)))[1] == "WEBHOOK_DISABLED"
        await report(client, recognized(user))
        assert len(await deliveries(client, user, name)) == 1
        update = pb.UpdateWebhookRequest(webhook=webhook_pb2.Webhook(name=name))
        update.update_mask.paths.append("disabled")
        hook = (await client.webhooks.UpdateWebhook(update, metadata=user.bearer)).webhook
        assert (hook.disabled, hook.disable_reason) == (False, "")
        await ask_for_test(client, user, name)
        await settled(client, user, name, DELIVERED)


async def test_what_waits_is_bounded_and_the_rest_is_counted(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with receiver() as made, service(postgres_dsn, tmp_path, max_webhook_backlog=3) as client:
        made.answers = [None] * 100
        user = await client.newcomer()
        name = (await make(client, user, made.url)).webhook.name
        activities = [recognized(user) for _ in range(5)]
        await report(client, *activities)
        assert len(await deliveries(client, user, name)) == 3
        request = pb.GetWebhookRequest(name=name)
        hook = (await client.webhooks.GetWebhook(request, metadata=user.bearer)).webhook
        assert hook.dropped_count == 2
        full = (Code.RESOURCE_EXHAUSTED, "WEBHOOK_BACKLOG_FULL")
        assert await refused(ask_for_test(client, user, name)) == full


async def test_a_slow_receiver_holds_up_nobody_else(postgres_dsn: str, tmp_path: Path) -> None:
    async with (
        receiver() as slow,
        receiver() as quick,
        service(postgres_dsn, tmp_path, webhook_workers=2, webhook_timeout_seconds=60) as client,
    ):
        slow.answers = [None] * 100
        user, other = await client.newcomer(), await client.newcomer()
        await make(client, user, slow.url)
        name = (await make(client, other, quick.url)).webhook.name
        await report(client, *(recognized(user) for _ in range(20)))
        await slow.wait_for(10)
        for _ in range(3):
            await ask_for_test(client, other, name)
        assert len(await quick.wait_for(3)) == 3
        assert len(slow.received) == 10


async def test_replicas_post_everything_once_and_a_crash_loses_nothing(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with receiver() as made, service(postgres_dsn, tmp_path) as client:
        user = await client.newcomer()
        name = (await make(client, user, made.url)).webhook.name
        others = [settings_for(postgres_dsn, tmp_path) for _ in range(2)]
        async with user_service(others[0]), user_service(others[1]):
            await report(client, *(recognized(user) for _ in range(50)))
            await settled(client, user, name, DELIVERED, 50)
        assert len(made.received) == 50
        assert len({got.headers["webhook-id"] for got in made.received}) == 50
        # As a replica leaves it that died between taking and storing.
        await execute(
            postgres_dsn,
            "UPDATE users.webhook SET lease_time = now() + interval '1 s', due_time = now()",
        )
        await execute(
            postgres_dsn,
            "UPDATE users.webhook_delivery SET state = 'WAITING', attempt_time = now() "
            "WHERE delivery_number = (SELECT max(delivery_number) FROM users.webhook_delivery)",
        )
        assert len(await made.wait_for(51)) == 51


async def test_old_deliveries_are_forgotten(postgres_dsn: str, tmp_path: Path) -> None:
    async with receiver() as made:
        async with service(postgres_dsn, tmp_path) as client:
            user = await client.newcomer()
            name = (await make(client, user, made.url)).webhook.name
            await ask_for_test(client, user, name)
            await ask_for_test(client, user, name)
            old, _ = await settled(client, user, name, DELIVERED, 2)
            await execute(
                postgres_dsn,
                "UPDATE users.webhook_delivery SET create_time = now() - interval '8 days' "
                "WHERE event_id = $1",
                old.event_id,
            )
        async with service(postgres_dsn, tmp_path) as client:
            await deliveries_once(client, user, name, lambda found: len(found) == 1)


async def test_an_erased_account_takes_its_webhooks_along(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with receiver() as made, service(postgres_dsn, tmp_path) as client:
        user = await client.newcomer()
        name = (await make(client, user, made.url)).webhook.name
        await report(client, recognized(user))
        await settled(client, user, name, DELIVERED)
        request = personal_data_service_pb2.EraseAccountRequest(name="users/me", password=PASSWORD)
        await client.personal.EraseAccount(request, metadata=user.bearer)
        connection = await asyncpg.connect(postgres_dsn)
        for table in ("webhook", "webhook_delivery"):
            assert await connection.fetchval(f"SELECT count(*) FROM users.{table}") == 0  # noqa: S608
        await connection.close()
