"""Sounds without a source: noise, noise with a beat, tones, sweeps, clicks, silence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sonica_cli.demo.degrade import band_passed, coloured_noise
from sonica_cli.demo.timbres import Pcm

RATE_HZ = 16_000


def noise(count: int, rng: np.random.Generator) -> Pcm:
    """Noise of any colour, white to brown, whole or one band of it."""
    pcm = coloured_noise(count, rng, float(rng.uniform(0, 2)))
    if rng.random() < 0.3:
        low = float(rng.uniform(50, 1_500))
        pcm = band_passed(pcm, RATE_HZ, low, low * float(rng.uniform(1.5, 8)))
    return pcm


def rhythm(count: int, rng: np.random.Generator) -> Pcm:
    """Noise with the make of music: layers of strokes on a beat, each of its band and decay."""
    pcm = np.zeros(count, dtype=np.float32)
    step = int(RATE_HZ * 60 / rng.uniform(60, 180) / 4)
    for _ in range(int(rng.integers(2, 6))):
        low = float(rng.uniform(60, 2_500))
        length = 256 * int(rng.uniform(0.02, 0.6) * RATE_HZ / 256 + 1)
        dying = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
        stroke = band_passed(dying.astype(np.float32), RATE_HZ, low, low * 2)
        pattern = rng.random(16) < rng.uniform(0.15, 0.6)
        for place, start in enumerate(range(0, count, step)):
            if pattern[place % 16]:
                room = min(length, count - start)
                pcm[start : start + room] += stroke[:room] * np.float32(rng.uniform(0.6, 1))
    return pcm + coloured_noise(count, rng) * np.float32(0.02)


def tone(count: int, rng: np.random.Generator) -> Pcm:
    """One to four steady notes with overtones."""
    time = np.arange(count) / RATE_HZ
    pcm = np.zeros(count)
    for _ in range(int(rng.integers(1, 5))):
        hertz = 55 * 2 ** rng.uniform(0, 5)
        for overtone in range(1, int(rng.integers(2, 7))):
            phase = rng.uniform(0, 2 * np.pi)
            pcm += np.sin(2 * np.pi * hertz * overtone * time + phase) / overtone**1.5
    return pcm.astype(np.float32)


def sweep(count: int, rng: np.random.Generator) -> Pcm:
    """A tone that glides up or down, once or again and again."""
    first, last = 40 * 2 ** rng.uniform(0, 7, 2)
    rounds = int(rng.integers(1, 5))
    along = np.arange(count) * rounds / count % 1.0
    hertz = first * (last / first) ** along
    return np.sin(2 * np.pi * np.cumsum(hertz) / RATE_HZ).astype(np.float32)


def clicks(count: int, rng: np.random.Generator) -> Pcm:
    """Clicks, regular as of a clock or at random as of a scratched disc."""
    pcm = np.zeros(count, dtype=np.float32)
    if rng.random() < 0.5:
        places = np.arange(int(rng.integers(200)), count, int(rng.uniform(0.05, 1) * RATE_HZ))
    else:
        places = rng.integers(0, count, int(rng.integers(3, 200)))
    pcm[places] = rng.choice([-1.0, 1.0], len(places)).astype(np.float32)
    ringing = np.exp(-np.arange(64) / rng.uniform(0.5, 16)).astype(np.float32)
    rung: Pcm = np.convolve(pcm, ringing)[:count].astype(np.float32)
    return rung


def silence(count: int, rng: np.random.Generator) -> Pcm:
    """Nothing, or the hiss of a microphone in a quiet room."""
    level = np.float32(0.0 if rng.random() < 0.5 else 10 ** (rng.uniform(-90, -60) / 20))
    return rng.standard_normal(count).astype(np.float32) * level


SOUNDS: dict[str, Callable[[int, np.random.Generator], Pcm]] = {
    "noise": noise,
    "rhythmic noise": rhythm,
    "tones": tone,
    "sweeps": sweep,
    "clicks": clicks,
    "silence": silence,
}
