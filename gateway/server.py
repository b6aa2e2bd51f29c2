"""Composition root: opens the channel into the mesh and returns the servicer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sonica.recognition.v1.recognition_service_pb2_grpc import (
    add_RecognitionServiceServicer_to_server,
)

from gateway.public_face import public_services
from gateway.second_look import SecondLook
from gateway.servicer import RecognitionServicer
from gateway.upstream import Upstream
from mesh.runtime.channels import open_channel
from mesh.runtime.serve import Registration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.settings import Settings

SERVICE = "sonica.recognition.v1.RecognitionService"


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Sequence[Registration]]:
    """Yields what the gateway serves; the channel is closed at the end."""
    channel = open_channel(settings.mesh_address, max_message_bytes=settings.max_message_bytes)
    async with channel:
        upstream = Upstream(channel)
        count_max = settings.second_look_count_max
        second_look = SecondLook(upstream, count_max) if settings.second_look else None
        servicer = RecognitionServicer(upstream, second_look)
        add = add_RecognitionServiceServicer_to_server
        described = public_services() if settings.reflection else ()
        yield [Registration(add, servicer, SERVICE, described)]
