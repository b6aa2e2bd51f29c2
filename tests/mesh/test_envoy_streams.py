"""Aim: streams keep their promises through both hops of Envoy: stop early, push back, lose nothing.

Method: client → edge → gateway → internal listener → stand-ins, all real but the stand-ins.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
import psutil
import pytest
import pytest_asyncio
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub

from mesh.runtime.channels import open_channel
from mesh.runtime.errors import from_rpc_error
from tests.flow_control import written_until_held_back
from tests.mesh.rig import Rig, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIG = pb.StreamingRecognizeRequest(config={})
END = pb.ImportTracksRequest(end_of_item={})
MEBIBYTE = 2**20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with running_mesh() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def stub(rig: Rig) -> AsyncIterator[Any]:
    # A plain channel may lose the status of a stream that the server ends first.
    async with open_channel(rig.plan.edge) as channel:
        yield RecognitionServiceStub(channel)


def begin(name: str) -> pb.ImportTracksRequest:
    return pb.ImportTracksRequest(item={"item_id": name})


def chunk(content: bytes) -> pb.ImportTracksRequest:
    return pb.ImportTracksRequest(chunk=content)


async def play(call: Any, content: bytes) -> None:
    """Sends like a microphone that nobody tells to stop; after twelve chunks it only hums."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(CONFIG)
        for _ in range(12):
            await call.write(pb.StreamingRecognizeRequest(chunk=content))
            await asyncio.sleep(0.005)
        while not call.done():  # noqa: ASYNC110 - a call has no event for its end
            await asyncio.sleep(0.005)


async def test_sure_answer_ends_the_stream_and_all_work(rig: Rig, stub: Any) -> None:
    for _ in range(20):
        rig.services.fingerprint.cancelled.clear()
        call = stub.StreamingRecognize(timeout=120)
        playing = asyncio.create_task(play(call, b"k" * 500))
        responses = [response async for response in call]
        assert await call.code() is grpc.StatusCode.OK
        assert responses[-1].final
        assert responses[-1].matches[0].track.track_id == "k"
        assert responses[-1].analysed_duration.seconds < 15
        await asyncio.wait_for(playing, 60)
        await asyncio.wait_for(rig.services.fingerprint.cancelled.wait(), 60)


async def test_typed_error_ends_a_stream_that_is_still_sent(stub: Any) -> None:
    for _ in range(20):
        call = stub.StreamingRecognize(timeout=120)
        playing = asyncio.create_task(play(call, b"BAD"))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            async for _ in call:
                pass
        error = from_rpc_error(raised.value)
        assert error is not None
        assert error.reason == "AUDIO_UNREADABLE"
        await asyncio.wait_for(playing, 60)


async def test_client_that_leaves_ends_all_work(rig: Rig, stub: Any) -> None:
    rig.services.fingerprint.cancelled.clear()
    call = stub.StreamingRecognize(timeout=120)
    playing = asyncio.create_task(play(call, b"0" * 500))
    await call.read()
    call.cancel()
    with suppress(asyncio.CancelledError):
        await playing
    await asyncio.wait_for(rig.services.fingerprint.cancelled.wait(), 60)


async def test_slow_decoder_stops_a_fast_sender(rig: Rig, stub: Any) -> None:
    rig.services.fingerprint.gate.clear()
    try:
        call = stub.ImportTracks(timeout=240)
        await call.write(begin("large"))
        await written_until_held_back(lambda: call.write(chunk(bytes(MEBIBYTE))), 256)
    finally:
        rig.services.fingerprint.gate.set()


async def test_long_item_needs_no_more_memory_than_a_short_one(rig: Rig, stub: Any) -> None:
    envoy = next(c for c in psutil.Process().children() if "envoy" in c.name())
    before = envoy.memory_info().rss
    highest = before

    async def requests() -> Any:
        nonlocal highest
        yield begin("long")
        for _ in range(400):
            yield chunk(bytes(MEBIBYTE))
            highest = max(highest, envoy.memory_info().rss)
        yield END

    call = stub.ImportTracks(requests(), timeout=240)
    got = [r.result async for r in call if r.HasField("result")]
    assert [(r.item_id, r.error.code) for r in got] == [("long", 0)]
    assert highest - before < 200 * MEBIBYTE


async def test_items_of_several_imports_at_once(rig: Rig, stub: Any) -> None:
    async def one(import_index: int) -> list[tuple[str, int]]:
        requests = []
        for item_index in range(10):
            name = f"{import_index}-{item_index}"
            content = b"BAD" if item_index == 3 else name.encode() * 2000
            requests += [begin(name), chunk(content), chunk(content), END]
        call = stub.ImportTracks(iter(requests), timeout=120)
        return [(r.result.item_id, r.result.error.code) async for r in call if r.result.item_id]

    outcomes = await asyncio.gather(*map(one, range(4)))
    for import_index, outcome in enumerate(outcomes):
        assert outcome == [(f"{import_index}-{i}", 3 if i == 3 else 0) for i in range(10)]


async def test_server_stream_of_the_catalogue(rig: Rig) -> None:
    stub = CatalogServiceStub(rig.edge)
    progress = [p async for p in stub.RebuildIndex(catalog.RebuildIndexRequest(), timeout=60)]
    assert [p.done for p in progress] == [False, True]
