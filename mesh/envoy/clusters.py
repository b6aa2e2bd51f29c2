"""Clusters: the replicas of each service, and how Envoy tells the living from the dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.envoy.access import DECISIONS_CLUSTER, KEYS_CLUSTER
from mesh.envoy.address import Json, envoy_address, needs_resolver
from mesh.envoy.durations import seconds
from mesh.envoy.methods import METHODS
from mesh.envoy.telemetry import OTLP_CLUSTER
from mesh.envoy.tls import upstream_socket

if TYPE_CHECKING:
    from mesh.envoy.plan import MeshPlan

#: Time between health checks. A service that stops says NOT_SERVING and waits twice as long.
HEALTH_INTERVAL_SECONDS = 1.0
_FAST_SECONDS = 0.25
_CONNECT_SECONDS = 1.0
_STREAM_WINDOW_BYTES = 1024 * 1024
_BUFFER_BYTES = 1024 * 1024
_DECIDING_SERVICE = "envoy.service.auth.v3.Authorization"


def service_cluster(name: str, plan: MeshPlan) -> Json:
    """Returns the cluster of the endpoints in the plan's field `name`."""
    checked = next(row.service for row in METHODS if row.upstream == name)
    return _checked_cluster(name, name, checked, plan)


def decisions_cluster(plan: MeshPlan) -> Json:
    """Returns the cluster by which user_svc is asked who calls, and how often they have.

    Its endpoints are those of the accounts. Its calls have places of their own: as many as there
    are calls about accounts must not leave everybody's keys undecided and limits uncounted.
    """
    return _checked_cluster(DECISIONS_CLUSTER, "user", _DECIDING_SERVICE, plan)


def _checked_cluster(name: str, upstream: str, checked: str, plan: MeshPlan) -> Json:
    """Returns the cluster of an upstream, whose health is that of the service `checked`."""
    return _http2_cluster(name, getattr(plan, upstream)) | {
        "lb_policy": "LEAST_REQUEST",
        # By default a change of health waits up to a second for others to join it; calls meanwhile
        # go to a dead replica, and not to one that has just come up.
        "common_lb_config": {"update_merge_window": seconds(0)},
        "health_checks": [_health_check(checked)],
        "outlier_detection": _outlier_detection(),
        "circuit_breakers": _circuit_breakers(plan),
        "per_connection_buffer_limit_bytes": _BUFFER_BYTES,
        **upstream_socket(upstream, plan),
    }


def keys_cluster(plan: MeshPlan) -> Json:
    """Returns the cluster of the key set of user_svc: HTTP/1.1, one request in some seconds."""
    return _cluster(KEYS_CLUSTER, plan.user_keys) | upstream_socket("user", plan)


def otlp_cluster(address: str) -> Json:
    """Returns the cluster of the trace collector; a dead one costs no request."""
    return _http2_cluster(OTLP_CLUSTER, (address,))


def _http2_cluster(name: str, endpoints: tuple[str, ...]) -> Json:
    return _cluster(name, endpoints) | {
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com"
                "/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {
                    "http2_protocol_options": {
                        "initial_stream_window_size": _STREAM_WINDOW_BYTES,
                        "connection_keepalive": {"interval": seconds(30), "timeout": seconds(10)},
                    }
                },
            }
        },
    }


def _cluster(name: str, endpoints: tuple[str, ...]) -> Json:
    return {
        "name": name,
        "type": "STRICT_DNS" if needs_resolver(endpoints[0]) else "STATIC",
        "connect_timeout": seconds(_CONNECT_SECONDS),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {
                    "lb_endpoints": [
                        {"endpoint": {"address": envoy_address(endpoint)}} for endpoint in endpoints
                    ]
                }
            ],
        },
    }


def _health_check(service: str) -> Json:
    """Returns the check by name of a service: another process on its address does not pass."""
    return {
        "interval": seconds(HEALTH_INTERVAL_SECONDS),
        "timeout": seconds(0.5),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        # Before any traffic the default is a minute. Fast while nothing answers yet: the start of
        # the mesh waits for this.
        "no_traffic_interval": seconds(_FAST_SECONDS),
        "no_traffic_healthy_interval": seconds(HEALTH_INTERVAL_SECONDS),
        "unhealthy_interval": seconds(_FAST_SECONDS),
        "grpc_health_check": {"service_name": service},
    }


def _outlier_detection() -> Json:
    """Ejects a replica that breaks connections, or answers nothing but failures.

    gRPC's UNAVAILABLE and INTERNAL count as 5xx. Half of the replicas stay in any case: when all
    fail it is something behind them, and its typed error is worth more than "no healthy upstream".
    """
    return {
        "interval": seconds(1),
        "base_ejection_time": seconds(5),
        "max_ejection_time": seconds(30),
        "max_ejection_percent": 50,
        "consecutive_5xx": 5,
        "consecutive_gateway_failure": 5,
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
    }


def _circuit_breakers(plan: MeshPlan) -> Json:
    return {
        "thresholds": [
            {
                "max_connections": 1024,
                "max_requests": plan.max_calls,
                "max_pending_requests": plan.max_waiting_calls,
                # At most a fifth of the traffic may be retries, so that they never feed an outage.
                "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 10},
            }
        ]
    }
