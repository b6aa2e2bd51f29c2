"""Errors the gateway itself returns; those of the services it calls pass through unchanged.

ServiceError
├── SourceMissingError       a request brings no audio
├── AudioTooLargeError       more bytes than one message may carry
├── CatalogMovedError        the catalogue went over to another extractor meanwhile
├── TooManyStreamsError      one caller has as many streams as it may
├── StreamOutOfOrderError    a stream's messages come in an order the contract does not allow
└── UpstreamFailedError      a service failed without a typed error, or broke its contract
"""

from __future__ import annotations

import grpc

from mesh.runtime.errors import ServiceError
from mesh.runtime.telemetry import current_trace_id

DOMAIN = "sonica.recognition"


class SourceMissingError(ServiceError):
    """A request brings no audio."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "SOURCE_MISSING"
    domain = DOMAIN


class AudioTooLargeError(ServiceError):
    """More bytes than one message may carry."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "AUDIO_TOO_LARGE"
    domain = DOMAIN
    metadata_keys = ("byte_count", "byte_count_max")


class CatalogMovedError(ServiceError):
    """The catalogue went over to another extractor while the audio, not kept, was analysed."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "CATALOG_MOVED"
    domain = DOMAIN
    metadata_keys = ("algorithm_version",)

    def __init__(self, algorithm_version: int) -> None:
        """Takes the version it has now."""
        super().__init__(
            f"the catalogue has moved to algorithm_version {algorithm_version}; "
            "send the audio again",
            retry_after_seconds=0.1,
            algorithm_version=str(algorithm_version),
        )


class TooManyStreamsError(ServiceError):
    """A caller has as many streams of recognition under way as it may."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_STREAMS"
    domain = DOMAIN
    metadata_keys = ("limit",)

    def __init__(self, limit: int, whose: str) -> None:
        """Takes the limit, and whose streams it is of, as an attribute."""
        super().__init__(
            f"{limit} streams {whose} are under way, as many as may be; end one, or try again",
            retry_after_seconds=1.0,
            limit=str(limit),
        )


class StreamOutOfOrderError(ServiceError):
    """A stream's messages come in an order the contract does not allow."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "STREAM_OUT_OF_ORDER"
    domain = DOMAIN
    metadata_keys = ("received", "expected")

    def __init__(self, received: str, expected: str) -> None:
        """Takes the name of the message that came, and what should have come."""
        super().__init__(
            f"{received} came where {expected} was due", received=received, expected=expected
        )


class UpstreamFailedError(ServiceError):
    """A service failed, or broke its contract, in a way that says nothing to the caller."""

    code = grpc.StatusCode.INTERNAL
    reason = "UPSTREAM_FAILED"
    domain = DOMAIN
    metadata_keys = ("trace_id",)

    def __init__(self, what: str) -> None:
        """Takes what happened, as a clause."""
        trace_id = current_trace_id()
        super().__init__(f"{what}; the logs have more under trace {trace_id}", trace_id=trace_id)
