"""Aim: what two looks found is one answer, in which a second look counts for less.

Method: answers of searches made by hand.
"""

from __future__ import annotations

import math

import pytest
from sonica.catalog.v1.track_pb2 import Track
from sonica.matching.v1.match_pb2 import Match
from sonica.matching.v1.matching_service_pb2 import FindMatchesResponse
from sonica.recognition.v1.recognition_service_pb2 import RecognizeRequest

from gateway.second_look import PITCH_FACTORS, SCORE_MIN, cautious, merged


def match(name: str, score: float) -> Match:
    return Match(track=Track(track_id=name), score=score)


def answer(matches: dict[str, float], rejected: dict[str, float]) -> FindMatchesResponse:
    return FindMatchesResponse(
        matches=[match(*each) for each in matches.items()],
        rejected=[match(*each) for each in rejected.items()],
        search_duration={"nanos": 600_000_000},
        align_duration={"nanos": 1_000_000},
    )


def names(candidates: list[Match]) -> list[str]:
    return [candidate.track.track_id for candidate in candidates]


@pytest.mark.parametrize("score", [0.001, 0.3, 0.9, SCORE_MIN, 0.999999])
def test_caution_lowers_the_logit_by_the_number_of_looks(score: float) -> None:
    def logit(probability: float) -> float:
        return math.log(probability / (1 - probability))

    looks = 1 + len(PITCH_FACTORS)
    assert logit(cautious(score)) == pytest.approx(logit(score) - math.log(looks))


def test_caution_keeps_the_ends_and_makes_the_gate_that_of_a_first_look() -> None:
    assert (cautious(0.0), cautious(1.0)) == (0.0, 1.0)
    assert cautious(SCORE_MIN) == pytest.approx(0.995, abs=1e-4)


def test_each_track_is_answered_once_at_its_best() -> None:
    request = RecognizeRequest(include_rejected=True)
    looks = [
        answer({}, {"c": 0.5, "a": 0.2}),
        answer({"a": 0.991}, {"b": 0.3}),
        answer({"a": 0.999, "d": 0.995}, {"c": 0.6}),
    ]
    found = merged(request, looks)
    assert names(list(found.matches)) == ["a", "d"]
    assert [each.score for each in found.matches] == [0.999, 0.995]
    assert names(list(found.rejected)) == ["c", "b"]
    assert found.rejected[0].score == 0.6
    assert found.search_duration.ToMilliseconds() == 1_800
    assert found.align_duration.ToMilliseconds() == 3


@pytest.mark.parametrize(("wanted", "count"), [(0, 5), (3, 3), (70, 50)])
def test_as_many_come_as_were_wanted(wanted: int, count: int) -> None:
    many = {f"{number}": number / 100 for number in range(60)}
    request = RecognizeRequest(max_match_count=wanted, include_rejected=True)
    found = merged(request, [answer({}, many), answer({}, many)])
    assert names(list(found.rejected)) == [f"{number}" for number in range(59, 59 - count, -1)]


def test_rejected_candidates_come_only_when_asked_for() -> None:
    assert not merged(RecognizeRequest(), [answer({}, {"a": 0.2})]).rejected
