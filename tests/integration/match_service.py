"""match_svc for tests: in this process, or as a process of its own that can be killed."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sonica.catalog.v1 import catalog_service_pb2, catalog_service_pb2_grpc, track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2
from sonica.matching.v1 import match_pb2, matching_service_pb2, matching_service_pb2_grpc

from match_svc.server import build
from match_svc.settings import Settings
from mesh.runtime.channels import open_channel
from mesh.runtime.testing import serving
from tests.integration import pieces
from tests.integration.stores import Process, answers

REGISTERED = track_pb2.REGISTRATION_OUTCOME_REGISTERED
ALREADY_REGISTERED = track_pb2.REGISTRATION_OUTCOME_ALREADY_REGISTERED


@dataclass
class Client:
    """The two services over one channel."""

    channel: grpc.aio.Channel

    def __post_init__(self) -> None:
        self.catalog = catalog_service_pb2_grpc.CatalogServiceStub(self.channel)
        self.matching = matching_service_pb2_grpc.MatchingServiceStub(self.channel)

    async def register(self, seed: int, version: int = pieces.CURRENT) -> track_pb2.Track:
        """Registers a piece."""
        response = await self.catalog.CreateTrack(pieces.registration(seed, version=version))
        return response.track

    async def delete(self, track_id: str) -> None:
        """Deletes a track."""
        await self.catalog.DeleteTrack(catalog_service_pb2.DeleteTrackRequest(track_id=track_id))

    async def find(
        self, fingerprint: fingerprint_pb2.Fingerprint
    ) -> matching_service_pb2.FindMatchesResponse:
        """Asks for everything there is to say about a clip."""
        return await self.matching.FindMatches(
            matching_service_pb2.FindMatchesRequest(fingerprint=fingerprint, include_rejected=True)
        )

    async def best(
        self, seed: int, offset_seconds: float = 6.0, version: int = pieces.CURRENT
    ) -> match_pb2.Match | None:
        """Returns the best candidate for a clip of a piece, accepted or not."""
        response = await self.find(pieces.clip(seed, offset_seconds, version=version))
        return next(iter((*response.matches, *response.rejected)), None)

    async def statistics(self) -> catalog_service_pb2.GetCatalogStatisticsResponse:
        """Returns the size of the catalogue."""
        return await self.catalog.GetCatalogStatistics(
            catalog_service_pb2.GetCatalogStatisticsRequest()
        )


def make_settings(dsn: str, engine: str, name: str, **more: object) -> Settings:
    """Returns settings that notice and retry quickly, and give a busy machine time."""
    values = {
        "database_url": dsn,
        "qdrant_address": engine,
        "collection": name,
        "reconcile_interval_seconds": 0.2,
        "reconcile_grace_seconds": 0.2,
        "store_timeout_seconds": 60.0,
        "index_timeout_seconds": 60.0,
        "redis_timeout_seconds": 5.0,
        **more,
    }
    return Settings.model_validate(values)


@asynccontextmanager
async def match_service(settings: Settings) -> AsyncIterator[Client]:
    """Serves in this process and yields a client; the index is there."""
    async with (
        build(settings) as registrations,
        serving(registrations) as target,
        open_channel(target) as channel,
    ):
        yield Client(channel)


@contextmanager
def match_process(settings: Settings, folder: Path) -> Iterator[tuple[Process, str]]:
    """Yields match_svc as a process of its own, running, and its target."""
    target = f"unix:{folder / 'match.sock'}"
    redis_url = settings.redis_url
    environment = {
        "SONICA_MATCH_LISTEN": target,
        "SONICA_MATCH_DATABASE_URL": settings.database_url.get_secret_value(),
        "SONICA_MATCH_QDRANT_ADDRESS": settings.qdrant_address,
        "SONICA_MATCH_COLLECTION": settings.collection,
        "SONICA_MATCH_RECONCILE_INTERVAL_SECONDS": str(settings.reconcile_interval_seconds),
        "SONICA_MATCH_RECONCILE_GRACE_SECONDS": str(settings.reconcile_grace_seconds),
        "SONICA_MATCH_STORE_TIMEOUT_SECONDS": str(settings.store_timeout_seconds),
        "SONICA_MATCH_INDEX_TIMEOUT_SECONDS": str(settings.index_timeout_seconds),
        "SONICA_MATCH_REDIS_URL": redis_url.get_secret_value() if redis_url else "",
    }
    process = Process(
        name="match_svc",
        command=[sys.executable, "-m", "match_svc"],
        is_up=lambda: answers(target),
        folder=folder,
        environment=environment,
    )
    process.start()
    try:
        yield process, target
    finally:
        process.stop()


def reason(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """Returns code and reason of a typed error."""
    assert isinstance(error, grpc.aio.AioRpcError)
    status = rpc_status.from_call(error)
    assert status is not None, f"untyped: {error}"
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return error.code(), info.reason
