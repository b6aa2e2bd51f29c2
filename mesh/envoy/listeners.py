"""The two listeners: the edge for clients, the internal one for services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.envoy.address import Json, envoy_address
from mesh.envoy.durations import seconds
from mesh.envoy.filters import edge_filters, internal_filters
from mesh.envoy.local_replies import local_reply_config
from mesh.envoy.routes import edge_routes, internal_routes
from mesh.envoy.telemetry import access_log, tracing
from mesh.envoy.tls import edge_socket, internal_socket

if TYPE_CHECKING:
    from mesh.envoy.plan import MeshPlan

# A stream on which nothing moves, either way, for this long has lost its other end.
_STREAM_IDLE_SECONDS = 300
_HEADERS_SECONDS = 10
_CONNECTION_IDLE_SECONDS = 3600
# What one stream may have on its way before its sender must wait: the bound of an import's memory.
_STREAM_WINDOW_BYTES = 1024 * 1024
_CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024
_BUFFER_BYTES = 1024 * 1024


def edge_listener(plan: MeshPlan) -> Json:
    """Returns the listener for clients: HTTP/1.1 and HTTP/2 on one port, told apart by content."""
    manager = _connection_manager(plan, "edge", edge_routes(plan), edge_filters(plan))
    manager |= {
        "use_remote_address": True,
        "xff_num_trusted_hops": plan.trusted_hops,
        "local_reply_config": local_reply_config(plan),
        "request_headers_timeout": seconds(_HEADERS_SECONDS),
        "normalize_path": True,
        "merge_slashes": True,
        # An external id may hold a slash; it stays escaped, so no route can be reached by it.
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "max_request_headers_kb": 32,
    }
    manager["common_http_protocol_options"] = {
        "idle_timeout": seconds(_CONNECTION_IDLE_SECONDS),
        "max_headers_count": 64,
        # `x_sonica_user` must not pass for `x-sonica-user` behind us.
        "headers_with_underscores_action": "REJECT_REQUEST",
    }
    return _listener("edge", plan.edge, manager, edge_socket(plan))


def internal_listener(plan: MeshPlan) -> Json:
    """Returns the listener for services: HTTP/2 only, reached over a socket file or loopback."""
    manager = _connection_manager(plan, "mesh", internal_routes(plan), internal_filters())
    manager |= {"codec_type": "HTTP2", "use_remote_address": False}
    return _listener("mesh", plan.internal, manager, internal_socket(plan))


def _connection_manager(plan: MeshPlan, name: str, routes: Json, filters: list[Json]) -> Json:
    manager: Json = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network"
        ".http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": "AUTO",
        "server_name": "sonica",
        "route_config": routes,
        "http_filters": [*filters],
        "access_log": [access_log(plan, name)],
        "stream_idle_timeout": seconds(_STREAM_IDLE_SECONDS),
        "http2_protocol_options": {
            "max_concurrent_streams": 256,
            "initial_stream_window_size": _STREAM_WINDOW_BYTES,
            "initial_connection_window_size": _CONNECTION_WINDOW_BYTES,
            "connection_keepalive": {"interval": seconds(60), "timeout": seconds(20)},
        },
    }
    traced = tracing(plan, f"envoy-{name}")
    if traced is not None:
        manager["tracing"] = traced
    return manager


def _listener(name: str, address: str, manager: Json, encrypted: Json) -> Json:
    chain: Json = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ],
        **encrypted,
    }
    return {
        "name": name,
        "address": envoy_address(address),
        "filter_chains": [chain],
        "per_connection_buffer_limit_bytes": _BUFFER_BYTES,
        # With it a second Envoy would start happily on a taken port and share its traffic.
        "enable_reuse_port": False,
    }
