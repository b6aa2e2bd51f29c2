"""Judged clips made by hand."""

from __future__ import annotations

from pathlib import Path

from tests.evaluation.answers import Answer
from tests.evaluation.clips import Clip


def clip(
    number: int,
    *,
    degradation: str = "clean",
    length: float = 5.0,
    track: str = "song",
    group: str = "real",
) -> Clip:
    """Returns clip `number` of a cell; an empty track makes it unknown."""
    prefix = "" if track else "neg-"
    name = f"{prefix}{degradation}-{number:03d}-{length:g}s"
    return Clip(name, track, group, 10.0, length, degradation, Path(f"{name}.wav"))


def answer(to: Clip, track: str, score: float, *, accepted: bool = True) -> Answer:
    """Returns an answer half a second off."""
    return Answer(to.query_id, track, to.offset_seconds + 0.5, score, accepted)
