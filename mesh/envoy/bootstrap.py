"""The whole configuration of one Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.envoy.address import Json, envoy_address
from mesh.envoy.clusters import keys_cluster, otlp_cluster, service_cluster
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


def bootstrap(plan: MeshPlan) -> Json:
    """Returns Envoy's static bootstrap of a plan, ready for `json.dumps`."""
    upstreams = sorted({row.upstream for row in METHODS})
    clusters = [service_cluster(name, plan) for name in upstreams]
    if not plan.open:
        clusters.append(keys_cluster(plan))
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
        "overload_manager": _overload_manager(plan.max_connections),
        "static_resources": {
            "listeners": [edge_listener(plan), internal_listener(plan)],
            "clusters": [*clusters],
        },
    }


def _overload_manager(max_connections: int) -> Json:
    """Returns the bound on connections from clients and services together."""
    return {
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.resource_monitors"
                    ".downstream_connections.v3.DownstreamConnectionsConfig",
                    "max_active_downstream_connections": max_connections,
                },
            }
        ]
    }
