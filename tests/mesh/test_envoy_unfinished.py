"""Aim: whoever begins calls and does not end them takes nothing from others.

Method: a real Envoy with few places before the real user_svc; calls are begun without a body, over
gRPC and over bare sockets, until it holds more of them than it has places.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import pytest_asyncio
from sonica.recognition.v1 import recognition_service_pb2 as recognition
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from sonica.user.v1 import session_service_pb2 as sessions
from sonica.user.v1.session_service_pb2_grpc import SessionServiceStub

from mesh.runtime.errors import ServiceError, from_rpc_error
from tests.mesh.rig import Rig, mesh_with_accounts
from tests.mesh.test_envoy_edge import MEBIBYTE, WEB, frame, trailers
from tests.mesh.test_envoy_limits import newcomer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACES, BEGUN, STREAMS = 8, 24, 4
LOG_IN = "/sonica.user.v1.SessionService/LogIn"
RECOGNIZE = "/sonica.recognition.v1.RecognitionService/Recognize"
EXPORT = "/sonica.user.v1.HistoryService/ExportRecognitions"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SONICA_GATEWAY_STREAMS_PER_CALLER_MAX", str(STREAMS))
        async with mesh_with_accounts({"max_calls": PLACES}) as running:
            yield running


async def gauge(rig: Rig, name: str) -> int:
    stats = await rig.admin.get("/stats", params={"filter": f"^{name}$"})
    return int(stats.text.rpartition(":")[2])


async def reached(rig: Rig, name: str, count: int) -> None:
    async with asyncio.timeout(60):
        while await gauge(rig, name) < count:  # noqa: ASYNC110 - Envoy has no event for it
            await asyncio.sleep(0.05)


@asynccontextmanager
async def begun_calls(channel: grpc.aio.Channel, path: str) -> AsyncIterator[None]:
    """Begins calls of an RPC that takes one message, and sends none."""
    calls: list[Any] = [channel.stream_unary(path)(timeout=600) for _ in range(BEGUN)]
    waiting = [asyncio.ensure_future(call.initial_metadata()) for call in calls]
    try:
        yield
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def recognised(rig: Rig, **how: Any) -> bool:
    answer = await rig.rest.post("/v1/recognize", content=b"k" * 5000, **how)
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["matches"])


async def test_calls_that_are_not_whole_reach_no_service(rig: Rig) -> None:
    for path, cluster in ((LOG_IN, "user"), (EXPORT, "user"), (RECOGNIZE, "gateway")):
        async with begun_calls(rig.edge, path):
            await reached(rig, "http.edge.downstream_rq_active", BEGUN)
            assert await gauge(rig, f"cluster.{cluster}.upstream_rq_active") == 0
            assert (await rig.rest.get("/v1/users/me")).status_code == 401
            assert await recognised(rig)


async def begun_answer(rig: Rig, head: str) -> bytes:
    """Sends a head that promises a body, and returns what comes of it."""
    host, port = rig.plan.edge.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{head}\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    try:
        return await asyncio.wait_for(reader.read(65_536), 120)
    finally:
        writer.close()


async def test_nor_do_those_over_http1_and_they_end(rig: Rig) -> None:
    web = "content-type: application/grpc-web+proto\r\nx-grpc-web: 1"
    heads = (
        "GET /v1/users/me HTTP/1.1",
        "DELETE /v1/users/me/webhooks/0123456789abcdef HTTP/1.1",
        f"POST {LOG_IN} HTTP/1.1\r\n{web}",
    )
    answers = [asyncio.create_task(begun_answer(rig, head)) for head in heads]
    await reached(rig, "http.edge.downstream_rq_active", len(heads))
    assert await gauge(rig, "cluster.user.upstream_rq_active") == 0
    got, deleted, by_web = await asyncio.gather(*answers)
    assert b"REQUEST_TIMEOUT" in got
    assert b"REQUEST_TIMEOUT" in deleted
    assert b"grpc-status: 4" in by_web


async def test_who_calls_is_told_while_the_accounts_are_full(rig: Rig) -> None:
    async with begun_calls(rig.inside, "/sonica.user.v1.ActivityService/ReportActivity"):
        await reached(rig, "cluster.user.upstream_rq_active", PLACES)
        full = await rig.rest.get("/v1/users/me")
        assert full.status_code == 503
        assert await recognised(rig, headers={"x-api-key": rig.operator_key})


async def refused(call: Any) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = from_rpc_error(caught.value)
    assert error is not None
    return error


async def test_bodies_fit_and_larger_ones_are_refused_typed(rig: Rig) -> None:
    recognize = RecognitionServiceStub(rig.edge).Recognize
    log_in = SessionServiceStub(rig.edge).LogIn
    clip = recognition.RecognizeRequest(upload={"data": b"k" * (16 * MEBIBYTE)})
    assert (await recognize(clip, timeout=120)).matches
    over = recognition.RecognizeRequest(upload={"data": b"k" * (17 * MEBIBYTE)})
    form = sessions.LogInRequest(email="a@example.org", password="x" * 70_000)
    for call, reason in (
        (recognize(over, timeout=120), "AUDIO_TOO_LARGE"),
        (log_in(form, timeout=120), "BODY_TOO_LARGE"),
    ):
        error = await refused(call)
        assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, reason)
        assert error.domain == "sonica.edge"
    web = await rig.rest.post(LOG_IN, headers=WEB, content=frame(form.SerializeToString()))
    ends = trailers(web.content) or dict(web.headers)
    assert ends["grpc-status"] == "8"
    assert ends["grpc-status-details-bin"]
    got = await rig.rest.request("GET", "/v1/tracks", content=b"x" * 70_000)
    assert (got.status_code, got.json()["code"]) == (413, 8)


async def test_streams_without_a_sound_are_few_and_end(rig: Rig) -> None:
    stream = RecognitionServiceStub(rig.edge).StreamingRecognize
    silent = [stream(timeout=600) for _ in range(STREAMS)]
    reading = [asyncio.ensure_future(call.read()) for call in silent]
    await reached(rig, "cluster.gateway.upstream_rq_active", STREAMS)
    error = await refused(stream(timeout=120).read())
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
    assert error.metadata == {"limit": str(STREAMS)}
    upload = await rig.rest.post("/v1/recognize:stream", content=b"k" * 5000)
    assert (upload.status_code, "TOO_MANY_STREAMS" in upload.text) == (429, True)
    somebody = await newcomer(rig)
    sound = [
        recognition.StreamingRecognizeRequest(config={}),
        recognition.StreamingRecognizeRequest(chunk=b"k" * 5000),
    ]
    got = [a async for a in stream(iter(sound), metadata=somebody.bearer, timeout=120)]
    assert got[-1].matches
    async with asyncio.timeout(120):
        for ended in await asyncio.gather(*reading, return_exceptions=True):
            assert isinstance(ended, grpc.aio.AioRpcError)
            assert ended.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    again = [a async for a in stream(iter(sound), timeout=120)]
    assert again[-1].matches
