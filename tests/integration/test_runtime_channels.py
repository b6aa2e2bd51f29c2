"""Aim: each call of a channel has a deadline, one trace and one span that ends, however it is left.

Method: two real servers; the first passes each call on to the second through `open_channel`. The
streams are used in every style grpc offers, because the usual interceptors hang or leak in some.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode as SpanStatus

from mesh.runtime import channels, telemetry
from mesh.runtime.channels import open_channel, remaining_seconds
from mesh.runtime.errors import ServiceError, from_rpc_error
from mesh.runtime.serve import Registration
from mesh.runtime.testing import SpanRecorder, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.sdk.trace import ReadableSpan

LEAF = "sonica.testing.v1.LeafService"
FRONT = "sonica.testing.v1.FrontService"
Code = grpc.StatusCode


class TornPageError(ServiceError):
    code = Code.FAILED_PRECONDITION
    reason = "TORN_PAGE"
    domain = "sonica.testing"


def method(channel: grpc.aio.Channel, service: str, kind: str) -> Any:
    return getattr(channel, kind)(
        f"/{service}/{kind}",
        request_serializer=StringValue.SerializeToString,
        response_deserializer=StringValue.FromString,
    )


class Handler(grpc.GenericRpcHandler):
    """Serves the kinds of call its subclass has methods for."""

    name: str

    def service(self, details: Any) -> Any:
        service, _, kind = details.method.lstrip("/").partition("/")
        if service != self.name or not hasattr(self, kind):
            return None
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        return make(
            getattr(self, kind),
            request_deserializer=StringValue.FromString,
            response_serializer=StringValue.SerializeToString,
        )


class Leaf(Handler):
    name = LEAF

    def __init__(self) -> None:
        self.calls = 0
        self.closed = 0

    async def unary_unary(self, request: StringValue, context: Any) -> StringValue:
        self.calls += 1
        if request.value == "torn":
            raise TornPageError("page 7 is torn", page="7")
        if request.value == "slow":
            await asyncio.sleep(600)
        return StringValue(value=str(remaining_seconds()))

    async def unary_stream(self, request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        try:
            while True:
                yield request
                await asyncio.sleep(0.01)
        finally:
            self.closed += 1

    async def stream_unary(self, requests: Any, context: Any) -> StringValue:
        return StringValue(value="".join([request.value async for request in requests]))

    async def stream_stream(self, requests: Any, context: Any) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield request


class Front(Handler):
    name = FRONT

    def __init__(self, leaf: grpc.aio.Channel) -> None:
        self.leaf = leaf
        self.saw: float | None = None

    async def unary_unary(self, request: StringValue, context: Any) -> StringValue:
        if request.value == "late":
            await asyncio.sleep((remaining_seconds() or 0) - 0.01)
        with telemetry.span("front.think", track_count=3):
            self.saw = remaining_seconds()
            answer: StringValue = await method(self.leaf, LEAF, "unary_unary")(request)
        return answer


def registered(handler: Handler) -> Registration:
    return Registration(
        lambda h, server: server.add_generic_rpc_handlers((h,)), handler, handler.name
    )


class Hops:
    """A client, a front and a leaf."""

    def __init__(self, channel: grpc.aio.Channel, leaf_channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.leaf_channel = leaf_channel
        self.leaf = Leaf()
        self.front = Front(leaf_channel)

    async def call(self, word: str, **kwargs: Any) -> str:
        answer = await method(self.channel, FRONT, "unary_unary")(StringValue(value=word), **kwargs)
        return str(answer.value)


@asynccontextmanager
async def two_hops() -> AsyncIterator[tuple[Hops, SpanRecorder]]:
    leaf = Leaf()
    with SpanRecorder() as recorder:
        async with serving([registered(leaf)]) as leaf_target, open_channel(leaf_target) as inner:
            front = Front(inner)
            async with serving([registered(front)]) as target, open_channel(target) as outer:
                hops = Hops(outer, inner)
                hops.leaf, hops.front = leaf, front
                yield hops, recorder


@asynccontextmanager
async def one_hop() -> AsyncIterator[tuple[Leaf, grpc.aio.Channel, SpanRecorder]]:
    leaf = Leaf()
    with SpanRecorder() as recorder:
        async with serving([registered(leaf)]) as target, open_channel(target) as channel:
            yield leaf, channel, recorder


async def recorded(recorder: SpanRecorder, count: int) -> None:
    """Waits for so many spans: either end of a call may be the last to know of its end."""
    async with asyncio.timeout(60):
        while len(recorder.spans()) < count:  # noqa: ASYNC110 - a recorder has no event
            await asyncio.sleep(0.01)


async def client_span(recorder: SpanRecorder) -> ReadableSpan:
    """Returns the one CLIENT span once both ends of the call are recorded."""
    await recorded(recorder, 2)
    (span,) = [span for span in recorder.spans() if span.kind is SpanKind.CLIENT]
    return span


def code_of(span: ReadableSpan) -> Any:
    return (span.attributes or {})["rpc.response.status_code"]


async def test_deadline_passes_through_two_hops_less_a_margin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # More than grpc rounds what it sends up by, as much as 1 %.
    monkeypatch.setattr(channels, "DEADLINE_MARGIN_SECONDS", 5.0)
    async with two_hops() as (hops, _):
        at_leaf = float(await hops.call("x", timeout=25.0))
        at_front = hops.front.saw
        assert at_front is not None
        assert 5 < at_leaf < at_front < 25.3
        assert at_front - at_leaf > 4


async def test_default_timeout_where_nobody_gave_one() -> None:
    async with two_hops() as (hops, _):
        assert 5 < float(await hops.call("x")) < 30.5


async def test_no_time_left_fails_without_calling() -> None:
    async with two_hops() as (hops, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await hops.call("late", timeout=0.3)
        assert caught.value.code() is Code.DEADLINE_EXCEEDED
        assert hops.leaf.calls == 0


async def test_deadline_at_the_very_margin_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with one_hop() as (leaf, channel, recorder):
        # Over an open connection grpc would send, and even answer, a call without any time.
        await method(channel, LEAF, "unary_unary")(StringValue(value="x"))
        await recorded(recorder, 2)
        margin = channels.DEADLINE_MARGIN_SECONDS
        monkeypatch.setattr(channels, "remaining_seconds", lambda: margin)
        for _ in range(20):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(channel, LEAF, "unary_unary")(StringValue(value="x"))
            assert caught.value.code() is Code.DEADLINE_EXCEEDED
        assert leaf.calls == 1
        assert [code_of(span) for span in recorder.spans()[2:]] == ["DEADLINE_EXCEEDED"] * 20


async def test_slow_leaf_gives_a_typed_error_before_the_caller_stops_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The front stops waiting after 3 s, and a busy machine has 10 s for its answer.
    monkeypatch.setattr(channels, "DEADLINE_MARGIN_SECONDS", 10.0)
    async with two_hops() as (hops, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await hops.call("slow", timeout=13.0)
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert (typed.code, typed.reason) == (
            Code.DEADLINE_EXCEEDED,
            "UPSTREAM_DEADLINE_EXCEEDED",
        )


async def test_typed_error_of_the_leaf_arrives_unchanged() -> None:
    async with two_hops() as (hops, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await hops.call("torn")
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert (typed.code, typed.reason, typed.domain, typed.metadata, str(typed)) == (
            Code.FAILED_PRECONDITION,
            "TORN_PAGE",
            "sonica.testing",
            {"page": "7"},
            "page 7 is torn",
        )


async def test_unreachable_leaf_is_upstream_unavailable() -> None:
    async with open_channel("127.0.0.1:1") as nowhere:
        front = Front(nowhere)
        async with serving([registered(front)]) as target, open_channel(target) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(channel, FRONT, "unary_unary")(StringValue(value="x"))
            typed = from_rpc_error(caught.value)
            assert typed is not None
            assert (typed.code, typed.reason) == (Code.UNAVAILABLE, "UPSTREAM_UNAVAILABLE")


async def test_one_trace_through_two_hops() -> None:
    async with two_hops() as (hops, recorder):
        with telemetry.span("root") as root:
            await hops.call("x")
        await recorded(recorder, 6)
        by_id = {span.context.span_id: span for span in recorder.spans()}
        chain = []
        (span,) = recorder.spans(f"{LEAF}/unary_unary")[:1]
        while span.parent is not None:
            chain.append((span.name.rpartition(".")[2], span.kind.name))
            span = by_id[span.parent.span_id]
        assert chain == [
            ("LeafService/unary_unary", "SERVER"),
            ("LeafService/unary_unary", "CLIENT"),
            ("think", "INTERNAL"),
            ("FrontService/unary_unary", "SERVER"),
            ("FrontService/unary_unary", "CLIENT"),
        ]
        assert {s.context.trace_id for s in recorder.spans()} == {root.get_span_context().trace_id}


async def test_foreign_traceparent_is_continued() -> None:
    async with one_hop() as (_, channel, recorder):
        plain = channel._channel
        header = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        await method(plain, LEAF, "unary_unary")(StringValue(value="x"), metadata=(header,))
        await recorded(recorder, 1)
        (span,) = recorder.spans()
        assert format(span.context.trace_id, "032x") == "0af7651916cd43dd8448eb211c80319c"
        assert span.parent is not None
        assert format(span.parent.span_id, "016x") == "b7ad6b7169203331"


async def test_stream_unary_written_by_hand_does_not_hang() -> None:
    async with one_hop() as (_, channel, recorder), asyncio.timeout(60):
        call = method(channel, LEAF, "stream_unary")(timeout=120)
        await call.write(StringValue(value="a"))
        await call.write(StringValue(value="b"))
        await call.done_writing()
        assert (await call).value == "ab"
        assert code_of(await client_span(recorder)) == "OK"


async def test_stream_unary_from_an_iterator() -> None:
    async def requests() -> AsyncIterator[StringValue]:
        yield StringValue(value="a")
        yield StringValue(value="b")

    async with one_hop() as (_, channel, recorder), asyncio.timeout(60):
        answer = await method(channel, LEAF, "stream_unary")(requests())
        assert answer.value == "ab"
        assert code_of(await client_span(recorder)) == "OK"


async def test_stream_stream_read_and_written_by_hand() -> None:
    async with one_hop() as (_, channel, recorder), asyncio.timeout(60):
        call = method(channel, LEAF, "stream_stream")(timeout=120)
        for word in ("a", "b"):
            await call.write(StringValue(value=word))
            assert (await call.read()).value == word
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert code_of(await client_span(recorder)) == "OK"


async def test_response_stream_left_early_ends_at_once_on_both_sides() -> None:
    async with one_hop() as (leaf, channel, recorder):
        gc.disable()  # the end must not need a collection
        try:
            async for _ in method(channel, LEAF, "unary_stream")(StringValue(value="x")):
                break
            span = await client_span(recorder)
        finally:
            gc.enable()
        assert code_of(span) == "CANCELLED"
        assert leaf.closed == 1


async def test_response_stream_read_once_and_dropped_ends_at_once() -> None:
    async with one_hop() as (leaf, channel, recorder):
        call = method(channel, LEAF, "unary_stream")(StringValue(value="x"))
        await call.read()
        del call
        assert code_of(await client_span(recorder)) == "CANCELLED"
        assert leaf.closed == 1


async def test_failed_call_has_an_error_span() -> None:
    async with one_hop() as (_, channel, recorder):
        with pytest.raises(grpc.aio.AioRpcError):
            await method(channel, LEAF, "unary_unary")(StringValue(value="torn"))
        span = await client_span(recorder)
        assert code_of(span) == "FAILED_PRECONDITION"
        assert span.status.status_code is SpanStatus.ERROR


async def _answered(channel: grpc.aio.Channel, word: str) -> None:
    await method(channel, LEAF, "unary_unary")(StringValue(value=word))


async def test_cancelled_call_has_a_span() -> None:
    async with one_hop() as (leaf, channel, recorder):
        call = asyncio.ensure_future(_answered(channel, "slow"))
        async with asyncio.timeout(60):
            while not leaf.calls:  # noqa: ASYNC110 - another task counts
                await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert code_of(await client_span(recorder)) == "CANCELLED"


async def test_shell_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    async with one_hop() as (_, channel, _recorder):
        await method(channel, LEAF, "unary_unary")(StringValue(value="x"), timeout=60)


async def test_unix_socket(tmp_path: Any) -> None:
    leaf = Leaf()
    listen = f"unix:{tmp_path}/leaf.sock"
    async with (
        serving([registered(leaf)], listen=listen) as target,
        open_channel(target) as channel,
    ):
        assert target == listen
        await method(channel, LEAF, "unary_unary")(StringValue(value="x"), timeout=60)
        assert leaf.calls == 1
