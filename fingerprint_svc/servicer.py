"""Protocol buffers to domain and back; nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from google.protobuf.duration_pb2 import Duration
from sonica.audio.v1 import audio_pb2
from sonica.fingerprint.v1 import (
    fingerprint_pb2,
    fingerprint_service_pb2,
    fingerprint_service_pb2_grpc,
)

from fingerprint_svc import errors
from fingerprint_svc.model import Part, PcmLayout, Purpose
from fingerprint_svc.service import End, Extraction, FingerprintService

_PURPOSES = {
    fingerprint_pb2.FINGERPRINT_PURPOSE_REFERENCE: Purpose.REFERENCE,
    fingerprint_pb2.FINGERPRINT_PURPOSE_QUERY: Purpose.QUERY,
}
_PURPOSE_NUMBERS = {purpose: number for number, purpose in _PURPOSES.items()}
_PCM = {
    audio_pb2.AUDIO_ENCODING_PCM_S16LE: "s16le",
    audio_pb2.AUDIO_ENCODING_PCM_F32LE: "f32le",
}


class FingerprintServicer(fingerprint_service_pb2_grpc.FingerprintServiceServicer):
    """Answers `sonica.fingerprint.v1.FingerprintService`."""

    def __init__(self, service: FingerprintService) -> None:
        self._service = service

    async def ExtractFingerprint(
        self, request: fingerprint_service_pb2.ExtractFingerprintRequest, _context: Any
    ) -> fingerprint_service_pb2.ExtractFingerprintResponse:
        """Decodes and analyses the audio of one message."""
        wanted = _extraction(request.config, request.audio.format)
        pitch_factors = tuple(request.pitch_factors)
        if pitch_factors:
            wanted = replace(wanted, pitch_factors=pitch_factors)
        parts, summary = await self._service.extract(wanted, request.audio.content)
        made = [_fingerprint(part, wanted.purpose) for part in parts]
        return fingerprint_service_pb2.ExtractFingerprintResponse(
            fingerprint=None if pitch_factors else made[0],
            decode_duration=_duration(summary.decode_seconds),
            extract_duration=_duration(summary.extract_seconds),
            pitched_fingerprints=made if pitch_factors else (),
        )

    async def StreamFingerprint(
        self,
        requests: AsyncIterator[fingerprint_service_pb2.StreamFingerprintRequest],
        _context: Any,
    ) -> AsyncIterator[fingerprint_service_pb2.StreamFingerprintResponse]:
        """Decodes and analyses audio while it arrives."""
        config = await _config(requests)
        wanted = _extraction(config.extraction, config.format)
        async with aclosing(self._service.stream(wanted, _chunks(requests))) as results:
            async for result in results:
                yield _response(result, wanted.purpose)


async def _config(
    requests: AsyncIterator[fingerprint_service_pb2.StreamFingerprintRequest],
) -> fingerprint_service_pb2.StreamConfig:
    """Returns the config that opens a stream."""
    first = await anext(requests, None)
    if first is None or first.WhichOneof("message") != "config":
        found = "nothing" if first is None else "a chunk"
        raise errors.StreamOutOfOrderError(
            f"the first message is {found}; it must be the config, chunks follow"
        )
    return first.config


async def _chunks(
    requests: AsyncIterator[fingerprint_service_pb2.StreamFingerprintRequest],
) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("message") != "chunk":
            raise errors.StreamOutOfOrderError(
                "the config came twice; all messages after the first must be chunks"
            )
        yield request.chunk


def _response(
    result: Part | End, purpose: Purpose
) -> fingerprint_service_pb2.StreamFingerprintResponse:
    if isinstance(result, Part):
        return fingerprint_service_pb2.StreamFingerprintResponse(
            part=_fingerprint(result, purpose), first_row=result.first_row
        )
    summary = result.summary
    ended = Part(
        result.row_count, summary.duration_seconds, b"", b"", b"", summary.algorithm_version
    )
    return fingerprint_service_pb2.StreamFingerprintResponse(
        part=_fingerprint(ended, purpose),
        first_row=result.row_count,
        final=True,
        content_sha256=result.content_sha256,
    )


def _extraction(
    config: fingerprint_service_pb2.ExtractionConfig, audio_format: audio_pb2.AudioFormat
) -> Extraction:
    demuxer = _PCM.get(audio_format.encoding)
    return Extraction(
        purpose=_PURPOSES[config.purpose],
        pcm=PcmLayout(demuxer, audio_format.sample_rate_hz, audio_format.channel_count or 1)
        if demuxer
        else None,
        start_seconds=_seconds(config.start_offset),
        seconds_max=_seconds(config.max_duration) if config.HasField("max_duration") else None,
        algorithm_version=config.algorithm_version,
    )


def _fingerprint(part: Part, purpose: Purpose) -> fingerprint_pb2.Fingerprint:
    return fingerprint_pb2.Fingerprint(
        algorithm_version=part.algorithm_version,
        purpose=_PURPOSE_NUMBERS[purpose],
        vectors_f16le=part.vectors_f16le,
        active_windows=part.active_windows,
        landmarks=part.landmarks,
        duration=_duration(part.duration_seconds),
    )


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _duration(seconds: float) -> Duration:
    nanos = round(seconds * 1e9)
    return Duration(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000)
