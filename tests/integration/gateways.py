"""Two gateways over the same real services and stores: one looks once, the other twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub

from fingerprint_svc import server as fingerprint_server
from fingerprint_svc.settings import Settings as FingerprintSettings
from gateway import server as gateway_server
from gateway.settings import Settings
from match_svc import server as match_server
from mesh.runtime.channels import open_channel
from mesh.runtime.testing import serving
from sonica_cli.demo.compose import compose
from sonica_cli.demo.timbres import RATE_HZ, Pcm
from tests.integration import stores
from tests.integration.match_service import make_settings

SEED = 77
PIECE_SECONDS = 20.0


@dataclass
class Gateways:
    """Stubs of both, and the tracks they know by the number of their piece."""

    looking_once: Any
    looking_twice: Any
    track_ids: dict[int, str] = field(default_factory=dict)

    async def register(self, number: int) -> None:
        """Registers a piece."""
        piece = compose(SEED, number, duration_seconds=PIECE_SECONDS)
        response = await self.looking_once.RegisterTrack(
            pb.RegisterTrackRequest(audio=audio(piece.pcm), track={"title": piece.title})
        )
        self.track_ids[number] = response.track.track_id


@asynccontextmanager
async def gateways() -> AsyncIterator[Gateways]:
    """Runs both in this process, without a proxy between the services."""
    async with AsyncExitStack() as stack:
        _, dsn = stack.enter_context(stores.postgres())
        _, engine = stack.enter_context(stores.engine())
        settings = make_settings(dsn, engine, "second_look")
        services = [
            *await stack.enter_async_context(match_server.build(settings)),
            *await stack.enter_async_context(fingerprint_server.build(FingerprintSettings())),
        ]
        mesh = await stack.enter_async_context(serving(services))
        stubs = []
        for second_look in (False, True):
            build = gateway_server.build(Settings(mesh_address=mesh, second_look=second_look))
            registrations = await stack.enter_async_context(build)
            target = await stack.enter_async_context(serving(registrations))
            channel = await stack.enter_async_context(open_channel(target))
            stubs.append(RecognitionServiceStub(channel))
        yield Gateways(*stubs)


def audio(pcm: Pcm) -> dict[str, Any]:
    """Returns samples of a piece as the audio of a request."""
    return {
        "content": (np.clip(pcm, -1, 1) * 32_767).astype("<i2").tobytes(),
        "format": {
            "encoding": "AUDIO_ENCODING_PCM_S16LE",
            "sample_rate_hz": RATE_HZ,
            "channel_count": 1,
        },
    }


def clip(number: int, begin_seconds: float, seconds: float, speed: float) -> pb.RecognizeRequest:
    """Returns a cut of a piece, played `speed` times faster and so higher, under some hiss."""
    pcm = compose(SEED, number, duration_seconds=PIECE_SECONDS).pcm
    at = begin_seconds * RATE_HZ + np.arange(int(seconds * RATE_HZ)) * speed
    played = np.interp(at, np.arange(len(pcm)), pcm)
    hiss = np.random.default_rng(number).normal(0, 0.3 * played.std(), len(played))
    heard = (0.5 * (played + hiss)).astype(np.float32)
    return pb.RecognizeRequest(audio=audio(heard), include_rejected=True)
