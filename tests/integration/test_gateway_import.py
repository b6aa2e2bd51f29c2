"""Aim: an import gives every item exactly one result, whatever the others do, in bounded memory.

Method: a real gateway over stand-ins, which store nothing that was not uploaded whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import psutil
import pytest
from google.rpc import error_details_pb2
from sonica.catalog.v1.track_pb2 import (
    REGISTRATION_OUTCOME_ALREADY_REGISTERED,
    REGISTRATION_OUTCOME_REGISTERED,
)
from sonica.recognition.v1 import recognition_service_pb2 as pb

from mesh.runtime.errors import from_rpc_error
from tests.flow_control import written_until_held_back
from tests.integration.test_gateway_recognition import running_gateway

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONG_CHUNKS = 512
END = pb.ImportTracksRequest(end_of_item={})


def begin(name: str, **track: str) -> pb.ImportTracksRequest:
    return pb.ImportTracksRequest(item={"item_id": name, "track": track})


def chunk(content: bytes) -> pb.ImportTracksRequest:
    return pb.ImportTracksRequest(chunk=content)


def item(name: str, *chunks: bytes, **track: str) -> Iterator[pb.ImportTracksRequest]:
    yield begin(name, **track)
    yield from map(chunk, chunks)
    yield END


async def results(gateway: Any, requests: Iterable[Any]) -> list[pb.ImportResult]:
    """Sends everything at once, as a client ahead of its results would."""
    call = gateway.stub.ImportTracks(iter(list(requests)), timeout=120)
    return [r.result async for r in call if r.HasField("result")]


async def stream_error(gateway: Any, requests: Iterable[Any]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await results(gateway, requests)
    error = from_rpc_error(raised.value)
    assert error is not None
    return error.reason


def reason(result: pb.ImportResult) -> str:
    if not result.HasField("error"):
        return ""
    infos = []
    for detail in result.error.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            infos.append(info.reason)
    assert len(infos) == 1
    return str(infos[0])


async def test_good_and_bad_items_interleaved() -> None:
    good = [b"good" * 5000, b"more" * 5000]
    requests = [
        *item("one", *good, title="One"),
        *item("bad", b"BAD", *[b"tail" * 9000] * 40),
        *item("two", b"2" * 3000, title="Two"),
        *item("late", b"good", b"BAD"),
        *item("down", b"FAIL"),
        *item("again", *good, title="Other"),
        *item("isrc", b"audio", b"audio", isrc="not an isrc"),
        *item("stop", b"STOP", *[b"tail" * 9000] * 40),
        *item("three", b"3" * 3000, title="Three"),
    ]
    async with running_gateway() as gateway:
        for _ in range(5):
            gateway.services.catalog.tracks.clear()
            gateway.services.catalog.by_content.clear()
            got = await results(gateway, requests)
            assert [(r.item_id, reason(r)) for r in got] == [
                ("one", ""),
                ("bad", "AUDIO_UNREADABLE"),
                ("two", ""),
                ("late", "AUDIO_UNREADABLE"),
                ("down", "INDEX_UNREACHABLE"),
                ("again", ""),
                ("isrc", "VALIDATION_FAILED"),
                ("stop", "UPSTREAM_FAILED"),
                ("three", ""),
            ]
            assert got[0].outcome == REGISTRATION_OUTCOME_REGISTERED
            assert got[5].outcome == REGISTRATION_OUTCOME_ALREADY_REGISTERED
            assert got[5].track == got[0].track
            stored = {t.title: t for t in gateway.services.catalog.tracks.values()}
            assert set(stored) == {"One", "Two", "Three"}
            assert stored["One"].content_sha256 == hashlib.sha256(b"".join(good)).digest()
            assert stored["One"].duration.seconds == 40


async def test_request_id_and_format_reach_the_services() -> None:
    request_id = str(uuid.uuid4())
    first = pb.ImportTracksRequest(item={"item_id": "x", "request_id": request_id})
    async with running_gateway() as gateway:
        got = await results(gateway, [first, chunk(b"pcm"), END])
        assert not reason(got[0])
        refused = pb.ImportTracksRequest(item={"item_id": "y", "request_id": "no uuid"})
        got = await results(gateway, [refused, chunk(b"pcm"), END])
        assert [(r.item_id, reason(r)) for r in got] == [("y", "VALIDATION_FAILED")]


async def test_too_large_chunk_fails_its_item_only() -> None:
    requests = [*item("large", bytes(2**20 + 1), b"tail"), *item("next", b"next" * 500)]
    async with running_gateway() as gateway:
        got = await results(gateway, requests)
        assert [(r.item_id, reason(r)) for r in got] == [
            ("large", "VALIDATION_FAILED"),
            ("next", ""),
        ]
        assert len(gateway.services.catalog.tracks) == 1


async def test_item_without_chunks_has_a_result_too() -> None:
    async with running_gateway() as gateway:
        assert len(await results(gateway, item("empty"))) == 1


@pytest.mark.parametrize(
    "requests",
    [
        [chunk(b"x")],
        [END],
        [begin("a"), begin("b")],
        [begin("a"), chunk(b"x")],
    ],
    ids=["chunk-first", "end-first", "item-in-item", "cut"],
)
async def test_order_of_messages_is_kept(requests: list[Any]) -> None:
    async with running_gateway() as gateway:
        for _ in range(20):
            assert await stream_error(gateway, requests) == "STREAM_OUT_OF_ORDER"
        assert gateway.services.catalog.calls["CreateTrack"] == 0


async def test_client_that_vanishes_registers_nothing() -> None:
    async with running_gateway() as gateway:
        call = gateway.stub.ImportTracks(timeout=120)
        for request in (begin("a"), chunk(b"half" * 1000), chunk(b"of it" * 1000)):
            await call.write(request)
        async with asyncio.timeout(60):
            while gateway.services.fingerprint.received_byte_count < 9000:  # noqa: ASYNC110 - counts
                await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait_for(gateway.services.fingerprint.cancelled.wait(), 60)
        assert gateway.services.catalog.calls["CreateTrack"] == 0


async def test_progress_comes_while_an_item_is_sent_and_not_too_often() -> None:
    async with running_gateway() as gateway:
        call = gateway.stub.ImportTracks(timeout=120)
        loop = asyncio.get_running_loop()
        progress: list[pb.ImportProgress] = []

        async def read() -> pb.ImportResult:
            async for response in call:
                if response.HasField("result"):
                    return response.result
                progress.append(response.progress)
            raise AssertionError("no result")

        reading = asyncio.create_task(read())
        began = loop.time()
        await call.write(begin("slow"))
        sent = 0
        while len(progress) < 3:
            await call.write(chunk(b"s" * 1000))
            sent += 1
            await asyncio.sleep(0.03)
        fingerprint = gateway.services.fingerprint
        async with asyncio.timeout(60):
            while fingerprint.received_byte_count < 1000 * sent:  # noqa: ASYNC110 - counts
                await asyncio.sleep(0.01)
        fingerprint.gate.clear()
        await call.write(chunk(b"s" * 1000))
        await call.write(END)
        # It goes on coming while the analysis stands still, and then says what is behind it.
        expected = (1000 * (sent + 1), sent)
        async with asyncio.timeout(60):
            while _told(progress[-1]) != expected:  # noqa: ASYNC110 - another task reads it
                await asyncio.sleep(0.01)
        # On its way one may be held up, so that two come at once; their number stays bounded.
        assert len(progress) <= (loop.time() - began) / 0.25 + 1
        fingerprint.gate.set()
        assert (await reading).item_id == "slow"
        counts = [one.received_byte_count for one in progress]
        assert counts == sorted(counts)


def _told(progress: pb.ImportProgress) -> tuple[int, int]:
    return progress.received_byte_count, progress.analysed_duration.seconds


async def test_memory_of_an_import_is_bounded_by_flow_control() -> None:
    async with running_gateway() as gateway:
        fingerprint = gateway.services.fingerprint
        fingerprint.gate.clear()
        call = gateway.stub.ImportTracks(timeout=240)
        await call.write(begin("large"))
        # A closed decoder stops the sender, two hops away.
        await written_until_held_back(lambda: call.write(chunk(bytes(2**20))), 256)


async def test_memory_does_not_grow_with_the_length_of_an_item() -> None:
    async with running_gateway() as gateway:
        process = psutil.Process()
        before = process.memory_info().rss
        highest = before

        async def requests() -> Any:
            nonlocal highest
            yield begin("long")
            for _ in range(_LONG_CHUNKS):
                yield chunk(bytes(2**20))
                highest = max(highest, process.memory_info().rss)
            yield END

        call = gateway.stub.ImportTracks(requests(), timeout=240)
        got = [r.result async for r in call if r.HasField("result")]
        assert [(r.item_id, reason(r)) for r in got] == [("long", "")]
        assert gateway.services.fingerprint.received_byte_count == _LONG_CHUNKS * 2**20
        # Client, gateway and stand-in are all in this process, and so are the windows between them.
        assert highest - before < _LONG_CHUNKS * 2**20 / 2
