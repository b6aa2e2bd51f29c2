"""Aim: every way a call can end has one outcome, the same on the wire, in the span, in the metric.

Method: a real grpc.aio server with the boundary and a real channel on loopback; one echo service
with all four kinds of call, told by its request how to behave.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode as SpanStatus
from sonica.fingerprint.v1 import fingerprint_service_pb2 as fingerprint_pb2
from sonica.fingerprint.v1 import fingerprint_service_pb2_grpc as fingerprint_grpc

from mesh.runtime.channels import open_channel
from mesh.runtime.errors import (
    STATUS_DETAILS_KEY,
    InvalidRequestError,
    ServiceError,
    from_rpc_error,
)
from mesh.runtime.serve import Registration
from mesh.runtime.testing import SpanRecorder, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ECHO = "sonica.testing.v1.EchoService"
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
Code = grpc.StatusCode


class OutOfTapeError(ServiceError):
    code = Code.RESOURCE_EXHAUSTED
    reason = "OUT_OF_TAPE"
    domain = "sonica.testing"


entered: Counter[str] = Counter()


async def has_entered(word: str, count: int = 1) -> None:
    """Waits until the server has so many of these words of this test."""
    async with asyncio.timeout(60):
        while entered[word] < count:  # noqa: ASYNC110 - a handler counts
            await asyncio.sleep(0.01)


async def behave(word: str, context: Any) -> StringValue:
    entered[word] += 1
    if word == "service_error":
        raise OutOfTapeError("no tape left; insert 1", retry_after_seconds=2.5, tapes="0")
    if word == "group":
        async with asyncio.TaskGroup() as group:
            group.create_task(behave("service_error", context))
            group.create_task(asyncio.sleep(600))
    if word == "unknown":
        raise ValueError("the database password is hunter2")
    if word == "abort":
        await context.abort(Code.NOT_FOUND, "by hand")
    if word == "slow":
        await asyncio.sleep(600)
    if word == "stubborn":
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            raise OutOfTapeError("raised on a call that is gone") from None
    if word == "long":
        word = "x" * 6_000
    return StringValue(value=word)


class EchoHandler(grpc.GenericRpcHandler):
    """Answers `/ECHO/<kind>` as generators, `/ECHO/<kind>_rw` with read and write."""

    def __init__(self, name: str = ECHO) -> None:
        self.closed_in_own_task: list[bool] = []
        self.ended: list[str] = []
        self.name = name

    async def unary_unary(self, request: StringValue, context: Any) -> StringValue:
        return await behave(request.value, context)

    async def unary_stream(self, request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        task = asyncio.current_task()
        try:
            yield StringValue(value="first")
            yield await behave(request.value, context)
            while request.value == "endless":
                yield StringValue(value="x" * 10_000)
        finally:
            self.closed_in_own_task.append(asyncio.current_task() is task)

    async def stream_unary(self, requests: Any, context: Any) -> StringValue:
        words = [(await behave(request.value, context)).value async for request in requests]
        self.ended.append("stream_unary")
        return StringValue(value=" ".join(words))

    async def stream_stream(self, requests: Any, context: Any) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield await behave(request.value, context)
        self.ended.append("stream_stream")

    async def unary_stream_rw(self, request: StringValue, context: Any) -> None:
        await context.write(StringValue(value="first"))
        await context.write(await behave(request.value, context))

    async def stream_stream_rw(self, _: Any, context: Any) -> None:
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(await behave(request.value, context))
        self.ended.append("stream_stream_rw")

    def service(self, details: Any) -> Any:
        service, _, name = details.method.lstrip("/").partition("/")
        if service != self.name or not hasattr(self, name):
            return None
        make = getattr(grpc, f"{name.removesuffix('_rw')}_rpc_method_handler")
        return make(
            getattr(self, name),
            request_deserializer=StringValue.FromString,
            response_serializer=StringValue.SerializeToString,
        )


def echo(handler: EchoHandler) -> Registration:
    return Registration(
        lambda h, server: server.add_generic_rpc_handlers((h,)), handler, handler.name
    )


class Echo:
    """A client of the echo service that calls every kind alike."""

    def __init__(self, channel: grpc.aio.Channel, service: str = ECHO) -> None:
        self.channel = channel
        self.service = service

    def method(self, name: str) -> Any:
        return getattr(self.channel, name.removesuffix("_rw"))(
            f"/{self.service}/{name}",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )

    def open(self, name: str) -> Any:
        """Starts a call whose requests are written by hand."""
        return self.method(name)(timeout=120.0)

    def start(self, name: str, *words: str, timeout: float | None = 120.0, **kwargs: Any) -> Any:
        messages = [StringValue(value=word) for word in words]

        async def stream() -> AsyncIterator[StringValue]:
            for message in messages:
                yield message

        request = stream() if name.startswith("stream") else messages[0]
        return self.method(name)(request, timeout=timeout, **kwargs)

    async def call(self, name: str, *words: str, **kwargs: Any) -> list[str]:
        started = self.start(name, *words, **kwargs)
        if name.removesuffix("_rw").endswith("unary"):
            return [(await started).value]
        return [response.value async for response in started]


@asynccontextmanager
async def echoing(**settings: Any) -> AsyncIterator[tuple[Echo, EchoHandler, SpanRecorder]]:
    handler = EchoHandler()
    entered.clear()
    with SpanRecorder() as recorder:
        async with serving([echo(handler)], **settings) as target, open_channel(target) as channel:
            yield Echo(channel), handler, recorder


async def server_outcome(recorder: SpanRecorder) -> tuple[str, SpanStatus]:
    """Returns the code the one SERVER span and the one metric point agree on, and span status."""
    points: list[Any] = []
    async with asyncio.timeout(60):
        while not points:
            await asyncio.sleep(0.01)
            spans = [span for span in recorder.spans() if span.kind is SpanKind.SERVER]
            points = recorder.call_durations() if spans else []
    (span,), (point,) = spans, points
    code = span.attributes["rpc.response.status_code"]
    assert Code[code].value[0] == span.attributes["rpc.grpc.status_code"]
    assert point.attributes["rpc.response.status_code"] == code
    assert point.count == 1
    return code, span.status.status_code


def status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    (content,) = (v for k, v in error.trailing_metadata() if k == STATUS_DETAILS_KEY)
    return status_pb2.Status.FromString(content)


def detail_names(status: status_pb2.Status) -> list[str]:
    return [detail.TypeName().rpartition(".")[2] for detail in status.details]


ALL = (*KINDS, "unary_stream_rw", "stream_stream_rw")


@pytest.mark.parametrize("name", ALL)
async def test_ok(name: str) -> None:
    async with echoing() as (client, _, recorder):
        assert (await client.call(name, "hello"))[-1] == "hello"
        assert await server_outcome(recorder) == ("OK", SpanStatus.UNSET)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("word", ["service_error", "group"])
async def test_service_error(name: str, word: str) -> None:
    async with echoing() as (client, _, recorder):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call(name, word)
        error = caught.value
        assert error.code() is Code.RESOURCE_EXHAUSTED
        assert error.details() == "no tape left; insert 1"
        status = status_of(error)
        assert detail_names(status) == ["ErrorInfo", "RetryInfo"]
        info = error_details_pb2.ErrorInfo()
        status.details[0].Unpack(info)
        assert (info.reason, info.domain, dict(info.metadata)) == (
            "OUT_OF_TAPE",
            "sonica.testing",
            {"tapes": "0"},
        )
        assert await server_outcome(recorder) == ("RESOURCE_EXHAUSTED", SpanStatus.UNSET)


@pytest.mark.parametrize("name", ALL)
async def test_unknown_exception_tells_only_the_log(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with echoing() as (client, _, recorder):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call(name, "unknown")
        assert await server_outcome(recorder) == ("INTERNAL", SpanStatus.ERROR)
        (span,) = [span for span in recorder.spans() if span.kind is SpanKind.SERVER]
        trace_id = format(span.context.trace_id, "032x")
        status = status_of(caught.value)
        assert caught.value.code() is Code.INTERNAL
        assert caught.value.details() == f"internal error; the log has it under trace {trace_id}"
        assert detail_names(status) == ["ErrorInfo"]
        assert "hunter2" not in str(caught.value) + str(status)
        assert "hunter2" in caplog.text


@pytest.mark.parametrize("name", ALL)
async def test_cancel(name: str) -> None:
    async with echoing() as (client, _, recorder):
        call = asyncio.create_task(client.call(name, "slow"))
        await has_entered("slow")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await server_outcome(recorder) == ("CANCELLED", SpanStatus.UNSET)


@pytest.mark.parametrize("name", ALL)
async def test_deadline(name: str) -> None:
    async with echoing() as (client, _, recorder):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call(name, "slow", timeout=2)
        assert caught.value.code() is Code.DEADLINE_EXCEEDED
        assert await server_outcome(recorder) == ("DEADLINE_EXCEEDED", SpanStatus.ERROR)


@pytest.mark.parametrize("name", KINDS)
async def test_abort_by_hand_is_recorded(name: str) -> None:
    async with echoing() as (client, _, recorder):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call(name, "abort")
        assert caught.value.code() is Code.NOT_FOUND
        assert await server_outcome(recorder) == ("NOT_FOUND", SpanStatus.UNSET)


async def test_error_raised_on_a_call_that_is_gone_is_a_cancellation() -> None:
    async with echoing() as (client, _, recorder):
        call = asyncio.create_task(client.call("unary_unary", "stubborn"))
        await has_entered("stubborn")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await server_outcome(recorder) == ("CANCELLED", SpanStatus.UNSET)


async def test_generator_is_closed_at_once_when_its_caller_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with echoing() as (client, handler, recorder):
        call = client.start("unary_stream", "endless")
        async for _ in call:
            break
        call.cancel()
        assert (await server_outcome(recorder))[0] == "CANCELLED"
        assert handler.closed_in_own_task == [True]
        assert "unhandled" not in caplog.text


@pytest.mark.parametrize("name", ["stream_unary", "stream_stream", "stream_stream_rw"])
async def test_stream_of_a_vanished_caller_does_not_look_complete(name: str) -> None:
    async with echoing() as (client, handler, _recorder):
        for _ in range(20):
            call = client.open(name)
            await call.write(StringValue(value="half"))
            if name != "stream_unary":
                await call.read()
            call.cancel()
        await asyncio.sleep(0.1)
        assert handler.ended == []


@pytest.mark.parametrize("name", ALL)
async def test_request_that_is_no_message(name: str) -> None:
    async with echoing() as (client, _, recorder):
        kind = name.removesuffix("_rw")
        method = getattr(client.channel, kind)(f"/{ECHO}/{name}")
        garbage = b"\xff\xff\xff"

        async def stream() -> AsyncIterator[bytes]:
            yield garbage

        call = method(stream() if kind.startswith("stream") else garbage, timeout=120)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await (call if kind.endswith("unary") else anext(aiter(call)))
        assert caught.value.code() is Code.INVALID_ARGUMENT
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert typed.reason == "VALIDATION_FAILED"
        assert await server_outcome(recorder) == ("INVALID_ARGUMENT", SpanStatus.UNSET)


async def test_hostile_texts_still_fit_the_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> StringValue:
        many = {f"key_{n}": "\u20ac" * 10_000 for n in range(50)}
        raise OutOfTapeError("\u20ac\n" * 10_000, **many)

    monkeypatch.setattr(EchoHandler, "unary_unary", fail)
    async with echoing() as (client, _, _recorder):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call("unary_unary", "x")
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert typed.reason == "OUT_OF_TAPE"


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("side", ["request", "response"])
async def test_message_beyond_the_limit(name: str, side: str) -> None:
    word = "x" * 6_000 if side == "request" else "long"
    async with echoing(max_message_bytes=5_000) as (client, _, recorder):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call(name, word)
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert typed.reason == "MESSAGE_TOO_LARGE"
        assert str(typed).startswith(f"the {side} has ")
        assert await server_outcome(recorder) == ("RESOURCE_EXHAUSTED", SpanStatus.UNSET)


async def test_more_calls_than_allowed_are_refused_and_health_still_answers() -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    async with echoing(max_concurrent_rpcs=2) as (client, _, _recorder):
        slow = [asyncio.create_task(client.call("unary_unary", "slow")) for _ in range(2)]
        await has_entered("slow", 2)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call("unary_unary", "hello")
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert (typed.code, typed.reason) == (Code.RESOURCE_EXHAUSTED, "SERVER_BUSY")
        health = await health_pb2_grpc.HealthStub(client.channel).Check(
            health_pb2.HealthCheckRequest(service=ECHO)
        )
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        for call in slow:
            call.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_health_and_reflection_leave_no_server_span() -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    async with echoing() as (client, _, recorder):
        for service in ("", ECHO):
            await health_pb2_grpc.HealthStub(client.channel).Check(
                health_pb2.HealthCheckRequest(service=service)
            )
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        reflection = reflection_pb2_grpc.ServerReflectionStub(client.channel)
        async for answer in reflection.ServerReflectionInfo(iter([question])):
            assert ECHO in [service.name for service in answer.list_services_response.service]
        assert not [span for span in recorder.spans() if span.kind is SpanKind.SERVER]


class Fingerprints(fingerprint_grpc.FingerprintServiceServicer):
    async def ExtractFingerprint(self, request: Any, context: Any) -> Any:
        return fingerprint_pb2.ExtractFingerprintResponse()

    async def StreamFingerprint(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield fingerprint_pb2.StreamFingerprintResponse(first_row=len(request.chunk))


@asynccontextmanager
async def fingerprinting(servicer: Fingerprints | None = None) -> AsyncIterator[Any]:
    registration = Registration(
        fingerprint_grpc.add_FingerprintServiceServicer_to_server,
        servicer or Fingerprints(),
        "sonica.fingerprint.v1.FingerprintService",
    )
    async with serving([registration]) as target, open_channel(target) as channel:
        yield fingerprint_grpc.FingerprintServiceStub(channel)


async def test_validation_names_field_value_and_constraint() -> None:
    async with fingerprinting() as stub:
        request = fingerprint_pb2.ExtractFingerprintRequest(
            config={"purpose": "FINGERPRINT_PURPOSE_QUERY"},
            audio={"content": b"1", "format": {"channel_count": 99}},
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ExtractFingerprint(request)
        status = status_of(caught.value)
        assert caught.value.code() is Code.INVALID_ARGUMENT
        assert detail_names(status) == ["ErrorInfo", "BadRequest"]
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert (typed.reason, typed.domain) == ("VALIDATION_FAILED", "sonica.fingerprint")
        assert typed.metadata == {
            "field": "audio.format.channel_count",
            "value": "99",
            "constraint": "must be greater than or equal to 0 and less than or equal to 8",
        }
        bad = error_details_pb2.BadRequest()
        status.details[1].Unpack(bad)
        assert [v.field for v in bad.field_violations] == ["audio.format.channel_count"]


async def test_validation_of_the_third_stream_message_keeps_the_answers_before_it() -> None:
    async def requests() -> AsyncIterator[Any]:
        yield fingerprint_pb2.StreamFingerprintRequest(chunk=b"12")
        yield fingerprint_pb2.StreamFingerprintRequest(chunk=b"123")
        yield fingerprint_pb2.StreamFingerprintRequest(chunk=bytes(1_048_577))

    async with fingerprinting() as stub:
        call = aiter(stub.StreamFingerprint(requests()))
        seen = [(await anext(call)).first_row for _ in range(2)]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(call)
        assert seen == [2, 3]
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert (typed.metadata["field"], typed.metadata["value"]) == ("chunk", "1048577 bytes")


async def test_servicer_may_go_on_after_a_refused_message() -> None:
    class Forgiving(Fingerprints):
        async def StreamFingerprint(self, requests: Any, context: Any) -> AsyncIterator[Any]:
            while True:
                try:
                    request = await anext(requests)
                except StopAsyncIteration:
                    return
                except InvalidRequestError as error:
                    refused = len(error.request.chunk)
                    yield fingerprint_pb2.StreamFingerprintResponse(first_row=-refused)
                else:
                    yield fingerprint_pb2.StreamFingerprintResponse(first_row=len(request.chunk))

    async def requests() -> AsyncIterator[Any]:
        for size in (1, 1_048_577, 3):
            yield fingerprint_pb2.StreamFingerprintRequest(chunk=bytes(size))

    async with fingerprinting(Forgiving()) as stub:
        assert [r.first_row async for r in stub.StreamFingerprint(requests())] == [1, -1_048_577, 3]
