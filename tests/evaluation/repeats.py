"""Answers at another place of the right track where the recording sounds the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import stft

from sonica_cli.demo.encode import decode
from tests.evaluation.judged import GATE, NEAR_SECONDS, Judged

RATE_HZ = 16_000
# Correlation of two log spectra from which passages are a repeat. Two places of a track drawn at
# random stay below half of that nine times of ten.
ALIKE_MIN = 0.6
_WINDOW, _HOP = 1_024, 160
# 125 Hz to 4 kHz: where music is, and what the fingerprints hear.
_BINS = slice(8, 256)
_FLOOR = 1e-4
Floats = npt.NDArray[np.float32]


def at_repeats(judged: Iterable[Judged], wav: Path) -> frozenset[str]:
    """Returns the `query_id` of every right answer that names a repeat of the clip's passage.

    Args:
        judged: clips with their answers.
        wav: folder of `<track_id>.wav`.
    """
    far: dict[str, list[Judged]] = {}
    for one in judged:
        if one.right_by(GATE) and one.offset_error_seconds > NEAR_SECONDS:
            far.setdefault(one.clip.track_id, []).append(one)
    found: set[str] = set()
    for track, some in far.items():
        pcm = decode(wav / f"{track}.wav", RATE_HZ)
        for one in some:
            places = one.clip.offset_seconds, one.answer.offset_seconds
            if alike(pcm, *places, one.clip.length_seconds) >= ALIKE_MIN:
                found.add(one.clip.query_id)
    return frozenset(found)


def alike(pcm: Floats, first_seconds: float, second_seconds: float, seconds: float) -> float:
    """Returns how alike a recording is at two of its places, by the log spectrum; 1 is the same.

    Args:
        pcm: mono, `RATE_HZ`.
        first_seconds: where the one passage begins.
        second_seconds: where the other begins, give or take `NEAR_SECONDS`.
        seconds: length of both; less where the recording ends before.
    """
    slack = int(NEAR_SECONDS * RATE_HZ)
    first = max(0, int(first_seconds * RATE_HZ))
    second = max(0, int(second_seconds * RATE_HZ) - slack)
    count = min(int(seconds * RATE_HZ), len(pcm) - first, len(pcm) - second)
    if count < _WINDOW:
        return 0.0
    one = _spectrum(pcm[first : first + count])
    other = _spectrum(pcm[second : second + count + 2 * slack])
    frames = one.shape[1]
    begins = range(other.shape[1] - frames + 1)
    return max(_correlation(one, other[:, at : at + frames]) for at in begins)


def _spectrum(pcm: Floats) -> Floats:
    _, _, bins = stft(pcm, nperseg=_WINDOW, noverlap=_WINDOW - _HOP, boundary=None)
    return np.log(_FLOOR + np.abs(bins[_BINS])).astype(np.float32)


def _correlation(one: Floats, other: Floats) -> float:
    """What moves in each bin is compared: all of a track shares its mean spectrum."""
    one, other = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    return float((one * other).sum() / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-9))
