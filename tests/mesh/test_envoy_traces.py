"""Aim: one request is one trace, from Envoy's edge to the last service, parents in order.

Method: Envoy sends its spans to a real OTLP server in this process; those of gateway and stand-ins
are recorded here. Together they must form one tree.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from mesh.runtime.testing import SpanRecorder
from tests.mesh.rig import running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.sdk.trace import ReadableSpan

Span = tuple[str, str]
RECOGNIZE = "sonica.recognition.v1.RecognitionService/Recognize"
EXTRACT = "sonica.fingerprint.v1.FingerprintService/ExtractFingerprint"
SEARCH = "sonica.matching.v1.MatchingService/FindMatches"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps Envoy's spans."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []

    async def Export(self, request: Any, context: Any) -> Any:
        for resource in request.resource_spans:
            attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans.extend((attributes["service.name"], span) for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


@asynccontextmanager
async def collecting() -> AsyncIterator[tuple[str, Collector]]:
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield address, collector
    finally:
        await server.stop(None)


async def test_one_request_is_one_trace() -> None:
    async with collecting() as (otlp, collector), running_mesh(otlp=otlp) as rig:
        with SpanRecorder() as recorder:
            answer = await rig.rest.post("/v1/recognize", content=b"k" * 5000)
            trace_id = answer.json()["traceId"]
            async with asyncio.timeout(60):
                while len(_of(collector, trace_id)) < 6:  # noqa: ASYNC110 - counts
                    await asyncio.sleep(0.05)
            # Six of Envoy are there; ours are those of the gateway and two calls of both ends.
            async with asyncio.timeout(60):
                while len(inside := _recorded(recorder, trace_id)) < 5:  # noqa: ASYNC110 - counts
                    await asyncio.sleep(0.05)
        parents: dict[str, str] = {}
        names: dict[str, Span] = {}
        for service, span in _of(collector, trace_id):
            names[span.span_id.hex()] = (service, "")
            parents[span.span_id.hex()] = span.parent_span_id.hex()
        for record in inside:
            own = format(record.context.span_id, "016x")
            names[own] = (record.kind.name, record.name)
            parents[own] = format(record.parent.span_id, "016x") if record.parent else ""

        roots = [own for own, parent in parents.items() if not parent]
        assert [names[own] for own in roots] == [("envoy-edge", "")]
        assert all(parent in names for parent in parents.values() if parent)

        def path(own: str) -> list[Span]:
            return [] if not own else [*path(parents[own]), names[own]]

        paths = [path(own) for own in names]
        begin = [("envoy-edge", ""), ("envoy-edge", ""), ("SERVER", RECOGNIZE)]
        for inner in (EXTRACT, SEARCH):
            mesh = [("envoy-mesh", ""), ("envoy-mesh", "")]
            assert [*begin, ("CLIENT", inner), *mesh, ("SERVER", inner)] in paths


async def test_trace_of_the_caller_is_continued() -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with collecting() as (otlp, collector), running_mesh(otlp=otlp) as rig:
        with SpanRecorder():
            answer = await rig.rest.post(
                "/v1/recognize",
                content=b"k" * 5000,
                headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"},
            )
        assert answer.json()["traceId"] == trace_id
        edge: list[Any] = []
        async with asyncio.timeout(60):
            while "00f067aa0ba902b7" not in [span.parent_span_id.hex() for span in edge]:
                await asyncio.sleep(0.05)
                edge = [span for name, span in _of(collector, trace_id) if name == "envoy-edge"]
        assert {span.name for span in edge} >= {RECOGNIZE}


async def test_spans_tell_neither_paths_nor_queries_nor_addresses() -> None:
    async with collecting() as (otlp, collector), running_mesh(otlp=otlp) as rig:
        await rig.rest.get("/v1/tracks/canary", params={"canary": "canary"})
        await rig.rest.get("/v1/nowhere/canary", params={"canary": "canary"})
        async with asyncio.timeout(60):
            while len(edge := [s for _, s in collector.spans]) < 2:  # noqa: ASYNC110 - counts
                await asyncio.sleep(0.05)
        told = [{each.key: each.value.string_value for each in span.attributes} for span in edge]
        assert "canary" not in str(edge)
        assert {(tags["http.url"], tags["peer.address"]) for tags in told} == {("-", "-")}


async def test_readiness_and_health_checks_leave_no_spans() -> None:
    async with collecting() as (otlp, collector), running_mesh(otlp=otlp) as rig:
        await rig.rest.get("/healthz")
        await asyncio.sleep(1.5)
        assert not [s for s in collector.spans if "health" in str(s).lower()]


def _of(collector: Collector, trace_id: str) -> list[tuple[str, Any]]:
    return [(service, s) for service, s in collector.spans if s.trace_id.hex() == trace_id]


def _recorded(recorder: SpanRecorder, trace_id: str) -> list[ReadableSpan]:
    return [s for s in recorder.spans() if format(s.context.trace_id, "032x") == trace_id]
