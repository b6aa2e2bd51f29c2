"""Clips with their answers: which are right, by which rule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tests.evaluation.answers import Answer
from tests.evaluation.clips import Clip
from tests.evaluation.thresholds import threshold_at

# The rules an answer can count by, as figures name them.
RAW, ONE_PERCENT, GATE = "raw", "one_percent", "gate"
RULES = (RAW, ONE_PERCENT, GATE)
UNKNOWN_RATE = 0.01
# An answered offset this close is at the clip's own passage.
NEAR_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Judged:
    """One clip and what was answered.

    Attributes:
        clip: with the truth.
        answer: the best candidate.
        threshold: of the score, for `ONE_PERCENT`.
    """

    clip: Clip
    answer: Answer
    threshold: float

    @property
    def known(self) -> bool:
        """Whether the clip's track is registered."""
        return bool(self.clip.track_id)

    @property
    def right(self) -> bool:
        """Whether the best candidate is the clip's track."""
        return self.known and self.answer.track_id == self.clip.track_id

    def right_by(self, rule: str) -> bool:
        """Returns whether the clip is answered rightly when `rule` decides what is an answer."""
        if rule == RAW:
            return self.right
        if rule == GATE:
            return self.right and self.answer.accepted
        return self.right and self.answer.score > self.threshold

    @property
    def wrong(self) -> bool:
        """Whether the service answers, and wrongly."""
        return self.answer.accepted and not self.right

    @property
    def offset_error_seconds(self) -> float:
        """How far the answered offset is from the true one."""
        return abs(self.answer.offset_seconds - self.clip.offset_seconds)


def judge(clips: Iterable[Clip], answers: dict[str, Answer]) -> list[Judged]:
    """Puts clips and answers together; thresholds are set by the unknown clips of each length.

    Raises:
        KeyError: a clip has no answer.
    """
    clips = list(clips)
    unknown: dict[float, list[Answer]] = {}
    for clip in clips:
        scores = unknown.setdefault(clip.length_seconds, [])
        if not clip.track_id:
            scores.append(answers[clip.query_id])
    thresholds = {
        length: threshold_at(UNKNOWN_RATE, candidate_scores(some), len(some)) if some else math.inf
        for length, some in unknown.items()
    }
    return [Judged(c, answers[c.query_id], thresholds[c.length_seconds]) for c in clips]


def candidate_scores(answers: Iterable[Answer]) -> list[float]:
    """Returns the scores of the answers that name a track."""
    return [answer.score for answer in answers if answer.track_id]
