"""Aim: a developer's tool finds out at the edge what there is to call, all of it, if it may.

Method: the reflection client of gRPC, and bare calls under the newer name, through a real Envoy.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2 as pb
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from gateway.public_face import public_services
from mesh.envoy.methods import METHODS
from mesh.envoy.reflection import SERVICES
from tests.mesh.rig import Rig, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPOSED = {row.service for row in METHODS if row.exposed}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with running_mesh(reflection=True) as running:
        yield running


async def ask(rig: Rig, service: str, **question: Any) -> pb.ServerReflectionResponse:
    # The same on the wire as a stream of one, whose sender would race with a refusal.
    call = rig.edge.unary_stream(
        f"/{service}/ServerReflectionInfo",
        request_serializer=pb.ServerReflectionRequest.SerializeToString,
        response_deserializer=pb.ServerReflectionResponse.FromString,
    )(pb.ServerReflectionRequest(**question), timeout=60)
    answers: list[pb.ServerReflectionResponse] = [answer async for answer in call]
    return answers[0]


async def test_the_gateway_knows_every_service_of_the_edge() -> None:
    assert set(public_services()) == EXPOSED


@pytest.mark.parametrize("service", SERVICES)
async def test_both_names_list_every_service_of_the_edge(rig: Rig, service: str) -> None:
    answer = await ask(rig, service, list_services="")
    names = {each.name for each in answer.list_services_response.service}
    assert {name for name in names if name.startswith("sonica.")} == EXPOSED


@pytest.mark.parametrize("service", SERVICES)
async def test_what_there_is_not_is_an_error_response(rig: Rig, service: str) -> None:
    answer = await ask(rig, service, file_containing_symbol="sonica.Nothing")
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_methods_and_messages_can_be_described(rig: Rig) -> None:
    def described() -> set[tuple[str, str, bool]]:
        with grpc.insecure_channel(rig.plan.edge) as channel:
            pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
            return {
                (name, method.name, bool(method.input_type.fields))
                for name in EXPOSED
                for method in pool.FindServiceByName(name).methods
            }

    found = await asyncio.to_thread(described)
    assert {(name, method) for name, method, _ in found} >= {
        (row.service, row.name) for row in METHODS if row.exposed
    }
    assert ("sonica.recognition.v1.RecognitionService", "Recognize", True) in found


async def test_it_is_off_unless_the_plan_says_otherwise() -> None:
    async with running_mesh() as closed:
        for service in SERVICES:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await ask(closed, service, list_services="")
            assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
