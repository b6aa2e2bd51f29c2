"""Recognize: extract, then search, within one deadline; twice if the catalogue moves meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from sonica.fingerprint.v1.fingerprint_pb2 import FINGERPRINT_PURPOSE_QUERY, Fingerprint
from sonica.fingerprint.v1.fingerprint_service_pb2 import (
    ExtractFingerprintRequest,
    ExtractFingerprintResponse,
    ExtractionConfig,
)
from sonica.matching.v1.matching_service_pb2 import FindMatchesRequest, FindMatchesResponse
from sonica.recognition.v1.recognition_service_pb2 import (
    RecognizeRequest,
    RecognizeResponse,
    Timing,
)

from gateway.audio import audio_of
from gateway.fingerprints import searchable
from mesh.runtime.channels import remaining_seconds
from mesh.runtime.telemetry import current_trace_id

if TYPE_CHECKING:
    from gateway.upstream import Upstream

# Extraction may use this share of the time there is: an answer without a search is none.
_EXTRACTION_SHARE = 0.75
_SECONDS_WITHOUT_DEADLINE = 30.0


async def recognize(upstream: Upstream, request: RecognizeRequest) -> RecognizeResponse:
    """Returns what a clip, or a fingerprint of it, is known as.

    Raises:
        SourceMissingError, AudioTooLargeError, CatalogMovedError; typed errors of the services
        called.
    """
    started = time.perf_counter()

    async def extract_and_search(
        algorithm_version: int,
    ) -> tuple[ExtractFingerprintResponse, FindMatchesResponse]:
        extracted = await _extract(upstream, request, algorithm_version)
        return extracted, await _search(upstream, request, extracted.fingerprint)

    if request.HasField("fingerprint"):
        extracted = ExtractFingerprintResponse(fingerprint=request.fingerprint)
        found = await _search(upstream, request, request.fingerprint)
    else:
        extracted, found = await upstream.version.used_for(extract_and_search)
    total = Duration()
    total.FromNanoseconds(int((time.perf_counter() - started) * 1e9))
    return RecognizeResponse(
        matches=found.matches,
        rejected=found.rejected,
        analysed_duration=searchable(extracted.fingerprint).duration,
        timing=Timing(
            decode_duration=extracted.decode_duration,
            extract_duration=extracted.extract_duration,
            search_duration=found.search_duration,
            align_duration=found.align_duration,
            total_duration=total,
        ),
        trace_id=current_trace_id(),
    )


async def _search(
    upstream: Upstream, request: RecognizeRequest, extracted: Fingerprint
) -> FindMatchesResponse:
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
        timeout=remaining_seconds(),
    )
    return found


async def _extract(
    upstream: Upstream, request: RecognizeRequest, algorithm_version: int
) -> ExtractFingerprintResponse:
    config = ExtractionConfig(
        purpose=FINGERPRINT_PURPOSE_QUERY, algorithm_version=algorithm_version
    )
    if request.HasField("start_offset"):
        config.start_offset.CopyFrom(request.start_offset)
    left = remaining_seconds()
    budget = _SECONDS_WITHOUT_DEADLINE if left is None else left
    response: ExtractFingerprintResponse = await upstream.fingerprint.ExtractFingerprint(
        ExtractFingerprintRequest(config=config, audio=audio_of(request)),
        timeout=budget * _EXTRACTION_SHARE,
    )
    return response
