"""RegisterTrack: the whole recording through the analysis, then into the catalogue."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
from sonica.catalog.v1.catalog_service_pb2 import CreateTrackRequest, CreateTrackResponse
from sonica.fingerprint.v1.fingerprint_pb2 import FINGERPRINT_PURPOSE_REFERENCE
from sonica.fingerprint.v1.fingerprint_service_pb2 import (
    ExtractionConfig,
    StreamConfig,
    StreamFingerprintRequest,
)
from sonica.recognition.v1.recognition_service_pb2 import (
    RegisterTrackRequest,
    RegisterTrackResponse,
)

from gateway.audio import audio_of
from gateway.errors import UpstreamFailedError
from gateway.fingerprints import FingerprintParts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sonica.audio.v1.audio_pb2 import AudioFormat
    from sonica.catalog.v1.track_pb2 import Track

    from gateway.upstream import Upstream

#: What a message to the analysis carries.
CHUNK_BYTES = 64 * 1024
# Decoding four hours of audio, the longest there is, on a slow and busy machine.
_ANALYSIS_SECONDS_MAX = 3600.0
_PROGRESS_SECONDS = 0.25


async def register_track(
    upstream: Upstream, request: RegisterTrackRequest
) -> RegisterTrackResponse:
    """Registers the recording of a request.

    Raises:
        SourceMissingError, AudioTooLargeError, CatalogMovedError; typed errors of the services
        called.
    """
    audio = audio_of(request)

    async def register(algorithm_version: int) -> CreateTrackResponse:
        chunks = _chunks(audio.content)
        parts = await analyse(upstream, algorithm_version, audio.format, chunks, report_nothing)
        return await create(upstream, parts, request.track, request.request_id)

    if request.algorithm_version:
        created = await register(request.algorithm_version)
    else:
        created = await upstream.version.used_for(register)
    return RegisterTrackResponse(track=created.track, outcome=created.outcome)


async def analyse(
    upstream: Upstream,
    algorithm_version: int,
    audio_format: AudioFormat,
    chunks: AsyncIterator[bytes],
    report: Callable[[FingerprintParts], Awaitable[None]],
) -> FingerprintParts:
    """Returns the reference fingerprint of audio that comes in chunks.

    At most one chunk is held here: the next is asked for when the one before is on its way.

    Args:
        upstream: the services to call.
        algorithm_version: of the extractor; 0 means its current one.
        audio_format: how to read the chunks.
        chunks: the audio, each at most 1 MiB. Not read to its end when the analysis fails.
        report: told of progress, at most every quarter of a second; never while it still runs.
    """
    call = upstream.fingerprint.StreamFingerprint(timeout=_ANALYSIS_SECONDS_MAX)
    parts = FingerprintParts()
    reading = asyncio.ensure_future(_read(call, parts))
    loop = asyncio.get_running_loop()
    reported = loop.time()
    whole = False
    try:
        # A broken call breaks the writing too; the reader has the reason.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.write(_opening(algorithm_version, audio_format))
            async for chunk in chunks:
                if reading.done():
                    break
                await call.write(StreamFingerprintRequest(chunk=chunk))
                if loop.time() - reported >= _PROGRESS_SECONDS:
                    await report(parts)
                    reported = loop.time()
            else:
                await call.done_writing()
                whole = True
        while not (await asyncio.wait((reading,), timeout=_PROGRESS_SECONDS))[0]:
            await report(parts)
        await reading
    finally:
        reading.cancel()
        call.cancel()
    if not whole:
        # Its digest would be that of a part: the same file would never be found again.
        raise UpstreamFailedError("the analysis ended before its audio did")
    return parts


async def create(
    upstream: Upstream, parts: FingerprintParts, track: Track, request_id: str
) -> CreateTrackResponse:
    """Stores an analysed recording; it is searchable when this returns."""
    created: CreateTrackResponse = await upstream.catalog.CreateTrack(
        CreateTrackRequest(
            track=track,
            fingerprint=parts.fingerprint(),
            content_sha256=parts.content_sha256,
            request_id=request_id,
        ),
        timeout=60.0,
    )
    return created


def _opening(algorithm_version: int, audio_format: AudioFormat) -> StreamFingerprintRequest:
    extraction = ExtractionConfig(
        purpose=FINGERPRINT_PURPOSE_REFERENCE, algorithm_version=algorithm_version
    )
    return StreamFingerprintRequest(config=StreamConfig(extraction=extraction, format=audio_format))


async def _read(call: Any, parts: FingerprintParts) -> None:
    async for response in call:
        parts.add(response)
    if not parts.final:
        raise UpstreamFailedError("the analysis ended without its final part")


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), CHUNK_BYTES):
        yield content[begin : begin + CHUNK_BYTES]


async def report_nothing(_: FingerprintParts) -> None:
    """Reports to nobody."""
