"""Everything that is counted of one run, as rows that can be printed, drawn and committed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Set
from typing import Any, TypeVar

from tests.evaluation.answers import Answer
from tests.evaluation.judged import (
    GATE,
    NEAR_SECONDS,
    ONE_PERCENT,
    RAW,
    Judged,
    candidate_scores,
)
from tests.evaluation.negatives.blocks import SHARES, NegativeId
from tests.evaluation.thresholds import GRID, exceeding, reliability, threshold_at

Row = dict[str, Any]
T = TypeVar("T")
# What is left out where figures are "down to 5 dB": noise as loud as the music, or louder.
LOUD_NOISE = frozenset({"noise0", "noise-5"})
THOUSANDTH_SECONDS = 5.0


def grouped(items: Iterable[T], key: Callable[[T], Any]) -> dict[Any, list[T]]:
    """Returns the items by their key, keys in the order they come."""
    found: dict[Any, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def quantile(values: Sequence[float], share: float) -> float | None:
    """Returns the value that `share` of the values do not exceed; None of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else None


def by_group(judged: list[Judged]) -> list[Row]:
    """Counts right answers by group and length, over the degradations down to 5 dB."""
    kept = [j for j in judged if j.known and j.clip.degradation not in LOUD_NOISE]
    return [
        {
            "group": group,
            "length_s": length,
            "n": len(some),
            **{rule: sum(j.right_by(rule) for j in some) for rule in (RAW, ONE_PERCENT, GATE)},
        }
        for (group, length), some in sorted(
            grouped(kept, lambda j: (j.clip.group, j.clip.length_seconds)).items()
        )
    ]


def wrong(judged: list[Judged]) -> list[Row]:
    """Counts by length the registered and the unknown clips that the service answers wrongly."""
    return [
        {
            "length_s": length,
            "registered": len(known := [j for j in some if j.known]),
            "registered_wrong": sum(j.wrong for j in known),
            "unknown": len(unknown := [j for j in some if not j.known]),
            "unknown_answered": sum(j.wrong for j in unknown),
        }
        for length, some in sorted(grouped(judged, lambda j: j.clip.length_seconds).items())
    ]


def at_a_thousandth(judged: list[Judged], negatives: list[Answer]) -> Row | None:
    """Counts right answers of 5 s clips where at most 0.1 % of the unknown ones are answered.

    The threshold is set by the unknown clips of that length, of the split and made; None when
    they are fewer than a thousand, which cannot tell.
    """
    clips = [j for j in judged if j.clip.length_seconds == THOUSANDTH_SECONDS]
    unknown = [j.answer for j in clips if not j.known]
    unknown += [a for a in negatives if _length(a) == THOUSANDTH_SECONDS]
    if len(unknown) < 1_000:
        return None
    threshold = max(0.0, threshold_at(0.001, candidate_scores(unknown), len(unknown)))
    cells = grouped((j for j in clips if j.known), lambda j: j.clip.degradation)
    return {
        "threshold": threshold,
        "unknown": len(unknown),
        "cells": [
            {
                "degradation": name,
                "n": len(some),
                "right": sum(j.right and j.answer.score > threshold for j in some),
            }
            for name, some in cells.items()
        ],
    }


def offsets(judged: list[Judged], repeats: Set[str]) -> list[Row]:
    """Measures by group how far accepted, right, unambiguous answers are from the true offset.

    Args:
        judged: clips with their answers.
        repeats: `query_id` of the answers that name a repeat of the passage: those are counted,
            and are in no other figure.
    """
    kept = [j for j in judged if j.right_by(GATE) and not j.answer.ambiguous]
    groups = {**grouped(kept, lambda j: j.clip.group), "all": kept}
    rows = []
    for group, some in groups.items():
        errors = [j.offset_error_seconds for j in some if j.clip.query_id not in repeats]
        rows.append(
            {
                "group": group,
                "n": len(some),
                "at_a_repeat": len(some) - len(errors),
                "median_s": quantile(errors, 0.5),
                "p90_s": quantile(errors, 0.9),
                "p99_s": quantile(errors, 0.99),
                "within_a_tenth": sum(error <= NEAR_SECONDS for error in errors),
            }
        )
    return rows


def latency(judged: list[Judged]) -> list[Row]:
    """Measures by length how long the calls took."""
    return [
        {
            "length_s": length,
            "n": len(some),
            "median_ms": quantile([j.answer.latency_ms for j in some], 0.5),
            "p95_ms": quantile([j.answer.latency_ms for j in some], 0.95),
        }
        for length, some in sorted(grouped(judged, lambda j: j.clip.length_seconds).items())
    ]


def first_answers(judged: list[Judged]) -> list[Row]:
    """Counts by degradation the excerpts of which the first seconds are answered rightly.

    The median is the least length at which half of the excerpts have got their answer.
    """
    known = [j for j in judged if j.known]
    lengths = sorted({j.clip.length_seconds for j in known})
    rows = []
    for degradation, some in grouped(known, lambda j: j.clip.degradation).items():
        first = []
        for clips in grouped(some, lambda j: j.clip.excerpt).values():
            right = [j.clip.length_seconds for j in clips if j.right_by(GATE)]
            first.append(min(right, default=math.inf))
        median = quantile(first, 0.5) or math.inf
        rows.append(
            {
                "degradation": degradation,
                "n": len(first),
                "within": {f"{x:g}": sum(at <= x for at in first) for x in lengths},
                "median_s": median if math.isfinite(median) else None,
            }
        )
    return rows


def false_accepts(negatives: list[Answer]) -> list[Row]:
    """Counts by kind the unknown clips that the service answers, and those it refuses to read."""
    kinds = grouped(negatives, lambda a: NegativeId.parse(a.query_id).kind)
    ordered = {kind: kinds[kind] for kind in SHARES if kind in kinds}
    degraded = grouped(
        negatives,
        lambda a: "clean" if NegativeId.parse(a.query_id).degradation == "clean" else "degraded",
    )
    lengths = grouped(negatives, _length)
    parts = {**ordered, **dict(sorted(degraded.items()))}
    parts |= {f"{length:g} s": lengths[length] for length in sorted(lengths)}
    return [
        {
            "kind": kind,
            "n": len(some),
            "gate": sum(a.accepted for a in some),
            "refused": sum(bool(a.error) for a in some),
        }
        for kind, some in [*parts.items(), ("all", negatives)]
        if some
    ]


def curves(negatives: list[Answer]) -> list[Row]:
    """Counts by length how many unknown clips score at least each of `thresholds.GRID`."""
    parts: dict[str, list[Answer]] = {
        f"{length:g} s": some for length, some in sorted(grouped(negatives, _length).items())
    }
    return [
        {"part": part, "n": len(some), "reaching": exceeding(candidate_scores(some), GRID)}
        for part, some in [*parts.items(), ("all", negatives)]
        if some
    ]


def reliabilities(judged: list[Judged]) -> dict[str, list[tuple[int, int, float]]]:
    """Counts by score how often the best candidate is right, without and with unknown clips."""
    named = [j for j in judged if j.answer.track_id]
    return {
        "registered": reliability((j.answer.score, j.right) for j in named if j.known),
        "registered and unknown": reliability((j.answer.score, j.right) for j in named),
    }


def gate(answers: Iterable[Answer]) -> tuple[float, float]:
    """Returns the highest score that was refused and the lowest that was accepted."""
    named = [a for a in answers if a.track_id]
    refused = max((a.score for a in named if not a.accepted), default=0.0)
    return refused, min((a.score for a in named if a.accepted), default=1.0)


def _length(answer: Answer) -> float:
    return NegativeId.parse(answer.query_id).length_seconds
