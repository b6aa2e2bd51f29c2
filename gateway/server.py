"""Composition root: opens the channel into the mesh and returns the servicer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sonica.recognition.v1.recognition_service_pb2_grpc import (
    add_RecognitionServiceServicer_to_server,
)

from gateway.activity import Activities
from gateway.public_face import public_services
from gateway.second_look import SecondLook
from gateway.servicer import RecognitionServicer
from gateway.stream_places import StreamPlaces
from gateway.upstream import Upstream
from mesh.runtime.channels import open_channel
from mesh.runtime.serve import Registration, StartError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.settings import Settings

# Less than the harness leaves for closing what was opened.
_FLUSH_SECONDS_MAX = 5.0
SERVICE = "sonica.recognition.v1.RecognitionService"


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Sequence[Registration]]:
    """Yields what the gateway serves; at the end reports are sent and the channel is closed.

    Raises:
        StartError: a certificate of the mesh cannot be read.
    """
    try:
        channel = open_channel(
            settings.mesh_address,
            max_message_bytes=settings.max_message_bytes,
            certificate_files=settings.certificate_files,
        )
    except OSError as error:
        raise StartError(f"cannot read the certificates of the mesh: {error}") from error
    async with channel:
        upstream = Upstream(channel)
        count_max = settings.second_look_count_max
        second_look = SecondLook(upstream, count_max) if settings.second_look else None
        flush_seconds = min(settings.drain_timeout_seconds, _FLUSH_SECONDS_MAX)
        activities = Activities(upstream.activity, flush_seconds)
        # Half of all calls: the rest is for clips, and for streams of accounts.
        places = StreamPlaces(settings.streams_per_caller_max, settings.max_concurrent_rpcs // 2)
        servicer = RecognitionServicer(upstream, activities, places, second_look)
        add = add_RecognitionServiceServicer_to_server
        described = public_services() if settings.reflection else ()
        async with activities.running():
            yield [Registration(add, servicer, SERVICE, described)]
