"""Aim: webhooks work through the edge by REST, and what the gateway reports is posted.

Method: the real user_svc on real PostgreSQL behind a real Envoy, a real receiver on loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from sonica.user.v1 import activity_service_pb2, activity_service_pb2_grpc
from sonica_client import SonicaClient, WebhookEvent

from tests.integration.receivers import receiver
from tests.integration.user_service import PASSWORD, User
from tests.integration.webhook_calls import recognized, signed_by
from tests.mesh.person import Person
from tests.mesh.rig import Rig, mesh_with_accounts

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(tmp_path_factory.mktemp("keys"), "key")
    path.write_bytes(Fernet.generate_key())
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(key_file: Path) -> AsyncIterator[Rig]:
    async with mesh_with_accounts(
        secrets_key_file=key_file,
        webhook_http_allowed=True,
        webhook_networks=("127.0.0.0/8",),
        webhook_ports=tuple(range(1024, 65_536)),
    ) as running:
        yield running


async def ask(rig: Rig, verb: str, path: str, token: str, body: Any = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return await rig.rest.request(verb, path, json=body, headers=headers)


async def test_a_webhook_by_rest(rig: Rig) -> None:
    person = {"email": "hook@example.org", "password": PASSWORD}
    account = (await rig.rest.post("/v1/users", json=person)).json()["account"]
    answer = await rig.rest.post("/v1/sessions", json=person)
    token = answer.json()["tokens"]["accessToken"]
    async with receiver() as made:
        wanted = {"url": made.url, "events": ["WEBHOOK_EVENT_RECOGNITION_MATCHED"]}
        answer = await ask(rig, "POST", "/v1/users/me/webhooks", token, {"webhook": wanted})
        secret, name = answer.json()["secret"], answer.json()["webhook"]["name"]
        assert name.startswith(account["name"])
        report = activity_service_pb2.ReportActivityRequest(
            activities=[recognized(User("", account["name"]))]
        )
        await activity_service_pb2_grpc.ActivityServiceStub(rig.inside).ReportActivity(report)
        (got,) = await made.wait_for(1)
        assert got.event["type"] == "recognition.matched"
        assert signed_by(got, secret)
        delivery = (await ask(rig, "POST", f"/v1/{name}:test", token, {})).json()["delivery"]
        assert (await made.wait_for(2))[1].event["type"] == "webhook.test"
        again = await ask(rig, "POST", f"/v1/{delivery['name']}:redeliver", token, {})
        assert again.json()["delivery"]["eventId"] == delivery["eventId"]
        assert (await made.wait_for(3))[2].headers["webhook-id"] == delivery["eventId"]
    listed = (await ask(rig, "GET", f"/v1/{name}/deliveries", token)).json()["deliveries"]
    assert len(listed) == 2
    rotated = await ask(rig, "POST", f"/v1/{name}:rotateSecret", token, {})
    assert rotated.json()["secret"] != secret
    changed = await ask(
        rig, "PATCH", f"/v1/{name}?update_mask=disabled,displayName", token, {"disabled": True}
    )
    assert changed.json()["webhook"]["disabled"]
    assert (await ask(rig, "GET", f"/v1/{name}", token)).json()["webhook"]["disabled"]
    exported = (await ask(rig, "GET", "/v1/users/me:export", token)).json()
    assert [each["name"] for each in exported["webhooks"]] == [name]
    assert len(exported["webhookDeliveries"]) == 2
    assert secret not in str(exported)
    assert (await ask(rig, "DELETE", f"/v1/{name}", token)).json() == {}
    listed = (await ask(rig, "GET", "/v1/users/me/webhooks", token)).json()
    assert listed["webhooks"] == []
    inside = {"webhook": wanted | {"url": "https://169.254.169.254/latest/meta-data/"}}
    refused = await ask(rig, "POST", "/v1/users/me/webhooks", token, inside)
    assert refused.status_code == httpx.codes.BAD_REQUEST
    assert "WEBHOOK_URL_REFUSED" in refused.text


async def test_webhooks_with_the_command(rig: Rig, tmp_path: Path) -> None:
    person = Person(tmp_path, rig.plan.edge)
    await person.run("register", "hooks@example.org", typed=f"{PASSWORD}\n")
    assert (await person.run("webhooks", "list")).out == "There are no webhooks.\n"
    async with receiver() as made:
        created = await person.tells("webhooks", "create", made.url, "--name", "mine")
        name = created["name"].rpartition("/")[2]
        queued = await person.tells("webhooks", "test", name)
        (got,) = await made.wait_for(1)
        assert got.headers["webhook-id"] == queued["eventId"]
        assert signed_by(got, created["secret"])
        async with asyncio.timeout(120):
            while (
                "delivered" not in (shown := await person.run("webhooks", "deliveries", name)).out
            ):
                pass
        assert "webhook.test" in shown.out
        rotated = await person.tells("webhooks", "rotate", created["name"])
        await person.run("webhooks", "test", name)
        later = (await made.wait_for(2))[1]
        assert signed_by(later, rotated["secret"])
        assert signed_by(later, created["secret"]), "for a day both are good"
    listed = await person.run("webhooks", "list")
    assert all(word in listed.out for word in (name, "mine", "recognition.matched", "good"))
    await person.run("webhooks", "delete", name)
    assert "sonica webhooks list" in (await person.run("webhooks", "test", name, code=1)).err


async def test_webhooks_with_the_client(rig: Rig) -> None:
    async with SonicaClient(rig.plan.edge) as client, receiver() as made:
        await client.accounts.register("client@example.org", PASSWORD)
        await client.accounts.log_in("client@example.org", PASSWORD)
        events = [WebhookEvent.RECOGNITION_MATCHED]
        hooks = [await client.webhooks.create(made.url, events) for _ in range(2)]
        webhook, secret = hooks[0]
        queued = await client.webhooks.test(webhook.name)
        (got,) = await made.wait_for(1)
        assert signed_by(got, secret)
        again = await client.webhooks.redeliver(queued.name)
        assert again.event_id == queued.event_id
        await made.wait_for(2)
        found = [each async for each in client.webhooks.all_deliveries(webhook.name)]
        assert [each.name for each in found] == [queued.name]
        webhook.disabled = True
        assert (await client.webhooks.update(webhook, ["disabled"])).disabled
        assert (await client.webhooks.get(webhook.name)).disabled
        assert len(await client.webhooks.list()) == 2
        await client.webhooks.delete(webhook.name)
        assert [each.name for each in await client.webhooks.list()] == [hooks[1][0].name]
