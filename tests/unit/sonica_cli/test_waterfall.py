"""The drawn trace: order and depth of spans, when it is complete, which trace is the newest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mesh.local import StoredSpan
from sonica_cli.waterfall import complete, draw, newest_trace_id

MS = 1_000_000


def span(name: str, parent: str, start: int, end: int, **other: object) -> StoredSpan:
    fields: dict[str, object] = {
        "trace_id": "ab" * 16,
        "span_id": name,
        "parent_span_id": parent,
        "service": "gateway",
        "name": name,
        "kind": 1,
        "start_ns": start * MS,
        "end_ns": end * MS,
        "failed": False,
        "status_message": "",
        "attributes": {},
    }
    return StoredSpan(**(fields | other))  # type: ignore[arg-type]  # a test's shorthand


CALL = [
    span("call", "", 0, 100, service="envoy-edge", kind=2),
    span("late", "call", 60, 90, failed=True, status_message="the index is away"),
    span("early", "call", 10, 50),
    span("inner", "early", 20, 30, service="fingerprint_svc"),
]


def test_children_follow_their_parents(capsys: pytest.CaptureFixture[str]) -> None:
    draw(CALL)
    first, _heading, *rows = capsys.readouterr().out.splitlines()
    assert first == f"trace {'ab' * 16}: 4 spans, 100.0 ms"
    assert [row.split()[1] for row in rows] == ["call", "early", "inner", "late"]
    assert [row.index(name) for row, name in zip(rows, ("call", "early", "inner"), strict=False)][
        1
    ] > rows[0].index("call")
    assert "(the index is away)" in rows[3]
    bars = [row[row.index("█") :].count("█") for row in rows]
    assert bars == [40, 16, 4, 12]


def test_orphans_are_drawn_as_roots(capsys: pytest.CaptureFixture[str]) -> None:
    draw(CALL[1:])
    assert "inner" in capsys.readouterr().out


def test_complete_needs_every_parent_and_every_callee() -> None:
    assert complete(CALL)
    assert not complete([])
    assert not complete(CALL[1:])
    egress = span("egress", "call", 5, 95, service="envoy-edge", kind=3)
    assert not complete([*CALL, egress])
    assert complete([*CALL, egress, span("answer", "egress", 6, 94)])


def test_newest_trace_is_that_of_the_last_call(tmp_path: Path) -> None:
    def line(
        trace_id: str, start: int, kind: int, parent: str = "", service: str = "envoy-edge"
    ) -> str:
        found = {
            "traceId": trace_id,
            "startTimeUnixNano": str(start),
            "kind": kind,
            "parentSpanId": parent,
        }
        about = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
        spans = {"resource": about, "scopeSpans": [{"spans": [found]}]}
        return json.dumps({"resourceSpans": [spans]})

    assert newest_trace_id(tmp_path) == ""
    (tmp_path / "spans.1.jsonl").write_text(line("old", 1, 2) + "\n")
    rows = [
        line("new", 5, 2),
        line("housekeeping", 9, 3, service="match_svc"),
        line("inner", 8, 2, "new"),
        line("asked inside", 7, 2, service="gateway"),
        "{half a",
    ]
    (tmp_path / "spans.jsonl").write_text("\n".join(rows))
    assert newest_trace_id(tmp_path) == "new"
