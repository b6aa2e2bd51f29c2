"""A real fingerprint service on a free port, and calls to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import psutil
from google.rpc import error_details_pb2, status_pb2
from sonica.audio.v1 import audio_pb2
from sonica.fingerprint.v1 import fingerprint_pb2
from sonica.fingerprint.v1 import fingerprint_service_pb2 as pb
from sonica.fingerprint.v1.fingerprint_service_pb2_grpc import FingerprintServiceStub

from fingerprint_svc.server import build
from fingerprint_svc.settings import Settings
from mesh.runtime.channels import open_channel
from mesh.runtime.errors import STATUS_DETAILS_KEY
from mesh.runtime.testing import serving

QUERY = fingerprint_pb2.FINGERPRINT_PURPOSE_QUERY
REFERENCE = fingerprint_pb2.FINGERPRINT_PURPOSE_REFERENCE
PCM = audio_pb2.AudioFormat(
    encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hz=8_000, channel_count=1
)


@dataclass(frozen=True)
class Failure:
    """What a caller learns of a failed call."""

    code: grpc.StatusCode
    reason: str
    metadata: dict[str, str]
    retry_seconds: float | None


@asynccontextmanager
async def fingerprint_service(**settings: Any) -> AsyncIterator[FingerprintServiceStub]:
    """Runs the service with these settings; yields a stub."""
    async with (
        build(Settings(**{"warm_worker_count": 1, **settings})) as registrations,
        serving(registrations) as target,
        open_channel(target) as channel,
    ):
        yield FingerprintServiceStub(channel)


def config(purpose: int = QUERY, **fields: Any) -> pb.ExtractionConfig:
    return pb.ExtractionConfig(purpose=purpose, **fields)


def whole(content: bytes, purpose: int = QUERY, **fields: Any) -> pb.ExtractFingerprintRequest:
    return pb.ExtractFingerprintRequest(
        config=config(purpose, **fields), audio=audio_pb2.Audio(content=content)
    )


def opening(
    purpose: int = QUERY, audio_format: audio_pb2.AudioFormat | None = None, **fields: Any
) -> pb.StreamFingerprintRequest:
    stream = pb.StreamConfig(extraction=config(purpose, **fields), format=audio_format)
    return pb.StreamFingerprintRequest(config=stream)


def chunks(content: bytes, chunk_bytes: int = 65_536) -> Iterable[pb.StreamFingerprintRequest]:
    for at in range(0, len(content), chunk_bytes):
        yield pb.StreamFingerprintRequest(chunk=content[at : at + chunk_bytes])


async def stream(
    stub: FingerprintServiceStub, content: bytes, chunk_bytes: int = 65_536, **options: Any
) -> list[pb.StreamFingerprintResponse]:
    """Streams `content` and returns all responses."""
    requests = iter([opening(**options), *chunks(content, chunk_bytes)])
    return [response async for response in stub.StreamFingerprint(requests)]


async def failure_of(call: Any) -> Failure:
    """Awaits a call that must fail."""
    try:
        if hasattr(call, "read"):
            while await call.read() is not grpc.aio.EOF:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return failure_from(error)
    raise AssertionError("the call succeeded")


def failure_from(error: grpc.aio.AioRpcError) -> Failure:
    details = dict(error.trailing_metadata() or ()).get(STATUS_DETAILS_KEY, b"")
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    retry_seconds = None
    for detail in status_pb2.Status.FromString(details).details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(retry.DESCRIPTOR):
            detail.Unpack(retry)
            retry_seconds = retry.retry_delay.ToMilliseconds() / 1_000
    return Failure(error.code(), info.reason, dict(info.metadata), retry_seconds)


def worker_processes() -> list[psutil.Process]:
    """Returns the living worker processes of this test."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "fingerprint_svc.worker" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


async def eventually(condition: Any, seconds: float = 60.0) -> None:
    """Waits until `condition()` holds; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.01)
