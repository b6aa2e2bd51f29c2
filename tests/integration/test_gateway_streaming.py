"""Aim: StreamingRecognize answers as soon as it is sure, then stops all work; it never collects.

Method: a real gateway over stand-ins; 1,000 bytes are one second, and a clip is sure after three.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import Any

import grpc
import pytest
from sonica.recognition.v1 import recognition_service_pb2 as pb

from mesh.runtime.errors import from_rpc_error
from tests.flow_control import written_until_held_back
from tests.integration.test_gateway_recognition import running_gateway

CONFIG = pb.StreamingRecognizeRequest(config={})


def chunk(content: bytes) -> pb.StreamingRecognizeRequest:
    return pb.StreamingRecognizeRequest(chunk=content)


async def answers(call: Any) -> list[pb.StreamingRecognizeResponse]:
    return [response async for response in call]


async def reason(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await answers(call)
    error = from_rpc_error(raised.value)
    assert error is not None
    return error.reason


async def send_until_it_ends(call: Any, content: bytes, count_max: int) -> None:
    """Plays a microphone that nobody tells to stop; after `count_max` chunks it only hums."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(CONFIG)
        for _ in range(count_max):
            await call.write(chunk(content))
            await asyncio.sleep(0.01)
        while not call.done():  # noqa: ASYNC110 - a call has no event for its end
            await asyncio.sleep(0.01)


async def test_answer_comes_while_the_client_still_sends_and_ends_the_analysis() -> None:
    async with running_gateway() as gateway:
        call = gateway.stub.StreamingRecognize(timeout=120)
        sending = asyncio.create_task(send_until_it_ends(call, b"k" * 500, 12))
        responses = await answers(call)
        await asyncio.wait_for(sending, 60)
        assert await call.code() is grpc.StatusCode.OK
        last = responses[-1]
        assert last.final
        assert [match.track.track_id for match in last.matches] == ["k"]
        assert 3 <= last.analysed_duration.ToTimedelta().total_seconds() <= 6
        assert int(last.trace_id, 16)
        assert not any(r.final or r.matches for r in responses[:-1])
        await asyncio.wait_for(gateway.services.fingerprint.cancelled.wait(), 60)


async def test_unknown_clip_gets_one_final_empty_answer_at_its_end() -> None:
    async with running_gateway() as gateway:
        call = gateway.stub.StreamingRecognize(
            iter([CONFIG, *(chunk(b"0" * 500) for _ in range(12))]), timeout=120
        )
        responses = await answers(call)
    assert [r.final for r in responses] == [False] * (len(responses) - 1) + [True]
    assert not responses[-1].matches
    assert responses[-1].analysed_duration.seconds == 6


async def test_fifteen_seconds_end_an_endless_stream() -> None:
    async with running_gateway() as gateway:
        call = gateway.stub.StreamingRecognize(timeout=120)
        sending = asyncio.create_task(send_until_it_ends(call, b"0" * 1000, 30))
        responses = await answers(call)
        await asyncio.wait_for(sending, 60)
    assert responses[-1].final
    assert responses[-1].analysed_duration.seconds == 15


@pytest.mark.parametrize("content", [b"", b"k" * 300])
async def test_too_little_audio_is_an_empty_answer(content: bytes) -> None:
    async with running_gateway() as gateway:
        call = gateway.stub.StreamingRecognize(iter([CONFIG, chunk(content)]), timeout=120)
        responses = await answers(call)
        assert [(r.final, len(r.matches)) for r in responses] == [(True, 0)]
        assert gateway.services.matching.calls["FindMatches"] == 0


async def test_searches_are_not_closer_than_half_a_second_of_audio_and_never_overlap() -> None:
    async with running_gateway() as gateway:
        matching = gateway.services.matching
        matching.search_seconds = 0.02
        requests = [CONFIG, *(chunk(b"0" * 100) for _ in range(60))]
        responses = await answers(gateway.stub.StreamingRecognize(iter(requests), timeout=120))
        assert matching.running_max == 1
        assert matching.calls["FindMatches"] <= 12
        analysed = [r.analysed_duration.ToTimedelta().total_seconds() for r in responses]
        assert analysed[0] >= 1
        assert all(b - a >= 0.5 for a, b in itertools.pairwise(analysed[:-1]))


async def test_client_that_leaves_stops_the_work() -> None:
    async with running_gateway() as gateway:
        gateway.services.matching.search_seconds = 600
        call = gateway.stub.StreamingRecognize(timeout=120)
        await call.write(CONFIG)
        await call.write(chunk(b"k" * 5000))
        await asyncio.wait_for(gateway.services.matching.entered.wait(), 60)
        call.cancel()
        await asyncio.wait_for(gateway.services.matching.cancelled.wait(), 60)
        await asyncio.wait_for(gateway.services.fingerprint.cancelled.wait(), 60)


async def test_fast_client_waits_for_a_slow_decoder() -> None:
    async with running_gateway() as gateway:
        gateway.services.fingerprint.gate.clear()
        call = gateway.stub.StreamingRecognize(timeout=240)
        await call.write(CONFIG)
        await written_until_held_back(lambda: call.write(chunk(bytes(2**20))), 256)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([chunk(b"k")], "STREAM_OUT_OF_ORDER"),
        ([], "STREAM_OUT_OF_ORDER"),
        ([CONFIG, chunk(b"k"), CONFIG], "STREAM_OUT_OF_ORDER"),
        ([CONFIG, chunk(b"BAD")], "AUDIO_UNREADABLE"),
        ([CONFIG, chunk(b"!" * 5000)], "INDEX_UNREACHABLE"),
        ([CONFIG, pb.StreamingRecognizeRequest()], "VALIDATION_FAILED"),
        ([CONFIG, chunk(bytes(2**20 + 1))], "VALIDATION_FAILED"),
    ],
    ids=["no-config", "nothing", "two-configs", "unreadable", "unreachable", "unset", "large"],
)
async def test_failures_are_typed(requests: list[Any], expected: str) -> None:
    async with running_gateway() as gateway:
        for _ in range(30):
            call = gateway.stub.StreamingRecognize(iter(requests), timeout=120)
            assert await reason(call) == expected
