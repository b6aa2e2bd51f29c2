"""The whole configuration of one Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.envoy.address import Json, envoy_address
from mesh.envoy.clusters import decisions_cluster, keys_cluster, otlp_cluster, service_cluster
from mesh.envoy.durations import seconds
from mesh.envoy.listeners import edge_listener, internal_listener
from mesh.envoy.methods import METHODS

if TYPE_CHECKING:
    from mesh.envoy.plan import MeshPlan

_RUNTIME: Json = {
    # Spans leave at the latest after this; a person asks for the trace of the call just made.
    "tracing.opentelemetry.flush_interval_ms": 1000,
    # The form of an access token has several times the default's size.
    "re2.max_program_size.error_level": 1000,
}
_HEAP = "envoy.resource_monitors.fixed_heap"
# Between two looks a fast network brings some ten MiB.
_HEAP_LOOK_SECONDS = 0.1
# Streams that hold 1 MiB or more are candidates.
_LARGE_STREAM_BITS = 20


def bootstrap(plan: MeshPlan) -> Json:
    """Returns Envoy's static bootstrap of a plan, ready for `json.dumps`."""
    upstreams = sorted({row.upstream for row in METHODS})
    clusters = [service_cluster(name, plan) for name in upstreams]
    if not plan.open:
        clusters += [decisions_cluster(plan), keys_cluster(plan)]
    if plan.otlp is not None:
        clusters.append(otlp_cluster(plan.otlp))
    return {
        "node": {"id": "sonica", "cluster": "sonica"},
        "admin": {"address": envoy_address(plan.admin)},
        "application_log_config": {
            "log_format": {
                "json_format": {
                    "ts": "%Y-%m-%dT%T.%FZ",
                    "level": "%l",
                    "logger": "%n",
                    "msg": "%j",
                }
            }
        },
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {**_RUNTIME}}]},
        "overload_manager": _overload_manager(plan),
        "static_resources": {
            "listeners": [edge_listener(plan), internal_listener(plan)],
            "clusters": [*clusters],
        },
    }


def _overload_manager(plan: MeshPlan) -> Json:
    """Returns the bounds on connections from clients and services together, and on memory.

    Bodies that wait to be whole are what fills it: those of the largest go first.
    """
    return {
        "refresh_interval": seconds(_HEAP_LOOK_SECONDS),
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": _LARGE_STREAM_BITS},
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.resource_monitors"
                    ".downstream_connections.v3.DownstreamConnectionsConfig",
                    "max_active_downstream_connections": plan.max_connections,
                },
            },
            {
                "name": _HEAP,
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.resource_monitors"
                    ".fixed_heap.v3.FixedHeapConfig",
                    "max_heap_size_bytes": plan.max_heap_bytes,
                },
            },
        ],
        "actions": [
            _when_heap_is("shrink_heap", {"threshold": {"value": 0.8}}),
            _when_heap_is(
                "reset_high_memory_stream",
                {"scaled": {"scaling_threshold": 0.85, "saturation_threshold": 0.95}},
            ),
            _when_heap_is("stop_accepting_requests", {"threshold": {"value": 0.95}}),
        ],
    }


def _when_heap_is(action: str, share: Json) -> Json:
    """Returns what is done from a share of the memory on."""
    return {
        "name": f"envoy.overload_actions.{action}",
        "triggers": [{"name": _HEAP, **share}],
    }
