"""gRPC reflection at the edge: which services and methods there are, for tools of developers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.envoy.durations import seconds

if TYPE_CHECKING:
    from mesh.envoy.address import Json

#: Tools ask for the first, and older ones for the second.
SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
_SECONDS_MAX = 60.0


def reflection_routes(unasked: Json) -> list[Json]:
    """Returns the routes of reflection; the gateway answers for all services of the edge.

    Args:
        unasked: what tells the filters of access that nobody is asked who calls.
    """
    return [
        {
            "match": {"path": f"/{service}/ServerReflectionInfo"},
            "route": {
                "cluster": "gateway",
                "max_stream_duration": {
                    "max_stream_duration": seconds(_SECONDS_MAX),
                    "grpc_timeout_header_max": seconds(_SECONDS_MAX),
                },
                "timeout": "0s",
            },
            "typed_per_filter_config": {**unasked},
            "decorator": {"operation": "reflection", "propagate": False},
        }
        for service in SERVICES
    ]
