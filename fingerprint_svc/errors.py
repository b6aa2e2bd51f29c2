"""Every reason this service can return.

ServiceError
└── FingerprintError             domain sonica.fingerprint
    ├── AudioEmptyError          no bytes, or no sample in them
    ├── AudioUnsupportedError    not a format that is read
    ├── AudioUnreadableError     a known format, but nothing in it can be decoded
    ├── AudioNotFiniteError      NaN, infinity or absurd samples
    ├── AudioTooManyChannelsError
    ├── AudioTooLongError        more audio than one call analyses
    ├── AudioTooLargeError       more bytes than one call takes
    ├── AlgorithmUnsupportedError
    ├── StreamOutOfOrderError    config first, then chunks
    ├── StreamIdleError          the caller stopped sending
    ├── DecodeLimitReachedError  decoding took too much time or memory
    ├── DecodersBusyError        all workers are busy and the queue is full
    ├── DecoderDiedError         the worker ended in the middle of the job
    └── StorageFullError         no room for a temporary file
"""

from __future__ import annotations

import sys
from typing import Any

import grpc

from fingerprint_svc.model import JobError
from mesh.runtime.errors import ServiceError, declared_errors

# Metadata comes from a process that may have been taken over.
_TEXT_MAX = 300


class FingerprintError(ServiceError):
    """Any error of this service."""

    domain = "sonica.fingerprint"


class AudioEmptyError(FingerprintError):
    """No bytes were sent, or the container holds no sample."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "AUDIO_EMPTY"


class AudioUnsupportedError(FingerprintError):
    """The bytes are not a container, codec or sample rate that is read."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "AUDIO_UNSUPPORTED"
    metadata_keys = ("found", "supported")


class AudioUnreadableError(FingerprintError):
    """The bytes look like a known container, but no audio could be decoded of them."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "AUDIO_UNREADABLE"
    metadata_keys = ("found", "cause")


class AudioNotFiniteError(FingerprintError):
    """A sample is NaN, infinite or far beyond full scale."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "AUDIO_NOT_FINITE"


class AudioTooManyChannelsError(FingerprintError):
    """The track has more channels than are mixed down."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "AUDIO_TOO_MANY_CHANNELS"
    metadata_keys = ("channel_count", "channel_count_max")


class AudioTooLongError(FingerprintError):
    """There is more audio than one call analyses, or it would begin too far in."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "AUDIO_TOO_LONG"
    metadata_keys = ("seconds_max",)


class AudioTooLargeError(FingerprintError):
    """The stream has more bytes than one call takes."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "AUDIO_TOO_LARGE"
    metadata_keys = ("byte_count_max",)


class AlgorithmUnsupportedError(FingerprintError):
    """The version of the extractor is not one this release has."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "ALGORITHM_UNSUPPORTED"
    metadata_keys = ("algorithm_version", "known_algorithm_versions")


class StreamOutOfOrderError(FingerprintError):
    """The first message is not the config, or a later one is."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "STREAM_OUT_OF_ORDER"


class StreamIdleError(FingerprintError):
    """No chunk came for so long that the worker is needed elsewhere."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "STREAM_IDLE"
    metadata_keys = ("idle_seconds_max",)


class DecodeLimitReachedError(FingerprintError):
    """Decoding took more time or memory than one piece of audio may."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "DECODE_LIMIT_REACHED"
    metadata_keys = ("limit", "value")


class DecodersBusyError(FingerprintError):
    """All workers are busy and as many calls as may wait are waiting."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "DECODERS_BUSY"
    metadata_keys = ("worker_count", "queue_length")


class DecoderDiedError(FingerprintError):
    """The worker process ended in the middle of the job; the next call gets another."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "DECODER_DIED"
    metadata_keys = ("exit",)


class StorageFullError(FingerprintError):
    """There is no room for the temporary file that a seekable container needs."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "STORAGE_FULL"


def from_fault(fault: JobError) -> FingerprintError:
    """Returns the typed error for what a worker reported.

    A reason or metadata key no error declares means that the worker cannot be trusted any more.
    """
    for error in declared_errors(sys.modules[__name__]):
        if error.reason == fault.reason and issubclass(error, FingerprintError):
            known = {key: fault.metadata.get(key, "") for key in error.metadata_keys}
            clipped: dict[str, Any] = {
                key: str(value)[:_TEXT_MAX] for key, value in known.items() if value
            }
            return error(fault.message[:_TEXT_MAX], **clipped)
    return DecoderDiedError("the decoder answered nonsense; try again", exit="nonsense")
