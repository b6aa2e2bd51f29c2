"""Struck sounds without a tune: a drum kit and the strokes of a tabla pair.

`STROKES` maps the one-letter names used in the patterns of `styles.py` to functions of a
generator; each returns mono float32 samples at `RATE_HZ`, peak about 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sonica_cli.demo.timbres import RATE_HZ, Pcm

if TYPE_CHECKING:
    from collections.abc import Callable


def _time(seconds: float) -> Pcm:
    return np.arange(int(seconds * RATE_HZ), dtype=np.float32) / np.float32(RATE_HZ)


def _swept(time: Pcm, start_hz: float, end_hz: float, fall_seconds: float) -> Pcm:
    """A sine that falls from one frequency to another."""
    hz = end_hz + (start_hz - end_hz) * np.exp(-time / fall_seconds)
    swept: Pcm = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ).astype(np.float32)
    return swept


def _decay(time: Pcm, rate: float) -> Pcm:
    """Exponential fall, `rate` nepers a second."""
    return np.asarray(np.exp(time * np.float32(-rate)), dtype=np.float32)


def _noise(time: Pcm, rng: np.random.Generator, *, bright: bool) -> Pcm:
    noise = rng.standard_normal(len(time)).astype(np.float32)
    if bright:
        noise[1:] = (noise[1:] - noise[:-1]) / 2
    return noise * np.float32(0.4)


def kick(rng: np.random.Generator) -> Pcm:
    """Bass drum."""
    time = _time(0.28)
    body = _swept(time, 150 + 60 * rng.random(), 45 + 12 * rng.random(), 0.03)
    return body * _decay(time, 14.0)


def snare(rng: np.random.Generator) -> Pcm:
    """Snare drum."""
    time = _time(0.22)
    body = _swept(time, 230, 175 + 25 * rng.random(), 0.02) * _decay(time, 25.0)
    wires = _noise(time, rng, bright=False) * _decay(time, 18.0)
    return np.float32(0.5) * body + wires


def closed_hat(rng: np.random.Generator) -> Pcm:
    """Closed hi-hat."""
    time = _time(0.06)
    return _noise(time, rng, bright=True) * _decay(time, 70.0)


def open_hat(rng: np.random.Generator) -> Pcm:
    """Open hi-hat, or the jingles of a tambourine."""
    time = _time(0.3)
    return _noise(time, rng, bright=True) * _decay(time, 11.0)


def clap(rng: np.random.Generator) -> Pcm:
    """Hand clap: three bursts and a tail."""
    time = _time(0.2)
    bursts = sum(np.exp(-np.abs(time - at) * np.float32(250.0)) for at in (0.004, 0.015, 0.027))
    tail = np.float32(0.5) * _decay(time, 22.0)
    shape = np.asarray(bursts + tail, dtype=np.float32)
    return _noise(time, rng, bright=False) * shape


def tom(rng: np.random.Generator) -> Pcm:
    """Tom, conga or the treble skin of a dholak."""
    time = _time(0.3)
    body = _swept(time, 210 + 90 * rng.random(), 130 + 50 * rng.random(), 0.05)
    return body * _decay(time, 13.0)


def tabla_na(rng: np.random.Generator) -> Pcm:
    """`Na`: the rim of the right-hand drum, a nearly harmonic ring."""
    time = _time(0.35)
    pitch = np.float32(2 * np.pi * (330 + 6 * rng.standard_normal()))
    ring = sum(
        np.float32(gain) * np.sin(pitch * np.float32(k) * time) * _decay(time, fall)
        for k, gain, fall in ((1.0, 0.3, 14), (2.0, 0.8, 11), (3.01, 0.6, 15), (4.02, 0.25, 20))
    )
    slap = _noise(time, rng, bright=True) * _decay(time, 200.0)
    return np.asarray(0.6 * ring + slap, dtype=np.float32)


def tabla_te(rng: np.random.Generator) -> Pcm:
    """`Te`: a damped, dry stroke."""
    time = _time(0.09)
    knock = np.sin(np.float32(2 * np.pi * 410) * time) * _decay(time, 60.0)
    return np.asarray(0.6 * knock, np.float32) + _noise(time, rng, bright=False) * _decay(
        time, 90.0
    )


def tabla_ge(rng: np.random.Generator) -> Pcm:
    """`Ge`: the left-hand drum, its pitch pressed upward."""
    time = _time(0.45)
    body = _swept(time, 75 + 8 * rng.random(), 105 + 30 * rng.random(), 0.12)
    return body * _decay(time, 6.5)


def tabla_dha(rng: np.random.Generator) -> Pcm:
    """`Dha`: both hands, `Na` and `Ge` together."""
    low, high = tabla_ge(rng), tabla_na(rng)
    low[: len(high)] += high
    return low * np.float32(0.7)


STROKES: dict[str, Callable[[np.random.Generator], Pcm]] = {
    "k": kick,
    "s": snare,
    "h": closed_hat,
    "o": open_hat,
    "c": clap,
    "t": tom,
    "n": tabla_na,
    "e": tabla_te,
    "g": tabla_ge,
    "d": tabla_dha,
}
