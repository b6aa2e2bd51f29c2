"""Aim: a partner with nothing but HTTP imports files, loses nothing and learns what failed.

Method: real Envoy, gateway, fingerprint_svc and match_svc over real PostgreSQL and engine, asked by
REST as the guide says; match_svc is ended and begun again in the middle of an import.
"""

from __future__ import annotations

import asyncio
import io
import uuid
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import numpy as np
import pytest
import pytest_asyncio
from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from sonica.user.v1 import activity_service_pb2_grpc
from sonica_client import (
    ImportItemState,
    ImportSummary,
    NewImportItem,
    SonicaClient,
    SonicaError,
    Track,
)

from fingerprint_svc import server as fingerprint_server
from fingerprint_svc.settings import Settings as FingerprintSettings
from gateway import server as gateway_server
from gateway.settings import Settings
from match_svc import server as match_server
from match_svc.importing.service import OPEN_OF_ONE_MAX
from mesh.runtime.channels import open_channel
from mesh.runtime.serve import Registration
from mesh.runtime.testing import serving
from tests.integration import pieces, stores
from tests.integration.match_service import make_settings
from tests.integration.test_gateway_activity import CALLER, ActivityStandIn
from tests.mesh.rig import plan_in, rest_client, running_envoy, temporary_folder


@dataclass
class Partner:
    """What a partner has: HTTP; and for the tests, a way to end match_svc."""

    http: httpx.AsyncClient
    dsn: str
    address: str
    gateway: str
    told: ActivityStandIn
    _settings: Any
    _listen: str
    _running: AsyncExitStack

    async def start(self) -> None:
        registrations = await self._running.enter_async_context(match_server.build(self._settings))
        await self._running.enter_async_context(serving(registrations, listen=self._listen))

    async def restart(self) -> None:
        await self._running.aclose()
        await self.start()

    async def begin(self, *names: str, **more: object) -> dict[str, Any]:
        items = [{"itemId": name, "track": {"title": f"T {name}"}} for name in names]
        answer = await self.http.post("/v1/imports", json={"items": items, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def upload(self, operation: dict[str, Any], name: str, content: Any) -> httpx.Response:
        path = f"/v1/imports/{operation['metadata']['importId']}/items/{name}:upload"
        return await self.http.post(path, content=content, headers={"content-type": "audio/wav"})

    async def cancel_all(self) -> None:
        for operation in (await self.http.get("/v1/operations")).json()["operations"]:
            await self.http.post(f"/v1/{operation['name']}:cancel", json={})

    async def operation(self, operation: dict[str, Any]) -> dict[str, Any]:
        return dict((await self.http.get(f"/v1/{operation['name']}")).json())


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def partner() -> AsyncIterator[Partner]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        _, dsn = stack.enter_context(stores.postgres())
        _, engine = stack.enter_context(stores.engine())
        plan = replace(plan_in(folder), open=True)
        settings = make_settings(
            dsn, engine, "imports", import_idle_seconds=3600, import_sweep_interval_seconds=0.2
        )
        running = await stack.enter_async_context(AsyncExitStack())
        http = await stack.enter_async_context(rest_client(plan))
        told = ActivityStandIn()
        gateway = f"unix:{folder}/gateway"
        partner = Partner(
            http, dsn, plan.edge, gateway, told, settings, f"unix:{folder}/match", running
        )
        await partner.start()
        for build, name in (
            (fingerprint_server.build(FingerprintSettings()), "fingerprint"),
            (gateway_server.build(Settings(mesh_address=plan.internal)), "gateway"),
        ):
            registrations = await stack.enter_async_context(build)
            await stack.enter_async_context(serving(registrations, listen=f"unix:{folder}/{name}"))
        users = Registration(
            activity_service_pb2_grpc.add_ActivityServiceServicer_to_server,
            told,
            "sonica.user.v1.ActivityService",
        )
        await stack.enter_async_context(serving([users], listen=f"unix:{folder}/user"))
        await stack.enter_async_context(running_envoy(plan, folder))
        yield partner


def wav(seed: int, seconds: float = 20.0, channel_count: int = 1) -> bytes:
    """Returns a piece as a WAV file."""
    samples = (np.clip(pieces.piece(seed, seconds), -1, 1) * 32_767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channel_count, 2, pieces.RATE_HZ, 0, "NONE", ""))
        out.writeframes(np.repeat(samples, channel_count).tobytes())
    return file.getvalue()


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["details"][0]["reason"]


async def test_an_import_survives_a_restart_and_says_what_failed(partner: Partner) -> None:
    begun = await partner.begin("one", "two", "bad")
    assert not begun.get("done")
    assert begun["metadata"]["waitingCount"] == 3
    first = await partner.upload(begun, "one", wav(1))
    assert first.json()["item"]["state"] == "IMPORT_ITEM_STATE_SUCCEEDED", first.text
    bad = await partner.upload(begun, "bad", b"this is no music" * 100)
    assert bad.status_code == 200
    assert bad.json()["item"]["error"]["details"][0]["reason"] == "AUDIO_UNSUPPORTED"
    await partner.restart()
    async with asyncio.timeout(120):
        while (second := await partner.upload(begun, "two", wav(2))).status_code == 503:
            pass
    assert second.json()["item"]["outcome"] == "REGISTRATION_OUTCOME_REGISTERED", second.text
    done = await partner.operation(begun)
    assert done["done"]
    assert done["response"] == {
        "@type": "type.googleapis.com/sonica.catalog.v1.ImportSummary",
        "registeredCount": 2, "alreadyRegisteredCount": 0, "failedCount": 1,
    }  # fmt: skip
    [failure] = done["metadata"]["failures"]
    assert failure["itemId"] == "bad"
    assert failure["error"]["details"][0]["reason"] == "AUDIO_UNSUPPORTED"
    track = (await partner.http.get(f"/v1/tracks/{first.json()['item']['trackId']}")).json()
    assert track["track"]["title"] == "T one"
    assert reason(await partner.upload(begun, "bad", wav(3))) == (400, "IMPORT_ENDED")
    # What has succeeded is said again, and registered once.
    again = await partner.upload(begun, "one", wav(1))
    assert again.json()["item"] == first.json()["item"]


async def test_a_failed_item_can_be_sent_again(partner: Partner) -> None:
    begun = await partner.begin("a", "b")
    assert (await partner.upload(begun, "a", b"noise" * 50)).json()["item"]["error"]
    empty = await partner.upload(begun, "b", b"")
    assert reason(empty) == (400, "SOURCE_MISSING")
    assert (await partner.operation(begun))["metadata"]["failedCount"] == 1
    assert (await partner.upload(begun, "a", wav(4))).json()["item"]["trackId"]
    path = f"/v1/imports/{begun['metadata']['importId']}/items"
    states = {}
    token = ""
    for _ in range(2):
        page = (await partner.http.get(path, params={"page_size": 1, "page_token": token})).json()
        states |= {item["itemId"]: item["state"] for item in page["items"]}
        token = page["nextPageToken"]
    assert not token
    assert states == {"a": "IMPORT_ITEM_STATE_SUCCEEDED", "b": "IMPORT_ITEM_STATE_WAITING"}
    cancelled = await partner.http.post(f"/v1/{begun['name']}:cancel", json={})
    assert cancelled.status_code == 200
    ended = await partner.operation(begun)
    assert ended["error"]["code"] == 1
    assert ended["error"]["details"][0]["reason"] == "OPERATION_CANCELLED"
    assert reason(await partner.upload(begun, "b", wav(5))) == (400, "IMPORT_ENDED")


async def test_a_file_larger_than_a_message_streams_through(partner: Partner) -> None:
    content = wav(6, 20.0, 8) * 1
    content += b"\0" * (40 * 1024 * 1024 - len(content))
    begun = await partner.begin("large")
    answer = await partner.upload(begun, "large", content)
    assert answer.json()["item"]["state"] == "IMPORT_ITEM_STATE_SUCCEEDED", answer.text


async def test_half_a_file_is_no_track(partner: Partner) -> None:
    begun = await partner.begin("cut")
    content = wav(7)

    async def half() -> AsyncIterator[bytes]:
        yield content[: len(content) // 2]
        raise OSError("the line is cut")

    with pytest.raises(OSError, match="cut"):
        await partner.upload(begun, "cut", half())
    assert (await partner.operation(begun))["metadata"]["waitingCount"] == 1
    whole = await partner.upload(begun, "cut", wav(7))
    assert whole.json()["item"]["outcome"] == "REGISTRATION_OUTCOME_REGISTERED"


async def test_waiting_ends_with_the_operation_or_the_time(partner: Partner) -> None:
    begun = await partner.begin("w")
    path = f"/v1/{begun['name']}:wait"
    early = await partner.http.post(path, json={"timeout": "0.1s"})
    assert not early.json().get("done")
    waiting = asyncio.create_task(partner.http.post(path, json={"timeout": "60s"}))
    await partner.upload(begun, "w", wav(8))
    assert (await asyncio.wait_for(waiting, 60)).json()["done"]
    too_long = await partner.http.post(path, json={"timeout": "61s"})
    assert reason(too_long) == (400, "VALIDATION_FAILED")


async def test_imports_are_bounded(partner: Partner) -> None:
    await partner.cancel_all()
    request_id = str(uuid.uuid4())
    first = await partner.begin("x", requestId=request_id)
    assert (await partner.begin("x", requestId=request_id))["name"] == first["name"]
    open_ones = [first] + [await partner.begin("x") for _ in range(OPEN_OF_ONE_MAX - 1)]
    items = {"items": [{"itemId": "x"}]}
    assert reason(await partner.http.post("/v1/imports", json=items)) == (429, "TOO_MANY_IMPORTS")
    listed = (await partner.http.get("/v1/operations", params={"page_size": 3})).json()
    assert [o["name"] for o in listed["operations"]] == [o["name"] for o in open_ones[:-4:-1]]
    assert listed["nextPageToken"]
    for body in ({"items": []}, {"items": [{"itemId": "a b"}]}, {"items": items["items"] * 2}):
        refused = await partner.http.post("/v1/imports", json=body)
        assert reason(refused) == (400, "VALIDATION_FAILED")
    # Those left alone for too long end by themselves.
    connection = await asyncpg.connect(partner.dsn)
    await connection.execute(
        "UPDATE catalog.import SET update_time = now() - interval '2 hours' WHERE state = 'OPEN'"
    )
    async with asyncio.timeout(60):
        while not (ended := await partner.operation(first)).get("done"):
            pass
    assert ended["error"]["details"][0]["reason"] == "IMPORT_ABANDONED"
    await connection.execute("UPDATE catalog.import SET end_time = now() - interval '1 year'")
    async with asyncio.timeout(60):
        while (await partner.http.get(f"/v1/{first['name']}")).status_code == 200:
            pass
    await connection.close()
    nobody = {"name": first["name"], "metadata": {"importId": first["name"].split("/")[1]}}
    assert reason(await partner.upload(nobody, "x", wav(9))) == (404, "OPERATION_NOT_FOUND")


async def test_an_item_nobody_named_is_not_found(partner: Partner) -> None:
    begun = await partner.begin("known")
    assert reason(await partner.upload(begun, "other", wav(9))) == (404, "IMPORT_ITEM_NOT_FOUND")


async def test_the_end_of_an_import_is_told_once_to_who_brought_the_last_item(
    partner: Partner,
) -> None:
    begun = await partner.begin("one", "bad")
    async with open_channel(partner.gateway) as channel:
        stub = RecognitionServiceStub(channel)

        async def upload(name: str, content: bytes) -> None:
            request = pb.UploadImportItemRequest(
                import_id=begun["metadata"]["importId"], item_id=name, upload={"data": content}
            )
            await stub.UploadImportItem(iter([request]), metadata=CALLER)

        await upload("bad", b"this is no music" * 100)
        await upload("one", wav(40))
        await upload("one", wav(40))
    ready, finished = await partner.told.has(2)
    assert ready.track_ready.title == "T one"
    assert finished.user == dict(CALLER)["x-sonica-user"]
    counts = finished.import_finished
    assert (counts.registered_count, counts.failed_count, counts.interrupted) == (1, 1, False)
    connection = await asyncpg.connect(partner.dsn)
    owners = await connection.fetch("SELECT DISTINCT owner FROM catalog.import WHERE state='DONE'")
    await connection.close()
    assert [row["owner"] for row in owners] == [""]


async def test_an_import_with_the_client(partner: Partner, tmp_path: Path) -> None:
    path = tmp_path / "b.wav"
    path.write_bytes(wav(42))

    def parts() -> Iterator[bytes]:
        content = wav(43)
        yield content[:1000]
        yield content[1000:]

    items = [NewImportItem(name, Track(title=f"T {name}")) for name in ("a", "b", "c", "d")]
    async with SonicaClient(partner.address) as client:
        begun = await client.imports.begin(items)
        assert (begun.done, begun.progress.waiting_count) == (False, 4)
        for name, audio in (("a", wav(41)), ("b", path), ("c", parts())):
            item = await client.imports.upload(begun.import_id, name, audio)
            assert item.state is ImportItemState.SUCCEEDED, name
        early = await client.imports.wait(begun.import_id, 0.1)
        assert (early.done, early.progress.succeeded_count) == (False, 3)
        item = await client.imports.upload(begun.import_id, "d", b"no music" * 100)
        assert item.error is not None
        done = await client.imports.wait(begun.import_id)
        assert done.summary == ImportSummary(registered_count=3, failed_count=1)
        assert done == await client.imports.get(begun.import_id)
        found = [each.item_id async for each in client.imports.items(begun.import_id)]
        assert found == ["a", "b", "c", "d"]
        other = await client.imports.begin(items)
        with pytest.raises(SonicaError) as caught:
            await client.imports.upload(other.import_id, "x", wav(44))
        assert caught.value.reason == "IMPORT_ITEM_NOT_FOUND"
        with pytest.raises(SonicaError) as caught:
            await client.imports.upload(other.import_id, "a", tmp_path / "nowhere.wav")
        assert caught.value.reason == "FILE_NOT_FOUND"
        await client.imports.cancel(other.import_id)
        known = [each async for each in client.imports.all()]
        assert [each.import_id for each in known[:2]] == [other.import_id, begun.import_id]
        assert known[0].error is not None
        assert known[0].error.reason == "OPERATION_CANCELLED"
