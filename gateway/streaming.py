"""Audio in while it is played or uploaded, an answer as soon as it is sure.

Three things go on at once: chunks are passed on, parts of the fingerprint come back, and whenever
enough is new one search runs over all of it. Nothing is collected but the fingerprint (about 40 KB
for the longest clip); a client that sends faster than its audio is analysed has to wait.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import grpc
from sonica.fingerprint.v1.fingerprint_pb2 import FINGERPRINT_PURPOSE_QUERY
from sonica.fingerprint.v1.fingerprint_service_pb2 import (
    ExtractionConfig,
    StreamConfig,
    StreamFingerprintRequest,
)
from sonica.matching.v1.matching_service_pb2 import FindMatchesRequest

from gateway.errors import StreamOutOfOrderError, UpstreamFailedError
from gateway.fingerprints import FingerprintParts, searchable
from mesh.runtime.channels import remaining_seconds
from mesh.runtime.telemetry import current_trace_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from sonica.audio.v1.audio_pb2 import AudioFormat
    from sonica.matching.v1.match_pb2 import Match
    from sonica.recognition.v1.recognition_service_pb2 import (
        RecognizeUploadResponse,
        StreamingRecognizeConfig,
        StreamingRecognizeRequest,
        StreamingRecognizeResponse,
    )

    from gateway.upstream import Upstream

FIRST_SEARCH_SECONDS = 1.0
SEARCH_INTERVAL_SECONDS = 0.5
_STREAM_SECONDS_MAX = 120.0


class StreamingRecognition:
    """One call of StreamingRecognize or RecognizeUpload.

    Args:
        upstream: the services to call.
        answer: type of the responses.
        send: writes a response to the client.
    """

    def __init__(
        self,
        upstream: Upstream,
        answer: type[StreamingRecognizeResponse | RecognizeUploadResponse],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        self._upstream = upstream
        self._answer = answer
        self._send = send
        self._parts = FingerprintParts()
        self._grown = asyncio.Event()
        self._max_match_count = 0

    async def run(
        self, chunks: AsyncGenerator[bytes], layout: AudioFormat | None, max_match_count: int
    ) -> StreamingRecognizeResponse | RecognizeUploadResponse:
        """Answers the call; returns its last response when that is sent.

        Args:
            chunks: the audio, at most 1 MiB each.
            layout: how to read it; None for a container, detected.
            max_match_count: as the contract has it.

        Raises:
            CatalogMovedError, whatever `chunks` raises, and typed errors of the services called,
            within an ExceptionGroup.
        """
        self._max_match_count = max_match_count
        opening = _opening(layout, await self._upstream.version.get())
        call = self._upstream.fingerprint.StreamFingerprint(
            timeout=remaining_seconds() or _STREAM_SECONDS_MAX
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                feeding = tasks.create_task(_feed(call, opening, chunks))
                reading = tasks.create_task(self._read(call))
                last = await self._search_until_sure()
                feeding.cancel()
                reading.cancel()
        finally:
            # Sure or gone: in both cases nobody needs the rest of the analysis.
            call.cancel()
        return last

    async def _read(self, call: Any) -> None:
        async for response in call:
            self._parts.add(response)
            self._grown.set()
        if not self._parts.final:
            raise UpstreamFailedError("the analysis ended without its final part")

    async def _search_until_sure(self) -> StreamingRecognizeResponse | RecognizeUploadResponse:
        due_seconds = FIRST_SEARCH_SECONDS
        while True:
            await self._grown.wait()
            self._grown.clear()
            final = self._parts.final
            if not final and self._parts.seconds < due_seconds:
                continue
            due_seconds = self._parts.seconds + SEARCH_INTERVAL_SECONDS
            analysed = self._parts.duration
            response = self._answer(analysed_duration=analysed, trace_id=current_trace_id())
            response.matches.extend(await self._search())
            response.final = final or bool(response.matches)
            await self._send(response)
            if response.final:
                return response

    async def _search(self) -> list[Match]:
        fingerprint = searchable(self._parts.fingerprint())
        if not fingerprint.vectors_f16le:
            return []
        try:
            found = await self._upstream.matching.FindMatches(
                FindMatchesRequest(fingerprint=fingerprint, max_match_count=self._max_match_count)
            )
        except grpc.aio.AioRpcError as error:
            if moved := self._upstream.version.moved(error):
                raise moved from error
            raise
        return list(found.matches)


async def first_config(
    requests: AsyncIterator[StreamingRecognizeRequest],
) -> StreamingRecognizeConfig:
    """Returns the config that opens a call of StreamingRecognize.

    Raises:
        StreamOutOfOrderError: something else came first.
    """
    async for request in requests:
        if not request.HasField("config"):
            raise StreamOutOfOrderError(str(request.WhichOneof("message")), "config")
        return request.config
    raise StreamOutOfOrderError("the end of the stream", "config")


async def chunks_of(requests: AsyncIterator[StreamingRecognizeRequest]) -> AsyncGenerator[bytes]:
    """Yields the audio of a call of StreamingRecognize after its config.

    Raises:
        StreamOutOfOrderError: another config came.
    """
    async for request in requests:
        if request.HasField("config"):
            raise StreamOutOfOrderError("config", "chunk")
        yield request.chunk


def _opening(layout: AudioFormat | None, algorithm_version: int) -> StreamConfig:
    return StreamConfig(
        extraction=ExtractionConfig(
            purpose=FINGERPRINT_PURPOSE_QUERY, algorithm_version=algorithm_version
        ),
        format=layout,
    )


async def _feed(call: Any, opening: StreamConfig, chunks: AsyncGenerator[bytes]) -> None:
    """Passes chunks on until the client ends, or the analysis does (its reader has the reason)."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(StreamFingerprintRequest(config=opening))
        async with aclosing(chunks):
            async for chunk in chunks:
                await call.write(StreamFingerprintRequest(chunk=chunk))
        await call.done_writing()
