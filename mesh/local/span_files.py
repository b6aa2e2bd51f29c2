"""Files of spans, bounded: four of 16 MiB, the oldest goes first. And the way back, by trace id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CURRENT = "spans.jsonl"
_FILE_COUNT = 4
_FILE_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True)
class StoredSpan:
    """One span as it was kept.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_span_id: of the span it belongs to; empty for a root.
        service: `service.name` of the process it comes from.
        name: of the operation.
        kind: OTLP number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
        start_ns: nanoseconds since 1970.
        end_ns: nanoseconds since 1970.
        failed: whether its status is an error.
        status_message: of an error; may be empty.
        attributes: plain values.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    service: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    failed: bool
    status_message: str
    attributes: dict[str, Any]


class SpanFiles:
    """The files of one folder; one writer."""

    def __init__(
        self, folder: Path, file_bytes_max: int = _FILE_BYTES_MAX, file_count: int = _FILE_COUNT
    ) -> None:
        """Takes over a folder.

        Args:
            folder: must exist.
            file_bytes_max: size at which the next file begins.
            file_count: files kept, the one being written included.
        """
        self._folder = folder
        self._bytes_max = file_bytes_max
        self._count = file_count

    def append(self, line: str) -> None:
        """Appends one line.

        Raises:
            OSError: it cannot be written; half a line may be, which readers skip.
        """
        current = self._folder / _CURRENT
        data = line.encode() + b"\n"
        if current.exists() and current.stat().st_size + len(data) > self._bytes_max:
            self._rotate()
        with current.open("ab") as file:
            file.write(data)

    def _rotate(self) -> None:
        for number in range(self._count - 1, 0, -1):
            older = _numbered(self._folder, number)
            newer = _numbered(self._folder, number - 1)
            if newer.exists():
                newer.replace(older)


def read_trace(spans_dir: Path, trace_id: str) -> list[StoredSpan]:
    """Returns the spans of one trace, in the order of their start; empty when it is not known.

    Args:
        spans_dir: folder of a mesh, `LocalMesh.spans_dir`.
        trace_id: 32 hexadecimal digits, in any case.
    """
    wanted = trace_id.strip().lower()
    if not wanted:
        return []
    found = {
        span.span_id: span
        for path in sorted(spans_dir.glob("spans*.jsonl"))
        for request in _requests_naming(path, wanted)
        for span in _spans(request)
        if span.trace_id == wanted
    }
    return sorted(found.values(), key=lambda span: (span.start_ns, -span.end_ns))


def _numbered(folder: Path, number: int) -> Path:
    return folder / (_CURRENT if number == 0 else f"spans.{number}.jsonl")


def _requests_naming(path: Path, trace_id: str) -> Iterator[dict[str, Any]]:
    needle = trace_id.encode()
    try:
        with path.open("rb") as file:
            for line in file:
                if needle in line:
                    try:
                        yield json.loads(line)
                    except ValueError:
                        continue  # half a line, of a full disk or a killed sink
    except FileNotFoundError:
        return  # rotated away meanwhile


def _spans(request: dict[str, Any]) -> Iterator[StoredSpan]:
    for resource in request.get("resourceSpans", []):
        about = _plain(resource.get("resource", {}).get("attributes", []))
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                status = span.get("status", {})
                yield StoredSpan(
                    trace_id=span["traceId"],
                    span_id=span["spanId"],
                    parent_span_id=span.get("parentSpanId", ""),
                    service=str(about.get("service.name", "")),
                    name=span.get("name", ""),
                    kind=int(span.get("kind", 0)),
                    start_ns=int(span.get("startTimeUnixNano", 0)),
                    end_ns=int(span.get("endTimeUnixNano", 0)),
                    failed=status.get("code") == 2,
                    status_message=status.get("message", ""),
                    attributes=_plain(span.get("attributes", [])),
                )


def _plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {item["key"]: _plain_value(item.get("value", {})) for item in attributes}


def _plain_value(value: dict[str, Any]) -> Any:
    for kind, content in value.items():
        if kind == "intValue":
            return int(content)
        if kind == "arrayValue":
            return [_plain_value(item) for item in content.get("values", [])]
        if kind == "kvlistValue":
            return _plain(content.get("values", []))
        return content
    return None
