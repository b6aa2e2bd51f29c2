"""A second look at a clip that nobody recognised: analysed again as if it sounded higher or lower.

It is paid for by clips nobody knows, so it is bounded in every way: in time, in searches at once,
and in how many are under way in the process. When a bound is reached, the first answer stands.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from google.protobuf.duration_pb2 import Duration
from sonica.fingerprint.v1.fingerprint_service_pb2 import ExtractFingerprintResponse
from sonica.matching.v1.matching_service_pb2 import FindMatchesResponse

from gateway.passes import extract, find_matches, seconds_left
from mesh.runtime import telemetry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sonica.fingerprint.v1.fingerprint_pb2 import Fingerprint
    from sonica.matching.v1.match_pb2 import Match
    from sonica.recognition.v1.recognition_service_pb2 import RecognizeRequest

    from gateway.upstream import Upstream

#: A semitone down and up, and half of one: the extractor itself follows what lies between.
PITCH_FACTORS = (2 ** (-1 / 12), 0.972, 1.029, 2 ** (1 / 12))
#: What the search must say of a match for it to be answered: more than at a first look.
SCORE_MIN = 0.999

_LOOKS = 1 + len(PITCH_FACTORS)
_DEADLINE_SHARE = 0.5
_SEARCHES_AT_ONCE = 2
# As FindMatches reads `max_match_count`.
_MATCH_COUNT_DEFAULT = 5
_MATCH_COUNT_MAX = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a clip found.

    Attributes:
        extracted: its fingerprint.
        found: what the search for it said.
        seconds: how long both took.
    """

    extracted: ExtractFingerprintResponse
    found: FindMatchesResponse
    seconds: float


class SecondLook:
    """Takes second looks, a limited number at once; whoever comes when it is busy gets none.

    Args:
        upstream: the services to call.
        count_max: second looks under way at once.
    """

    def __init__(self, upstream: Upstream, count_max: int) -> None:
        self._upstream = upstream
        self._free = asyncio.Semaphore(count_max)

    async def take(
        self, request: RecognizeRequest, first: Look
    ) -> tuple[ExtractFingerprintResponse, FindMatchesResponse]:
        """Returns what both looks found, and the time they took; that of the first without another.

        Args:
            request: brings audio.
            first: found no match.
        """
        budget_seconds = _DEADLINE_SHARE * seconds_left()
        extracted, found = first.extracted, first.found
        with telemetry.span("second_look") as span:
            if budget_seconds < first.seconds:
                outcome = "late"
            elif self._free.locked():
                outcome = "busy"
            else:
                outcome = "failed"
                try:
                    async with self._free, asyncio.timeout(budget_seconds):
                        extracted, found = await self._look(request, first, budget_seconds)
                    outcome = "recognised" if found.matches else "unknown"
                except* (TimeoutError, grpc.aio.AioRpcError) as failures:
                    # The first answer is an answer all the same.
                    _log.info("no second look: %r", failures.exceptions[0])
            span.set_attribute("sonica.second_look_outcome", outcome)
        return extracted, found

    async def _look(
        self, request: RecognizeRequest, first: Look, budget_seconds: float
    ) -> tuple[ExtractFingerprintResponse, FindMatchesResponse]:
        version = first.extracted.fingerprint.algorithm_version
        anew = await extract(self._upstream, request, version, budget_seconds, PITCH_FACTORS)
        turns = asyncio.Semaphore(_SEARCHES_AT_ONCE)

        async def search(pitch_factor: float, fingerprint: Fingerprint) -> FindMatchesResponse:
            async with turns:
                with telemetry.span("search_at_pitch", pitch_factor=pitch_factor) as span:
                    found = await find_matches(self._upstream, request, fingerprint, budget_seconds)
                    judged = _judged(found)
                    span.set_attribute("sonica.accepted", bool(judged.matches))
                    return judged

        # A fingerprint service of an older release knows no pitches and returns none.
        pitched = zip(PITCH_FACTORS, anew.pitched_fingerprints, strict=False)
        async with asyncio.TaskGroup() as tasks:
            searches = [tasks.create_task(search(*each)) for each in pitched]
        extracted = ExtractFingerprintResponse(
            fingerprint=first.extracted.fingerprint,
            decode_duration=_sum((first.extracted.decode_duration, anew.decode_duration)),
            extract_duration=_sum((first.extracted.extract_duration, anew.extract_duration)),
        )
        return extracted, merged(request, [first.found, *(task.result() for task in searches)])


def cautious(score: float) -> float:
    """Returns what a score in [0, 1] of a second look is worth beside one of a first.

    As many looks are as many chances to be wrong: the odds are divided by their number, which
    lowers the logit by its logarithm. `SCORE_MIN` becomes 0.995.
    """
    return score / (score + _LOOKS * (1 - score))


def merged(request: RecognizeRequest, looks: Sequence[FindMatchesResponse]) -> FindMatchesResponse:
    """Returns one answer of several: each track once, surest first, as many as `request` wants."""
    count = min(request.max_match_count or _MATCH_COUNT_DEFAULT, _MATCH_COUNT_MAX)
    matches = _ranked(match for look in looks for match in look.matches)
    rejected = _ranked(match for look in looks for match in look.rejected)
    accepted = {match.track.track_id for match in matches}
    rejected = [match for match in rejected if match.track.track_id not in accepted]
    return FindMatchesResponse(
        matches=matches[:count],
        rejected=rejected[:count] if request.include_rejected else (),
        search_duration=_sum(look.search_duration for look in looks),
        align_duration=_sum(look.align_duration for look in looks),
    )


def _ranked(candidates: Iterable[Match]) -> list[Match]:
    best: dict[str, Match] = {}
    for match in sorted(candidates, key=lambda match: -match.score):
        best.setdefault(match.track.track_id, match)
    return list(best.values())


def _sum(durations: Iterable[Duration]) -> Duration:
    total = Duration()
    total.FromNanoseconds(sum(duration.ToNanoseconds() for duration in durations))
    return total


def _judged(found: FindMatchesResponse) -> FindMatchesResponse:
    """Returns what a search at another pitch found, by the rules of a second look."""
    judged = FindMatchesResponse()
    judged.CopyFrom(found)
    del judged.matches[:], judged.rejected[:]
    for match in found.matches:
        kept = judged.matches if match.score >= SCORE_MIN else judged.rejected
        kept.append(match)
    judged.rejected.extend(found.rejected)
    for match in (*judged.matches, *judged.rejected):
        match.score = cautious(match.score)
    return judged
