"""Draws spans as a tree with bars on one time axis."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.text import Text

from sonica_cli.screen import console, say, show_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mesh.local import StoredSpan

_PLAIN_BAR_WIDTH = 40
_SERVER_KIND, _CLIENT_KIND = 2, 3
_PROXY_PREFIX = "envoy"
_EDGE = "envoy-edge"
_TAIL_BYTES = 4 * 1024 * 1024
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red")


def complete(spans: list[StoredSpan]) -> bool:
    """Returns whether nothing is known to be missing.

    Every parent that a span names must be there, and whoever a proxy passed the call on to must
    have answered with a span of its own.
    """
    ids = {span.span_id for span in spans}
    parents = {span.parent_span_id for span in spans}
    return bool(spans) and all(
        (not span.parent_span_id or span.parent_span_id in ids)
        and (span.span_id in parents or not _passed_on(span))
        for span in spans
    )


def _passed_on(span: StoredSpan) -> bool:
    return span.kind == _CLIENT_KIND and span.service.startswith(_PROXY_PREFIX)


def newest_trace_id(spans_dir: Path) -> str:
    """Returns the trace of the newest call that came in at the edge; empty when there is none."""
    roots = (span for path in spans_dir.glob("spans*.jsonl") for span in _roots(path))
    return max(roots, default=(0, ""))[1]


def _roots(path: Path) -> Iterator[tuple[int, str]]:
    """Yields (start, trace id) of the calls that began at the edge, near the end of a file."""
    for line in _tail(path):
        try:
            request = json.loads(line)
        except ValueError:
            continue  # the tail begins in the middle of a line
        for resource in filter(_of_edge, request.get("resourceSpans", [])):
            for scope in resource.get("scopeSpans", []):
                for span in scope.get("spans", []):
                    if int(span.get("kind", 0)) == _SERVER_KIND and not span.get("parentSpanId"):
                        yield int(span.get("startTimeUnixNano", 0)), span["traceId"]


def _of_edge(resource: dict[str, Any]) -> bool:
    service = {"key": "service.name", "value": {"stringValue": _EDGE}}
    return service in resource.get("resource", {}).get("attributes", [])


def _tail(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().splitlines()
    except OSError:
        return []


def draw(spans: list[StoredSpan]) -> None:
    """Writes the waterfall of one trace to standard output."""
    begin = min(span.start_ns for span in spans)
    end = max(span.end_ns for span in spans)
    services = list(dict.fromkeys(span.service for span in spans))
    colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(services)}
    width = _bar_width()
    rows = []
    for depth, span in _tree(spans):
        style = "bold red" if span.failed else ""
        name = Text("  " * depth + span.name, style=style)
        if span.failed and span.status_message:
            name.append(f" ({span.status_message})")
        bar = Text(_bar(span, begin, end, width), style=colours[span.service])
        milliseconds = f"{(span.end_ns - span.start_ns) / 1e6:.2f}"
        rows.append((Text(span.service, style=colours[span.service]), name, bar, milliseconds))
    say(f"trace {spans[0].trace_id}: {len(spans)} spans, {(end - begin) / 1e6:.1f} ms")
    show_table(("Service", "Span", "When", "ms"), rows, right=("ms",))


def _bar_width() -> int:
    out = console(sys.stdout)
    return max(20, out.width - 80) if out.is_terminal else _PLAIN_BAR_WIDTH


def _bar(span: StoredSpan, begin: int, end: int, width: int) -> str:
    whole = max(1, end - begin)
    first = min(width - 1, (span.start_ns - begin) * width // whole)
    last = max(first + 1, -(-(span.end_ns - begin) * width // whole))
    return (" " * first + "█" * (min(width, last) - first)).ljust(width)


def _tree(spans: list[StoredSpan]) -> Iterator[tuple[int, StoredSpan]]:
    """Yields (depth, span), every parent before its children, siblings by their start."""
    ids = {span.span_id for span in spans}
    children: dict[str, list[StoredSpan]] = {}
    for span in sorted(spans, key=lambda span: span.start_ns):
        parent = span.parent_span_id if span.parent_span_id in ids else ""
        children.setdefault(parent, []).append(span)
    stack = [(0, span) for span in reversed(children.get("", []))]
    while stack:
        depth, span = stack.pop()
        yield depth, span
        stack += [(depth + 1, child) for child in reversed(children.get(span.span_id, []))]
