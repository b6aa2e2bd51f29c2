"""Writes melodies: motifs, phrases made of them, and phrases that come back changed.

A phrase is a list of `Step`s on the style's grid. Nothing here sounds: `compose.py` plays it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LOWEST_DEGREE = -3
HIGHEST_DEGREE = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One note of a phrase.

    Attributes:
        at: grid step, counted from the phrase's beginning.
        length: in grid steps.
        degree: scale degree, 0 = tonic; may leave one octave either way.
        velocity: loudness in (0, 1].
    """

    at: int
    length: int
    degree: int
    velocity: float


def phrase(steps: int, beat: int, busy: float, rng: np.random.Generator) -> list[Step]:
    """Writes a phrase `steps` long by a random walk that prefers small intervals.

    Args:
        steps: length in grid steps.
        beat: grid steps in a beat; long notes and accents fall on it.
        busy: in [0, 1]; share of short notes.
        rng: where the notes come from.
    """
    written: list[Step] = []
    degree = int(rng.integers(0, 5))
    at = 0
    while at < steps:
        short = rng.random() < busy
        length = int(rng.choice([1, 2]) if short else rng.choice([beat, beat + 1, 2 * beat]))
        length = min(length, steps - at)
        if rng.random() > 0.12:
            accent = 0.9 if at % beat == 0 else 0.65
            written.append(Step(at, length, degree, accent * (0.85 + 0.3 * rng.random())))
        move = int(rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 4]))
        degree = max(LOWEST_DEGREE, min(HIGHEST_DEGREE, degree + move))
        at += length
    return written


def varied(original: list[Step], amount: float, rng: np.random.Generator) -> list[Step]:
    """Returns the phrase as a player would repeat it: about `amount` of its notes changed."""
    changed: list[Step] = []
    for step in original:
        if rng.random() >= amount:
            velocity = step.velocity * (0.9 + 0.2 * rng.random())
            changed.append(Step(step.at, step.length, step.degree, velocity))
            continue
        if step.length >= 2 and rng.random() < 0.5:
            first = step.length // 2
            neighbour = step.degree + int(rng.choice([-1, 1]))
            changed.append(Step(step.at, first, step.degree, step.velocity))
            rest = step.length - first
            changed.append(Step(step.at + first, rest, neighbour, step.velocity * 0.8))
        else:
            moved = step.degree + int(rng.choice([-2, -1, 1, 2]))
            changed.append(Step(step.at, step.length, moved, step.velocity))
    return changed
