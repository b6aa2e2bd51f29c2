"""Recognize: extract, then search, within one deadline; twice if the catalogue moves meanwhile.

A clip that is not recognised may get a second look, at other pitches.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from sonica.fingerprint.v1.fingerprint_service_pb2 import ExtractFingerprintResponse
from sonica.matching.v1.matching_service_pb2 import FindMatchesResponse
from sonica.recognition.v1.recognition_service_pb2 import (
    RecognizeRequest,
    RecognizeResponse,
    Timing,
)

from gateway.fingerprints import searchable
from gateway.passes import extract, find_matches, seconds_left
from gateway.second_look import Look, SecondLook
from mesh.runtime.telemetry import current_trace_id

if TYPE_CHECKING:
    from gateway.upstream import Upstream

# Extraction may use this share of the time there is: an answer without a search is none.
_EXTRACTION_SHARE = 0.75


async def recognize(
    upstream: Upstream, request: RecognizeRequest, second_look: SecondLook | None = None
) -> RecognizeResponse:
    """Returns what a clip, or a fingerprint of it, is known as.

    Args:
        upstream: the services to call.
        request: the clip.
        second_look: taken when the clip is not recognised; None for never.

    Raises:
        SourceMissingError, AudioTooLargeError, CatalogMovedError; typed errors of the services
        called.
    """
    started = time.perf_counter()

    async def extract_and_search(
        algorithm_version: int,
    ) -> tuple[ExtractFingerprintResponse, FindMatchesResponse]:
        timeout_seconds = seconds_left() * _EXTRACTION_SHARE
        extracted = await extract(upstream, request, algorithm_version, timeout_seconds)
        return extracted, await find_matches(upstream, request, extracted.fingerprint)

    if request.HasField("fingerprint"):
        extracted = ExtractFingerprintResponse(fingerprint=request.fingerprint)
        found = await find_matches(upstream, request, request.fingerprint)
    else:
        extracted, found = await upstream.version.used_for(extract_and_search)
        silent = not any(extracted.fingerprint.active_windows)
        if second_look is not None and not found.matches and not silent:
            first = Look(extracted, found, time.perf_counter() - started)
            extracted, found = await second_look.take(request, first)
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
