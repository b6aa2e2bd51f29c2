"""Aim: a webhook is its owner's, and only what can be posted to becomes one.

Method: the real service on real PostgreSQL.
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import grpc
from sonica.user.v1 import api_key_service_pb2, webhook_pb2
from sonica.user.v1 import webhook_service_pb2 as pb

from tests.integration.user_service import refusal
from tests.integration.webhook_calls import (
    MATCHED,
    Code,
    make,
    promote,
    refused,
    service,
)


async def test_a_webhook_is_its_owners(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path) as client:
        user, other, admin = [await client.newcomer() for _ in range(3)]
        await promote(postgres_dsn, admin)
        hook = (await make(client, user, "https://example.org/")).webhook
        stub, theirs = client.webhooks, hook.name
        changed = webhook_pb2.Webhook(name=theirs, url="https://elsewhere.example/")
        strangers = {
            "get": lambda who: stub.GetWebhook(pb.GetWebhookRequest(name=theirs), metadata=who),
            "list": lambda who: stub.ListWebhooks(
                pb.ListWebhooksRequest(parent=user.name), metadata=who
            ),
            "update": lambda who: stub.UpdateWebhook(
                pb.UpdateWebhookRequest(webhook=changed), metadata=who
            ),
            "rotate": lambda who: stub.RotateWebhookSecret(
                pb.RotateWebhookSecretRequest(name=theirs), metadata=who
            ),
            "deliveries": lambda who: stub.ListWebhookDeliveries(
                pb.ListWebhookDeliveriesRequest(parent=theirs), metadata=who
            ),
            "test": lambda who: stub.TestWebhook(pb.TestWebhookRequest(name=theirs), metadata=who),
            "redeliver": lambda who: stub.RedeliverWebhookDelivery(
                pb.RedeliverWebhookDeliveryRequest(name=f"{theirs}/deliveries/1"), metadata=who
            ),
            "delete": lambda who: stub.DeleteWebhook(
                pb.DeleteWebhookRequest(name=theirs), metadata=who
            ),
        }
        for call in strangers.values():
            assert await refused(call(other.bearer)) == (Code.PERMISSION_DENIED, "ACCESS_DENIED")
            assert await refused(call(None)) == (Code.UNAUTHENTICATED, "CREDENTIALS_MISSING")
        for name in ("update", "rotate", "deliveries", "test", "redeliver"):
            assert await refused(strangers[name](admin.bearer)) == (
                Code.PERMISSION_DENIED,
                "ACCESS_DENIED",
            )
        mine = theirs.replace(user.name, other.name)
        missing = stub.GetWebhook(pb.GetWebhookRequest(name=mine), metadata=other.bearer)
        assert await refused(missing) == (Code.NOT_FOUND, "WEBHOOK_NOT_FOUND")
        made_key = await client.keys.CreateApiKey(
            api_key_service_pb2.CreateApiKeyRequest(
                parent="users/me", display_name="k", scopes=["SCOPE_ACCOUNT_READ"]
            ),
            metadata=user.bearer,
        )
        key = [("x-api-key", made_key.key_text)]
        assert (await strangers["get"](key)).webhook == hook
        for name in ("update", "rotate", "test", "redeliver", "delete"):
            assert (await refused(strangers[name](key)))[0] is Code.UNAUTHENTICATED
        assert list((await strangers["list"](admin.bearer)).webhooks) == [hook]
        await strangers["delete"](admin.bearer)
        assert (await refused(strangers["get"](user.bearer)))[1] == "WEBHOOK_NOT_FOUND"
        events = [name for name in await client.events(admin, user.name) if "WEBHOOK" in name]
        assert events == ["WEBHOOK_DELETED", "WEBHOOK_CREATED"]


async def test_bad_webhooks_are_refused(postgres_dsn: str, tmp_path: Path) -> None:
    strict: dict[str, object] = {
        "webhook_http_allowed": False, "webhook_networks": (), "webhook_ports": (),
        "max_webhooks": 2,
    }  # fmt: skip
    async with service(postgres_dsn, tmp_path, **strict) as client:
        user = await client.newcomer()
        good = "https://example.org/hook"
        for url in ("http://example.org/", "https://127.0.0.1/", "https://localhost/"):
            expected = (Code.INVALID_ARGUMENT, "WEBHOOK_URL_REFUSED")
            assert await refused(make(client, user, url)) == expected
        invalid = (Code.INVALID_ARGUMENT, "VALIDATION_FAILED")
        assert await refused(make(client, user, good, [])) == invalid
        assert await refused(make(client, user, good, [MATCHED, MATCHED])) == invalid
        test = webhook_pb2.WEBHOOK_EVENT_TEST
        assert await refused(make(client, user, good, [test])) == invalid
        request_id = str(uuid.uuid4())
        first = await make(client, user, good, request_id=request_id)
        again = make(client, user, good, request_id=request_id)
        assert await refused(again) == (Code.ALREADY_EXISTS, "REQUEST_ID_REUSED")
        results = await asyncio.gather(
            *(make(client, user, good) for _ in range(5)), return_exceptions=True
        )
        refusals = [refusal(each) for each in results if isinstance(each, grpc.RpcError)]
        assert refusals == [(Code.RESOURCE_EXHAUSTED, "WEBHOOK_LIMIT_REACHED")] * 4
        pages: list[str] = []
        token = ""
        while not pages or token:
            request = pb.ListWebhooksRequest(parent="users/me", page_size=1, page_token=token)
            page = await client.webhooks.ListWebhooks(request, metadata=user.bearer)
            pages += [each.name for each in page.webhooks]
            token = page.next_page_token
        assert len(pages) == 2
        assert pages[-1] == first.webhook.name


async def test_changing_by_mask(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path) as client:
        user = await client.newcomer()
        hook = (await make(client, user, "https://example.org/")).webhook

        async def change(*paths: str, **values: Any) -> webhook_pb2.Webhook:
            request = pb.UpdateWebhookRequest(webhook={"name": hook.name, **values})
            request.update_mask.paths.extend(paths)
            response = await client.webhooks.UpdateWebhook(request, metadata=user.bearer)
            return response.webhook

        named = await change("display_name", display_name="a", url="https://other.example/")
        assert (named.display_name, named.url) == ("a", "https://example.org/")
        assert (await change(url="https://other.example/")).url == "https://other.example/"
        assert (await change("disabled", disabled=True)).disabled
        assert not (await change("disabled")).disabled
        assert (await change("display_name")).display_name == ""
        for paths in (["secret"], ["create_time"], ["name"]):
            assert (await refused(change(*paths)))[1] == "UPDATE_MASK_INVALID"
        assert (await refused(change()))[1] == "UPDATE_MASK_INVALID"
        assert (await refused(change("events")))[1] == "VALIDATION_FAILED"
        assert (await refused(change("url", url="http://10.0.0.1/")))[1] == "WEBHOOK_URL_REFUSED"


async def test_without_a_key_file_there_are_no_webhooks(postgres_dsn: str, tmp_path: Path) -> None:
    async with service(postgres_dsn, tmp_path, secrets_key_file=None) as client:
        user = await client.newcomer()
        expected = (Code.FAILED_PRECONDITION, "WEBHOOKS_UNAVAILABLE")
        assert await refused(make(client, user, "https://example.org/")) == expected
