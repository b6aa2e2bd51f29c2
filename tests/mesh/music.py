"""Recordings and clips for the whole mesh: composed from a seed, as WAV bytes."""

from __future__ import annotations

import io
import wave
from functools import cache

import numpy as np
import numpy.typing as npt

from sonica_cli.demo.compose import Piece, compose
from sonica_cli.demo.styles import STYLES

_SEED = 2026
_STRANGER_SEED = 77
# Drones repeat themselves within seconds; how well those are told apart is the evaluation's matter.
_BUSY = tuple(
    number for number, style in enumerate(STYLES) if style.genre in ("Pop", "Rock", "Electronic")
)
# Amplitude of the noise relative to the music: 15 dB below it.
_NOISE = 10 ** (-15 / 20)


@cache
def piece(index: int, seconds: float = 15.0, seed: int = _SEED) -> Piece:
    """Returns one composed piece, of a style in which every moment is heard once."""
    edition, style = divmod(index, len(_BUSY))
    return compose(seed, edition * len(STYLES) + _BUSY[style], duration_seconds=seconds)


def recording(index: int) -> bytes:
    """Returns a whole piece, to be registered."""
    return _wav(piece(index).pcm, piece(index).sample_rate_hz)


def noisy_excerpt(index: int, offset_seconds: float) -> bytes:
    """Returns five seconds of a piece with noise."""
    return _cut(piece(index), offset_seconds, 5.0, _NOISE)


def long_excerpt(index: int) -> bytes:
    """Returns ten clean seconds of a piece: what any extractor knows again."""
    return _cut(piece(index), 3.6, 10.0, 0.0)


def stranger(index: int) -> bytes:
    """Returns five noisy seconds of a piece that nobody registers."""
    return _cut(piece(index, seed=_STRANGER_SEED), 4.0, 5.0, _NOISE)


def _cut(source: Piece, offset_seconds: float, seconds: float, noise: float) -> bytes:
    rate = source.sample_rate_hz
    begin = int(offset_seconds * rate)
    cut = source.pcm[begin : begin + int(seconds * rate)]
    loudness = float(np.sqrt(np.square(cut).mean()))
    hiss = np.random.default_rng(begin).normal(0.0, loudness * noise, len(cut))
    return _wav(cut + hiss.astype(np.float32), rate)


def _wav(pcm: npt.NDArray[np.float32], rate_hz: int) -> bytes:
    samples = (np.clip(pcm, -1.0, 1.0) * 32767.0).astype("<i2")
    with io.BytesIO() as buffer:
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate_hz)
            file.writeframes(samples.tobytes())
        return buffer.getvalue()
