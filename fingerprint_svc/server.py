"""Composition root: opens the workers, returns the servicer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sonica.fingerprint.v1.fingerprint_service_pb2_grpc import (
    add_FingerprintServiceServicer_to_server,
)

from fingerprint_svc.model import Purpose
from fingerprint_svc.pool import WorkerPool
from fingerprint_svc.service import FingerprintService, Limits
from fingerprint_svc.servicer import FingerprintServicer
from fingerprint_svc.settings import Settings
from mesh.runtime.serve import Registration


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Sequence[Registration]]:
    """Starts the warm workers and yields what is served; ends all workers after."""
    pool = WorkerPool(
        settings.worker_limits(),
        worker_count=settings.worker_count,
        queue_length=settings.queue_length,
        jobs_per_worker=settings.jobs_per_worker,
    )
    limits = {
        Purpose.QUERY: Limits(
            settings.query_seconds_max, settings.query_bytes_max, settings.query_wall_seconds_max
        ),
        Purpose.REFERENCE: Limits(
            settings.reference_seconds_max,
            settings.reference_bytes_max,
            settings.reference_wall_seconds_max,
        ),
    }
    async with pool.running(min(settings.warm_worker_count, settings.worker_count)):
        service = FingerprintService(pool, limits, settings.idle_seconds_max)
        yield (
            Registration(
                add=add_FingerprintServiceServicer_to_server,
                servicer=FingerprintServicer(service),
                full_name="sonica.fingerprint.v1.FingerprintService",
            ),
        )
