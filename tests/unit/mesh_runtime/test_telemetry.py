"""Aim: spans nest and tell failures; logs are one JSON object a line with their trace."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import SpanKind, StatusCode

from mesh.runtime import telemetry
from mesh.runtime.testing import SpanRecorder


def test_inner_span_belongs_to_the_outer() -> None:
    with SpanRecorder() as recorder:
        with telemetry.span("outer") as outer:
            trace_id = telemetry.current_trace_id()
            with telemetry.span("inner", SpanKind.CLIENT, track_count=2, **{"db.system.name": "x"}):
                pass
        assert telemetry.current_trace_id() == "0" * 32
        (inner,) = recorder.spans("inner")
        assert inner.parent is not None
        assert inner.parent.span_id == outer.get_span_context().span_id
        assert format(inner.context.trace_id, "032x") == trace_id
        assert inner.kind is SpanKind.CLIENT
        assert dict(inner.attributes or {}) == {"sonica.track_count": 2, "db.system.name": "x"}


def test_exception_marks_the_span_and_passes() -> None:
    with SpanRecorder() as recorder:
        with pytest.raises(ValueError, match="x"), telemetry.span("work"):
            raise ValueError("x")
        (span,) = recorder.spans("work")
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "ValueError"


async def test_cancellation_is_no_error_but_is_told() -> None:
    with SpanRecorder() as recorder:

        async def work() -> None:
            with telemetry.span("work"):
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (span,) = recorder.spans("work")
        assert span.status.status_code is StatusCode.UNSET
        assert (span.attributes or {})["error.type"] == "CancelledError"


def test_work_timed_elsewhere_is_recorded_in_its_place() -> None:
    with SpanRecorder() as recorder:
        with telemetry.span("outer") as outer:
            telemetry.record_span("decode", 2.0, ended_seconds_ago=1.0, track_count=1)
        (span,) = recorder.spans("decode")
        assert span.parent is not None
        assert span.parent.span_id == outer.get_span_context().span_id
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.end_time - span.start_time == 2_000_000_000
        assert dict(span.attributes or {}) == {"sonica.track_count": 1}


@pytest.mark.parametrize(
    ("kind", "recorded"), [(SpanKind.CLIENT, []), (SpanKind.INTERNAL, ["poll", "work"])]
)
def test_queries_that_belong_to_nothing_are_not_recorded(
    kind: SpanKind, recorded: list[str]
) -> None:
    exporter = InMemorySpanExporter()
    sampler = ParentBased(telemetry.CallsAndWork())
    pipeline = telemetry.Pipeline("unit", [SimpleSpanProcessor(exporter)], sampler=sampler)
    before = telemetry.install(pipeline)
    try:
        with telemetry.span("work", kind), telemetry.span("poll", SpanKind.CLIENT):
            assert int(telemetry.current_trace_id(), 16) > 0
    finally:
        telemetry.install(before)
        pipeline.close()
    assert [span.name for span in exporter.get_finished_spans()] == recorded


def test_undeclared_attribute_fails_the_recorder() -> None:
    recorder = SpanRecorder()
    with pytest.raises(AssertionError, match=r"work: sonica\.colour"), recorder:  # noqa: SIM117 - reads in order
        with telemetry.span("work", colour="red"):
            pass


def test_trace_ids_exist_without_any_exporter() -> None:
    with telemetry.span("work"):
        assert int(telemetry.current_trace_id(), 16) > 0


def test_json_log_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    level = root.level
    try:
        telemetry.setup_logs("unit", "INFO")
        with telemetry.span("work"):
            trace_id = telemetry.current_trace_id()
            try:
                raise ValueError("line 1\nline 2")
            except ValueError:
                logging.getLogger("here").exception("it %s", "failed", extra={"fields": {"n": 1}})
        logging.getLogger("here").debug("unseen")
    finally:
        root.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record.pop("ts").endswith("+00:00")
    assert "ValueError: line 1\nline 2" in record.pop("stack")
    assert record.pop("span_id")
    assert record == {
        "level": "ERROR",
        "service": "unit",
        "logger": "here",
        "msg": "it failed",
        "trace_id": trace_id,
        "n": 1,
    }


def test_text_log_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    level = root.level
    try:
        telemetry.setup_logs("unit", "INFO")
        logging.getLogger("here").info("hello")
    finally:
        root.setLevel(level)
    assert capsys.readouterr().err.endswith("INFO here: hello\n")
