"""The use cases: one fingerprint of bytes in hand, and one of bytes that still arrive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from fingerprint_svc import errors
from fingerprint_svc.model import Job, Part, PcmLayout, Purpose, Summary
from fingerprint_svc.pool import WorkerPool
from mesh.runtime import telemetry

# New audio that is worth an answer of its own while a caller listens.
_LIVE_PART_SECONDS = 0.5
# 30 s of the densest audio make a part of 0.2 MiB.
_PART_SECONDS = 30.0


@dataclass(frozen=True)
class Limits:
    """What the service refuses, by purpose.

    Attributes:
        seconds_max: most audio analysed.
        bytes_max: most bytes of one stream.
        wall_seconds_max: time a worker may work on one piece of audio.
    """

    seconds_max: float
    bytes_max: int
    wall_seconds_max: float


@dataclass(frozen=True)
class Extraction:
    """What a caller wants.

    Attributes:
        purpose: of the fingerprint.
        pcm: layout of raw samples; None means a container.
        start_seconds: where the analysis begins, >= 0.
        seconds_max: most audio analysed; None means as much as the purpose allows.
        algorithm_version: of the extractor; 0 means the current one.
        pitch_factors: how many times higher than its recording a query is taken to sound; one
            fingerprint is made for each. A stream has one.
    """

    purpose: Purpose
    pcm: PcmLayout | None
    start_seconds: float
    seconds_max: float | None
    algorithm_version: int = 0
    pitch_factors: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class End:
    """The end of a stream.

    Attributes:
        row_count: rows of the whole fingerprint.
        content_sha256: digest of all bytes received, 32 bytes.
        summary: what the worker says about its work.
    """

    row_count: int
    content_sha256: bytes
    summary: Summary


class FingerprintService:
    """Turns audio into fingerprints; keeps nothing.

    Args:
        pool: of workers.
        limits: by purpose.
        idle_seconds_max: longest wait for the next chunk of a stream.
    """

    def __init__(
        self, pool: WorkerPool, limits: dict[Purpose, Limits], idle_seconds_max: float
    ) -> None:
        self._pool = pool
        self._limits = limits
        self._idle_seconds_max = idle_seconds_max

    async def extract(self, wanted: Extraction, content: bytes) -> tuple[list[Part], Summary]:
        """Returns the whole fingerprint of `content` at each pitch wanted.

        Raises:
            FingerprintError: the audio is refused, or no worker could do it.
        """
        job = replace(self._job(wanted, _PART_SECONDS), pushed=True)
        parts: list[Part] = []
        async with aclosing(self._run(job, _one(content))) as results:
            async for result in results:
                if isinstance(result, Part):
                    parts.append(result)
                else:
                    summary = result
        _record(summary, wanted.purpose, len(content))
        count = len(wanted.pitch_factors)
        return [_joined(parts, number, summary) for number in range(count)], summary

    async def stream(
        self, wanted: Extraction, chunks: AsyncIterator[bytes]
    ) -> AsyncGenerator[Part | End]:
        """Yields parts of the fingerprint as the audio arrives, and the end last.

        A query ends as soon as it has enough audio; a reference takes all bytes, so that the digest
        is that of the file.

        Raises:
            FingerprintError: as `extract`, and AUDIO_TOO_LARGE, STREAM_IDLE.
        """
        limits = self._limits[wanted.purpose]
        live = wanted.purpose is Purpose.QUERY
        received = _Received(chunks, limits.bytes_max, self._idle_seconds_max)
        row_count = 0
        job = self._job(wanted, _LIVE_PART_SECONDS if live else _PART_SECONDS)
        async with aclosing(self._run(job, received)) as results:
            async for result in results:
                if isinstance(result, Part):
                    row_count += len(result.active_windows)
                    yield result
                else:
                    summary = result
        _record(summary, wanted.purpose, received.byte_count)
        if not live:
            async for _ in received:
                pass
        yield End(row_count, received.digest(), summary)

    async def _run(self, job: Job, chunks: AsyncIterator[bytes]) -> AsyncGenerator[Part | Summary]:
        busy_seconds_max = self._limits[job.purpose].wall_seconds_max
        async with (
            self._pool.lease() as worker,
            aclosing(worker.run(job, chunks, busy_seconds_max)) as results,
        ):
            async for result in results:
                yield result

    def _job(self, wanted: Extraction, part_seconds: float) -> Job:
        """Returns the job of a worker.

        Raises:
            AudioTooLongError: the passage begins further in than audio is decoded.
        """
        start_seconds_max = self._limits[Purpose.REFERENCE].seconds_max
        if wanted.start_seconds > start_seconds_max:
            raise errors.AudioTooLongError(
                f"start_offset is {wanted.start_seconds:g} s; at most {start_seconds_max:g} s of "
                "audio are passed over",
                seconds_max=f"{start_seconds_max:g}",
            )
        longest = self._limits[wanted.purpose].seconds_max
        asked = longest if wanted.seconds_max is None else wanted.seconds_max
        unlimited = wanted.seconds_max is None or asked > longest
        return Job(
            purpose=wanted.purpose,
            pcm=wanted.pcm,
            skip_seconds=wanted.start_seconds,
            keep_seconds=min(asked, longest),
            refuse_longer=unlimited and wanted.purpose is Purpose.REFERENCE,
            part_seconds=part_seconds,
            algorithm_version=wanted.algorithm_version,
            pitch_factors=wanted.pitch_factors,
        )


class _Received:
    """The bytes of one call: counted, digested, bounded in size and in waiting."""

    def __init__(
        self, chunks: AsyncIterator[bytes], bytes_max: int, idle_seconds_max: float
    ) -> None:
        self._chunks = chunks
        self._bytes_max = bytes_max
        self._idle_seconds_max = idle_seconds_max
        self._sha256 = hashlib.sha256()
        self.byte_count = 0

    def __aiter__(self) -> _Received:
        return self

    async def __anext__(self) -> bytes:
        """Returns the next chunk that is not empty."""
        chunk = b""
        while not chunk:
            try:
                async with asyncio.timeout(self._idle_seconds_max):
                    chunk = await anext(self._chunks)
            except TimeoutError as error:
                raise errors.StreamIdleError(
                    f"no chunk came for {self._idle_seconds_max:g} s; send audio or end the stream",
                    idle_seconds_max=f"{self._idle_seconds_max:g}",
                ) from error
        self.byte_count += len(chunk)
        if self.byte_count > self._bytes_max:
            raise errors.AudioTooLargeError(
                f"the stream has more than {self._bytes_max} bytes, the most one call takes",
                byte_count_max=str(self._bytes_max),
            )
        self._sha256.update(chunk)
        return chunk

    def digest(self) -> bytes:
        return self._sha256.digest()


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _joined(parts: list[Part], number: int, summary: Summary) -> Part:
    mine = [part for part in parts if part.fingerprint_number == number]
    return Part(
        first_row=0,
        duration_seconds=summary.duration_seconds,
        vectors_f16le=b"".join(part.vectors_f16le for part in mine),
        active_windows=b"".join(part.active_windows for part in mine),
        landmarks=b"".join(part.landmarks for part in mine),
        algorithm_version=summary.algorithm_version,
        fingerprint_number=number,
    )


def _record(summary: Summary, purpose: Purpose, byte_count: int) -> None:
    """Records the two stages as spans; they ran interleaved, so each has its summed time."""
    telemetry.record_span(
        "decode",
        summary.decode_seconds,
        ended_seconds_ago=summary.extract_seconds,
        purpose=purpose.value,
        container=summary.container,
        codec=summary.codec,
        audio_byte_count=byte_count,
        audio_duration_seconds=summary.duration_seconds,
    )
    telemetry.record_span(
        "extract", summary.extract_seconds, audio_duration_seconds=summary.duration_seconds
    )
