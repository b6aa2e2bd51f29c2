"""Pairs of windows a network learns from: one as registered, one as heard.

An excerpt is played faster, slower, higher or lower, sent through simulated rooms, noise and
channels, and cut into windows; the same moments of the clean excerpt are their partners. Several
windows of one excerpt are kept together: moments of the same piece are the hardest negatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from fitting.degradations import Degrader, root_mean_square
from fitting.front_end import (
    ABSOLUTE_FLOOR,
    BANDS,
    FRAME_SAMPLES,
    HOP_SAMPLES,
    RELATIVE_FLOOR,
    SAMPLE_RATE_HZ,
    WINDOW_FRAMES,
    mel_weights,
)

from .tracks import FULL_SCALE, Track

WINDOWS_PER_EXCERPT = 8
# Audio before the first window that is distorted with it, so that rooms are under way.
HISTORY_SAMPLES = SAMPLE_RATE_HZ
SPACING_SAMPLES = SAMPLE_RATE_HZ // 2
WINDOW_SAMPLES = (WINDOW_FRAMES - 1) * HOP_SAMPLES + FRAME_SAMPLES
EXCERPT_SAMPLES = WINDOWS_PER_EXCERPT * SPACING_SAMPLES + WINDOW_SAMPLES
# A clip's nearest row of the query lies up to half a query hop off the reference's grid.
SHIFT_SAMPLES_MAX = 512
LEVEL_MIN = 10 ** (-45 / 20)
# Windows at the ends of a clip lack up to this many frames.
EDGE_FRAMES = 4
EDGE_SHARE = 0.15
CLEAN_SHARE = 0.05
SPEED_MAX, TEMPO_MAX, SEMITONES_MAX = 0.065, 0.06, 1.6
Floats = npt.NDArray[np.float32]

_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES)).astype("f4")
_MEL = np.ascontiguousarray(mel_weights().T)


@dataclass(frozen=True)
class Course:
    """What excerpts are like at some time of a training.

    Attributes:
        speed_share: of excerpts played faster or slower; `tempo_share` and `pitch_share` likewise.
        noise_share: of excerpts with noise.
        signal_to_noise_max_db: of the least noise.
    """

    speed_share: float
    tempo_share: float
    pitch_share: float
    noise_share: float
    signal_to_noise_max_db: float


# What is played otherwise is learned first: it stays learned while noise, which is what the network
# finds hardest, is learned after.
FIRST_EXCERPTS = 80_000
FIRST = Course(0.25, 0.10, 0.20, noise_share=0.75, signal_to_noise_max_db=15.0)
THEN = Course(0.15, 0.08, 0.15, noise_share=0.85, signal_to_noise_max_db=12.0)


@dataclass(frozen=True)
class Playback:
    """How an excerpt is played.

    Attributes:
        rate: how many times faster its samples run: pitch and time together.
        hop_samples: between frames; a hop other than 256 changes time alone.
    """

    rate: float
    hop_samples: float

    @classmethod
    def draw(cls, rng: np.random.Generator, course: Course) -> Playback:
        """Draws as recorded, or another speed, tempo or pitch."""
        others = (course.speed_share, course.tempo_share, course.pitch_share)
        kind = rng.choice(4, p=[1 - sum(others), *others])
        if kind == 1:
            return cls(1 + rng.uniform(-SPEED_MAX, SPEED_MAX), HOP_SAMPLES)
        if kind == 2:
            return cls(1.0, HOP_SAMPLES * (1 + rng.uniform(-TEMPO_MAX, TEMPO_MAX)))
        if kind == 3:
            rate = 2 ** (rng.uniform(-SEMITONES_MAX, SEMITONES_MAX) / 12)
            return cls(rate, HOP_SAMPLES / rate)
        return cls(1.0, HOP_SAMPLES)


def draw_excerpt(
    track: Track, course: Course, degrader: Degrader, rng: np.random.Generator
) -> tuple[Floats, Floats] | None:
    """Returns clean and heard windows of one excerpt, each (`WINDOWS_PER_EXCERPT`, 24, 64).

    Args:
        track: where it is taken from.
        course: how it may be played.
        degrader: with the noise of that course.
        rng: of all draws.

    Returns None where the track is silent or too short.
    """
    margin = int(0.12 * (EXCERPT_SAMPLES + HISTORY_SAMPLES)) + SHIFT_SAMPLES_MAX
    length = EXCERPT_SAMPLES + HISTORY_SAMPLES + 2 * margin
    if len(track.samples) <= length:
        return None
    at = int(rng.integers(len(track.samples) - length))
    audio = track.samples[at : at + length].astype(np.float32) / FULL_SCALE
    begins = margin + HISTORY_SAMPLES + SPACING_SAMPLES * np.arange(WINDOWS_PER_EXCERPT)
    begins = begins + rng.integers(0, SPACING_SAMPLES, WINDOWS_PER_EXCERPT)
    if min(root_mean_square(audio[b : b + WINDOW_SAMPLES]) for b in begins) < LEVEL_MIN:
        return None
    clean = windows(audio, begins.astype(np.float64), HOP_SAMPLES)
    playback = Playback.draw(rng, course)
    heard = audio
    if playback.rate != 1:
        positions = np.arange(0, len(audio) - 1, playback.rate)
        heard = np.interp(positions, np.arange(len(audio)), audio).astype(np.float32)
    if rng.random() > CLEAN_SHARE:
        heard = heard[: scipy.fft.prev_fast_len(len(heard), real=True)]
        heard = degrader.degrade(heard, rng)
    middles = (begins + WINDOW_SAMPLES / 2) / playback.rate
    shift = rng.uniform(-SHIFT_SAMPLES_MAX, SHIFT_SAMPLES_MAX)
    span = (WINDOW_FRAMES - 1) * playback.hop_samples + FRAME_SAMPLES
    missing = int(rng.integers(-EDGE_FRAMES, EDGE_FRAMES + 1)) if rng.random() < EDGE_SHARE else 0
    return clean, windows(heard, middles - span / 2 + shift, playback.hop_samples, missing)


def windows(
    audio: Floats, begins: npt.NDArray[np.float64], hop_samples: float, missing: int = 0
) -> Floats:
    """Returns normalised log-mel windows, shape (n, 24, 64).

    Args:
        audio: mono 8 kHz.
        begins: first sample of each window.
        hop_samples: between frames.
        missing: frames that are not there: at the begin when negative, at the end when positive.
    """
    frames = np.arange(WINDOW_FRAMES)
    at = np.rint(begins[:, None] + hop_samples * frames).astype(np.int64)
    at = np.clip(at, 0, len(audio) - FRAME_SAMPLES)
    spectra = np.fft.rfft(audio[at[:, :, None] + np.arange(FRAME_SAMPLES)] * _HANN, axis=2)
    power = (spectra.real**2 + spectra.imag**2).astype(np.float32) @ _MEL
    present = (frames >= -missing if missing < 0 else frames < WINDOW_FRAMES - missing)[:, None]
    floor = RELATIVE_FLOOR * np.max(power * present, axis=(1, 2), keepdims=True) + ABSOLUTE_FLOOR
    logs = np.log(power + floor)
    mean = np.sum(logs * present, axis=1, keepdims=True) / present.sum()
    normal: Floats = ((logs - mean) * present).astype(np.float32).reshape(-1, WINDOW_FRAMES, BANDS)
    return normal
