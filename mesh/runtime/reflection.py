"""gRPC reflection under both of its names; their messages are the same on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha._async import ReflectionServicer

if TYPE_CHECKING:
    from collections.abc import Iterable

_OLDER_NAME = "grpc.reflection.v1alpha.ServerReflection"
# What today's tools ask for; grpcio-reflection serves the older name only.
_NAME = "grpc.reflection.v1.ServerReflection"


def add_reflection(server: grpc.aio.Server, service_names: Iterable[str]) -> None:
    """Makes a server, not yet started, tell of services.

    Args:
        server: gets the two services.
        service_names: full names; their stubs have been imported.
    """
    servicer = ReflectionServicer((*service_names, _OLDER_NAME))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_NAME, {"ServerReflectionInfo": handler}),)
    )
