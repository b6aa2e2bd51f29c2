"""Music that is not registered: composed pieces nobody else composes, and tracks left out."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sonica_cli.demo.compose import compose
from sonica_cli.demo.styles import STYLES
from sonica_cli.demo.timbres import Pcm

Sound = tuple[Pcm, int]
# Far from every seed of the demonstration, the tests and the fitting.
COMPOSED_SEED = 900_000_000
_PIECE_SECONDS = 24.0
_QUIET = 10 ** (-50 / 20)


def composed(seed: int, block: int, lengths: list[float], rng: np.random.Generator) -> list[Sound]:
    """Returns excerpts of new pieces, four of each piece: look-alikes of composed catalogues."""
    sounds = []
    for place, seconds in enumerate(lengths):
        if place % 4 == 0:
            index = (block * 32 + place // 4) * len(STYLES) + int(rng.integers(len(STYLES)))
            piece = compose(COMPOSED_SEED + seed, index, duration_seconds=_PIECE_SECONDS)
        count = int(seconds * piece.sample_rate_hz)
        start = int(rng.integers(0, len(piece.pcm) - count))
        sounds.append((piece.pcm[start : start + count], piece.sample_rate_hz))
    return sounds


def excerpts(tracks: list[Path], lengths: list[float], rng: np.random.Generator) -> Iterator[Sound]:
    """Yields excerpts of tracks that are never registered, none of them near-silent.

    Args:
        tracks: WAV files, mono, 16 bits.
        lengths: seconds.
        rng: decides track and offset.
    """
    for seconds in lengths:
        for _ in range(20):
            pcm, rate_hz = _excerpt(tracks[int(rng.integers(len(tracks)))], seconds, rng)
            if float(np.sqrt(np.square(pcm).mean())) > _QUIET:
                break
        yield pcm, rate_hz


def _excerpt(track: Path, seconds: float, rng: np.random.Generator) -> Sound:
    with wave.open(str(track)) as file:
        rate_hz = file.getframerate()
        count = int(seconds * rate_hz)
        file.setpos(int(rng.integers(0, max(1, file.getnframes() - count))))
        samples = np.frombuffer(file.readframes(count), dtype="<i2")
    return samples.astype(np.float32) / np.float32(32_768), rate_hz
