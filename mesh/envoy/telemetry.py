"""Spans and access logs of Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh.envoy.address import Json
    from mesh.envoy.plan import MeshPlan

OTLP_CLUSTER = "otlp"
# Without its query, which may hold names, and by mistake secrets.
_PATH = "%PATH(NQ:ORIG_OR_PATH)%"
# What Envoy writes by itself and nobody is to read in a trace: ids and words in paths and queries,
# and addresses of clients. The audit log and the answers tell trace ids, so a trace that named an
# account would lead from an event to who was erased. The span's name says which call it was.
_WITHHELD = ("http.url", "peer.address")


def tracing(plan: MeshPlan, service_name: str) -> Json | None:
    """Returns the tracing of one listener: a SERVER span a request, a CLIENT span a try.

    A trace that the caller began is continued, and its own decision to sample is kept. Spans hold
    neither paths nor queries nor addresses of clients.
    """
    if plan.otlp is None:
        return None
    return {
        "random_sampling": {"value": plan.trace_sample_percent},
        "spawn_upstream_span": True,
        "custom_tags": [{"tag": name, "literal": {"value": "-"}} for name in _WITHHELD],
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "grpc_service": {"envoy_grpc": {"cluster_name": OTLP_CLUSTER}, "timeout": "1s"},
                "service_name": service_name,
            },
        },
    }


def access_log(plan: MeshPlan, listener: str) -> Json:
    """Returns a log of one JSON line a request."""
    line: Json = {
        "ts": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "listener": listener,
        "trace_id": "%TRACE_ID%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "method": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
        "path": _PATH,
        "protocol": "%PROTOCOL%",
        "status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS(SNAKE_STRING)%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "duration_ms": "%DURATION%",
        "received_bytes": "%BYTES_RECEIVED%",
        "sent_bytes": "%BYTES_SENT%",
        "upstream": "%UPSTREAM_CLUSTER%",
        "upstream_host": "%UPSTREAM_HOST%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "user_agent": "%REQ(USER-AGENT)%",
    }
    kind = "file.v3.FileAccessLog" if plan.access_log else "stream.v3.StdoutAccessLog"
    config: Json = {
        "@type": f"type.googleapis.com/envoy.extensions.access_loggers.{kind}",
        "log_format": {"json_format": line},
    }
    if plan.access_log:
        config["path"] = plan.access_log
    return {"name": f"envoy.access_loggers.{listener}", "typed_config": config}
