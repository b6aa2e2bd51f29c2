"""What scores are worth: thresholds, false accepts by threshold, and right answers by score."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence

# Edges of the score's bins, closer where scores crowd: near 0 and near 1.
BINS = (0.0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)
# Thresholds of the false-accept curve, from 0.001 to 0.99999, evenly in log odds.
GRID = tuple(1 / (1 + math.exp(-x / 4)) for x in range(-28, 47))


def threshold_at(rate: float, answered: Iterable[float], total: int) -> float:
    """Returns the least threshold that at most `rate` of the unknown clips' scores exceed.

    An answer counts when its score is above the threshold, as in `score.py`.

    Args:
        rate: share of unknown clips that may be answered.
        answered: scores of the unknown clips that got a candidate at all.
        total: unknown clips, with a candidate or without.
    """
    scores = sorted(answered, reverse=True)
    allowed = math.floor(rate * total)
    return scores[allowed] if len(scores) > allowed else -math.inf


def exceeding(scores: Iterable[float], grid: Sequence[float] = GRID) -> list[int]:
    """Returns for each threshold of `grid` how many scores reach it."""
    ordered = sorted(scores)
    return [len(ordered) - bisect_left(ordered, threshold) for threshold in grid]


def reliability(answers: Iterable[tuple[float, bool]]) -> list[tuple[int, int, float]]:
    """Returns for each of `BINS` how many answers fell into it, how many were right, mean score.

    Args:
        answers: (score, whether it was right); a score on an edge belongs to the bin above it.
    """
    counts = [[0, 0] for _ in BINS[1:]]
    sums = [0.0] * len(counts)
    for score, right in answers:
        place = min(max(sum(score >= edge for edge in BINS) - 1, 0), len(counts) - 1)
        counts[place][0] += 1
        counts[place][1] += right
        sums[place] += score
    return [
        (count, right, total / count if count else 0.0)
        for (count, right), total in zip(counts, sums, strict=True)
    ]
