"""Aim: spans come back by trace id, from files that stay bounded and may be damaged.

Method: the real sink over a real socket, fed by the real exporter; files cut by hand.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from mesh.local.span_files import SpanFiles, read_trace
from mesh.local.spans import start_sink


def line(trace_id: str, span_id: str = "b" * 16, filler: str = "") -> str:
    span = {"traceId": trace_id, "spanId": span_id, "name": filler}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


async def test_what_the_exporter_sends_is_read_back(tmp_path: Path) -> None:
    import asyncio

    target = f"unix:{tmp_path}/sink.sock"
    sink = await start_sink(target, SpanFiles(tmp_path))
    provider = TracerProvider(resource=Resource.create({"service.name": "gateway"}))
    provider.add_span_processor(
        SimpleSpanProcessor(OTLPSpanExporter(endpoint=target, insecure=True))
    )
    tracer = provider.get_tracer("test")

    def emit() -> str:
        with tracer.start_as_current_span("outer", kind=SpanKind.SERVER) as outer:
            with tracer.start_as_current_span(
                "inner", attributes={"a": 1, "b": "x", "c": [1.5, 2.5], "d": True}
            ) as inner:
                inner.set_status(Status(StatusCode.ERROR, "no"))
                inner.add_event("event", {"e": "f"})
            return format(outer.get_span_context().trace_id, "032x")

    trace_id = await asyncio.to_thread(emit)
    await asyncio.to_thread(provider.shutdown)
    await sink.stop(None)
    outer, inner = read_trace(tmp_path, trace_id.upper())
    assert (outer.service, outer.name, outer.kind, outer.failed) == ("gateway", "outer", 2, False)
    assert (inner.name, inner.failed, inner.status_message) == ("inner", True, "no")
    assert inner.parent_span_id == outer.span_id
    assert outer.parent_span_id == ""
    assert inner.attributes == {"a": 1, "b": "x", "c": [1.5, 2.5], "d": True}
    assert outer.start_ns <= inner.start_ns <= inner.end_ns <= outer.end_ns
    assert outer.end_ns <= time.time_ns()
    assert read_trace(tmp_path, "0" * 32) == []
    assert read_trace(tmp_path, "") == []


def test_files_are_bounded_and_the_oldest_goes_first(tmp_path: Path) -> None:
    files = SpanFiles(tmp_path, file_bytes_max=2000, file_count=3)
    for number in range(100):
        files.append(line(f"{number:032x}", filler="x" * 100))
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 3
    assert max(sizes) <= 2000
    assert read_trace(tmp_path, f"{0:032x}") == []
    assert len(read_trace(tmp_path, f"{99:032x}")) == 1


def test_half_a_line_is_skipped(tmp_path: Path) -> None:
    files = SpanFiles(tmp_path)
    trace_id = "a" * 32
    with (tmp_path / "spans.jsonl").open("w") as damaged:
        damaged.write(line(trace_id)[:70] + "\n")
    files.append(line(trace_id, "c" * 16))
    assert [span.span_id for span in read_trace(tmp_path, trace_id)] == ["c" * 16]


async def test_full_disk_costs_the_caller_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

    target = f"unix:{tmp_path}/sink.sock"
    sink = await start_sink(target, SpanFiles(tmp_path / "missing"))
    async with grpc.aio.insecure_channel(target) as channel:
        export = channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            request_serializer=trace.ExportTraceServiceRequest.SerializeToString,
            response_deserializer=trace.ExportTraceServiceResponse.FromString,
        )
        for _ in range(3):
            await export(trace.ExportTraceServiceRequest(), timeout=60)
    await sink.stop(None)
    assert len([record for record in caplog.records if "spans are lost" in record.message]) == 1
