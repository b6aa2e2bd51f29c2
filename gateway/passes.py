"""The two calls that one pass over a clip is made of: its fingerprint, then the search for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica.fingerprint.v1.fingerprint_pb2 import FINGERPRINT_PURPOSE_QUERY, Fingerprint
from sonica.fingerprint.v1.fingerprint_service_pb2 import (
    ExtractFingerprintRequest,
    ExtractFingerprintResponse,
    ExtractionConfig,
)
from sonica.matching.v1.matching_service_pb2 import FindMatchesRequest, FindMatchesResponse

from gateway.audio import audio_of
from gateway.fingerprints import searchable
from mesh.runtime.channels import remaining_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sonica.recognition.v1.recognition_service_pb2 import RecognizeRequest

    from gateway.upstream import Upstream

_SECONDS_WITHOUT_DEADLINE = 30.0


def seconds_left() -> float:
    """Returns the time there is for the rest of the call."""
    left = remaining_seconds()
    return _SECONDS_WITHOUT_DEADLINE if left is None else left


async def extract(
    upstream: Upstream,
    request: RecognizeRequest,
    algorithm_version: int,
    timeout_seconds: float,
    pitch_factors: Sequence[float] = (),
) -> ExtractFingerprintResponse:
    """Returns the fingerprint of the clip in `request`, or one for each of `pitch_factors`.

    Raises:
        SourceMissingError, AudioTooLargeError; typed errors of FingerprintService.
    """
    config = ExtractionConfig(
        purpose=FINGERPRINT_PURPOSE_QUERY, algorithm_version=algorithm_version
    )
    if request.HasField("start_offset"):
        config.start_offset.CopyFrom(request.start_offset)
    response: ExtractFingerprintResponse = await upstream.fingerprint.ExtractFingerprint(
        ExtractFingerprintRequest(
            config=config, audio=audio_of(request), pitch_factors=pitch_factors
        ),
        timeout=timeout_seconds,
    )
    return response


async def find_matches(
    upstream: Upstream,
    request: RecognizeRequest,
    extracted: Fingerprint,
    timeout_seconds: float | None = None,
) -> FindMatchesResponse:
    """Returns what the catalogue knows a fingerprint as, cut to what a search takes.

    Raises:
        typed errors of MatchingService.
    """
    fingerprint = searchable(extracted)
    if not fingerprint.vectors_f16le:
        # Silence, or less audio than one window: nothing to search for is no error.
        return FindMatchesResponse()
    found: FindMatchesResponse = await upstream.matching.FindMatches(
        FindMatchesRequest(
            fingerprint=fingerprint,
            max_match_count=request.max_match_count,
            include_rejected=request.include_rejected,
        ),
        timeout=remaining_seconds() if timeout_seconds is None else timeout_seconds,
    )
    return found
