"""The Python parts: span sink, vector engine and the four services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mesh.local.interpreter import python, python_environment
from mesh.local.layout import Layout
from mesh.local.operator_key import keeping_key
from mesh.local.part import Layer, Part, clearing
from mesh.local.readiness import grpc_accepts

SPANS = "spans"
ENGINE = "engine"
FINGERPRINT = "fingerprint"
MATCH = "match"
USER = "user"
GATEWAY = "gateway"
#: Where user_svc publishes the keys of its access tokens, over HTTP.
KEY_SET = "jwks"
#: Where Envoy takes calls from one service to another.
MESH_LISTENER = "mesh"

# Calls in flight end before a part does; Envoy has stopped sending new ones by then.
_DRAIN_SECONDS = 3.0


def spans_part(layout: Layout, passed_on: Mapping[str, str]) -> Part:
    """Returns the sink that writes traces to files."""
    return Part(
        name=SPANS,
        command=python(
            "mesh.local.spans",
            "--listen", layout.target(SPANS),
            "--folder", str(layout.spans_dir),
        ),
        ready=grpc_accepts(layout.socket(SPANS)),
        address=layout.target(SPANS),
        environment=python_environment(passed_on),
        layer=Layer.TELEMETRY,
        prepare=clearing(layout.socket(SPANS)),
        optional=True,
    )  # fmt: skip


def engine_part(layout: Layout, passed_on: Mapping[str, str], otlp: str) -> Part:
    """Returns the local vector engine, which answers Qdrant's gRPC API."""
    settings = {"SONICA_ENGINE_DATA_DIR": str(layout.data_dir / "index")}
    return _service(layout, ENGINE, "mesh.local.engine", passed_on, otlp, settings, Layer.STORES)


def fingerprint_part(layout: Layout, passed_on: Mapping[str, str], otlp: str) -> Part:
    """Returns fingerprint_svc."""
    return _service(layout, FINGERPRINT, "fingerprint_svc", passed_on, otlp, {})


def match_part(
    layout: Layout,
    passed_on: Mapping[str, str],
    otlp: str,
    *,
    database_url: str,
    qdrant_address: str,
    redis_url: str | None,
) -> Part:
    """Returns match_svc, connected to its stores."""
    settings = {
        "SONICA_MATCH_DATABASE_URL": database_url,
        "SONICA_MATCH_QDRANT_ADDRESS": qdrant_address,
    }
    if redis_url is not None:
        settings["SONICA_MATCH_REDIS_URL"] = redis_url
    return _service(layout, MATCH, "match_svc", passed_on, otlp, settings)


def user_part(
    layout: Layout,
    passed_on: Mapping[str, str],
    otlp: str,
    *,
    database_url: str,
    redis_url: str | None,
) -> Part:
    """Returns user_svc, connected to its stores."""
    settings = {
        "SONICA_USER_DATABASE_URL": database_url,
        "SONICA_USER_JWKS_LISTEN": layout.target(KEY_SET),
        "SONICA_USER_OPERATOR_KEY_FILE": str(layout.operator_key),
    }
    if redis_url is not None:
        settings["SONICA_USER_REDIS_URL"] = redis_url
    part = _service(layout, USER, "user_svc", passed_on, otlp, settings)
    return replace(part, prepare=keeping_key(layout, clearing(layout.socket(USER))))


def gateway_part(layout: Layout, passed_on: Mapping[str, str], otlp: str) -> Part:
    """Returns the gateway, which reaches the others through Envoy."""
    settings = {"SONICA_GATEWAY_MESH_ADDRESS": layout.target(MESH_LISTENER)}
    return _service(layout, GATEWAY, "gateway", passed_on, otlp, settings, Layer.GATEWAY)


def _service(
    layout: Layout,
    name: str,
    module: str,
    passed_on: Mapping[str, str],
    otlp: str,
    settings: Mapping[str, str],
    layer: Layer = Layer.SERVICES,
) -> Part:
    prefix = f"SONICA_{name.upper()}_"
    defaults = {f"{prefix}DRAIN_TIMEOUT_SECONDS": f"{_DRAIN_SECONDS:g}"}
    ours = {
        f"{prefix}LISTEN": layout.target(name),
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OTEL_EXPORTER_OTLP_INSECURE": "false" if otlp.startswith("https:") else "true",
    }
    return Part(
        name=name,
        command=python(module),
        ready=grpc_accepts(layout.socket(name)),
        address=layout.target(name),
        environment={
            **defaults,
            **python_environment(passed_on, prefix),
            **settings,
            **ours,
        },
        layer=layer,
        prepare=clearing(layout.socket(name)),
        stop_seconds=_DRAIN_SECONDS + 2.0,
    )
