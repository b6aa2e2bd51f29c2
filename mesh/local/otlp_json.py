"""OTLP trace messages as OTLP/JSON: lowerCamelCase, ids in hexadecimal, 64-bit numbers as text.

By hand rather than by protobuf's JSON printer, which knows nothing of hexadecimal ids and takes
several times as long; spans come in with every call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

Json = dict[str, Any]


def encode_request(request: ExportTraceServiceRequest) -> Json:
    """Returns one export request as OTLP/JSON."""
    return {"resourceSpans": [_resource_spans(spans) for spans in request.resource_spans]}


def _resource_spans(spans: ResourceSpans) -> Json:
    return {
        "resource": {"attributes": _attributes(spans.resource.attributes)},
        "scopeSpans": [_scope_spans(scope) for scope in spans.scope_spans],
    }


def _scope_spans(spans: ScopeSpans) -> Json:
    return {
        "scope": {"name": spans.scope.name, "version": spans.scope.version},
        "spans": [_span(span) for span in spans.spans],
    }


def _span(span: Span) -> Json:
    encoded: Json = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
        "attributes": _attributes(span.attributes),
        "status": {"code": span.status.code, "message": span.status.message},
    }
    if span.events:
        encoded["events"] = [
            {
                "timeUnixNano": str(event.time_unix_nano),
                "name": event.name,
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ]
    if span.links:
        encoded["links"] = [
            {"traceId": link.trace_id.hex(), "spanId": link.span_id.hex()} for link in span.links
        ]
    return encoded


def _attributes(attributes: Iterable[KeyValue]) -> list[Json]:
    return [{"key": item.key, "value": _value(item.value)} for item in attributes]


def _value(value: AnyValue) -> Json:
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return {}
        case "string_value":
            return {"stringValue": value.string_value}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "double_value":
            return {"doubleValue": value.double_value}
        case "array_value":
            return {"arrayValue": {"values": [_value(item) for item in value.array_value.values]}}
        case "kvlist_value":
            return {"kvlistValue": {"values": _attributes(value.kvlist_value.values)}}
        case _:
            return {"bytesValue": value.bytes_value.hex()}
