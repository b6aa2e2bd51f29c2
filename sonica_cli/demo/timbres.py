"""Pitched sounds, one function an instrument family, rendered a whole note at a time.

Every function takes a `Note` and returns mono float32 samples at `RATE_HZ`, peak about 1. A
`Voice` binds a family to the few numbers that make one instrument differ from another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

RATE_HZ = 22_050
HIGHEST_PARTIAL_HZ = 9_000.0
TABLE_SIZE = 4096

Pcm = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Note:
    """One note to sound.

    Attributes:
        pitch: MIDI note number; fractions are cents.
        seconds: time until release; the sound itself rings a little longer.
        glide_from: pitch the note slides up or down from, or None to start on it.
    """

    pitch: float
    seconds: float
    glide_from: float | None = None

    @property
    def hz(self) -> float:
        """Frequency, equal-tempered at A4 = 440 Hz."""
        return float(440.0 * 2.0 ** ((self.pitch - 69.0) / 12.0))


@dataclass(frozen=True, slots=True)
class Voice:
    """One instrument: a family and what sets it apart.

    Attributes:
        family: name of a function in `FAMILIES`.
        brightness: in [0, 1]; how strong the high partials are.
        colour: in [0, 1]; the family's own second dimension.
        release_seconds: how long a note rings after its end.
    """

    family: str
    brightness: float
    colour: float
    release_seconds: float

    def render(self, note: Note, rng: np.random.Generator) -> Pcm:
        """Returns the samples of `note`, `note.seconds + release_seconds` long."""
        time = _seconds_axis(note.seconds + self.release_seconds)
        samples = FAMILIES[self.family](self, note, time, rng)
        release = max(1, int(self.release_seconds * RATE_HZ))
        samples[-release:] *= np.linspace(1.0, 0.0, release, dtype=np.float32) ** 2
        return samples


def _seconds_axis(seconds: float) -> Pcm:
    return np.arange(max(64, int(seconds * RATE_HZ)), dtype=np.float32) / np.float32(RATE_HZ)


def _partial_count(hz: float, most: int) -> int:
    return max(1, min(most, int(HIGHEST_PARTIAL_HZ / hz)))


def _attack(time: Pcm, seconds: float) -> Pcm:
    return np.asarray(np.minimum(time / np.float32(seconds), 1.0), dtype=np.float32)


def _wave(cycles: npt.NDArray[np.float64], weights: npt.NDArray[np.floating]) -> Pcm:
    """Reads one period, partial k + 1 as strong as `weights[k]`, at the given cycles."""
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(weights) + 1] = -1j * weights * (TABLE_SIZE / 2 / np.abs(weights).sum())
    table = np.fft.irfft(spectrum, TABLE_SIZE).astype(np.float32)
    return table[(cycles * TABLE_SIZE).astype(np.int64) % TABLE_SIZE]


def _cycles(
    note: Note, time: Pcm, vibrato_cents: float = 0.0, vibrato_hz: float = 0.0
) -> npt.NDArray[np.float64]:
    """Periods since the start of a tone that may slide in and sway."""
    if note.glide_from is None and not vibrato_cents:
        return np.arange(len(time), dtype=np.float64) * (note.hz / RATE_HZ)
    sway = np.sin(np.float32(2 * np.pi * vibrato_hz) * time)
    cents = np.float32(vibrato_cents) * _attack(time, 0.4) * sway
    if note.glide_from is not None:
        away = np.float32((note.glide_from - note.pitch) * 100.0)
        cents += away * np.exp(time * np.float32(-1 / 0.035))
    bend = np.exp2(cents / np.float32(1200.0))
    return np.cumsum(bend, dtype=np.float64) * (note.hz / RATE_HZ)


def struck(voice: Voice, note: Note, time: Pcm, rng: np.random.Generator) -> Pcm:
    """Piano, bell, marimba: partials that die the sooner the higher they are."""
    count = _partial_count(note.hz, 10)
    order = np.arange(1, count + 1)
    stretch = order * np.sqrt(1.0 + voice.colour * 4e-3 * order**2)
    weights = order ** -(2.6 - 1.8 * voice.brightness)
    total = np.zeros(len(time), dtype=np.float32)
    for partial, weight in zip(stretch, weights, strict=True):
        decay = np.float32(
            (1.2 + 0.5 * partial * (1.2 - voice.brightness)) * (note.hz / 300) ** 0.4
        )
        wave = np.sin(np.float32(2 * np.pi * note.hz * partial) * time + np.float32(rng.random()))
        total += np.float32(weight) * wave * np.exp(-decay * time)
    return total * _attack(time, 0.003) / np.float32(weights.sum())


def frequency_modulated(voice: Voice, note: Note, time: Pcm, _rng: np.random.Generator) -> Pcm:
    """Electric piano, brass, synth bass: one sine bends another."""
    ratio = (1.0, 2.0, 3.0, 0.5, 1.5, 3.5)[int(voice.colour * 5.999)]
    index = (0.5 + 4.0 * voice.brightness) * np.exp(-time * np.float32(2.0 + 3.0 * voice.colour))
    modulator = np.sin(np.float32(2 * np.pi * note.hz * ratio) * time)
    carrier = np.sin(np.float32(2 * np.pi * note.hz) * time + index.astype(np.float32) * modulator)
    fade = np.exp(-time * np.float32(0.9))
    return np.asarray(carrier * _attack(time, 0.006) * fade, dtype=np.float32)


def plucked(voice: Voice, note: Note, time: Pcm, rng: np.random.Generator) -> Pcm:
    """Guitar, santoor, sitar: a burst of noise in a damped delay line, one period at a time.

    Source: Karplus and Strong, Computer Music Journal 7(2), 1983.
    """
    period = max(2, round(RATE_HZ / note.hz))
    burst = rng.uniform(-1.0, 1.0, period).astype(np.float32)
    if voice.brightness < 0.6:
        burst = ((burst + np.roll(burst, 1)) / 2).astype(np.float32)
    rows = -(-len(time) // period)
    line = np.empty((rows, period), dtype=np.float32)
    loss = 0.5 ** (1.0 / max(2.0, note.hz * (0.25 + 0.5 * voice.colour)))
    same = np.float32(loss * (0.5 + 0.45 * voice.brightness))
    neighbour = np.float32(loss) - same
    line[0] = burst - burst.mean()
    for before, after in pairwise(line):
        np.multiply(before, same, out=after)
        after[1:] += neighbour * before[:-1]
        after[0] += neighbour * before[-1]
    samples = line.reshape(-1)[: len(time)].copy()
    peak = np.abs(samples).max()
    if voice.colour > 0.7:  # the flat bridge of a sitar clips the string once a period
        samples = np.tanh(3.0 * samples / peak)
        peak = np.float32(1.0)
    return samples / np.float32(peak)


def reed(voice: Voice, note: Note, time: Pcm, _rng: np.random.Generator) -> Pcm:
    """Harmonium, accordion, organ: two steady reeds a little apart."""
    count = _partial_count(note.hz, 12)
    order = np.arange(1, count + 1)
    weights = order ** -(1.9 - 1.2 * voice.brightness)
    if voice.colour > 0.5:
        weights[1::2] *= 0.35
    detune = Note(note.pitch + 0.04 + 0.08 * voice.colour, note.seconds)
    both = _wave(_cycles(note, time), weights)
    both += _wave(_cycles(detune, time), weights)
    return both * np.float32(0.6) * _attack(time, 0.03)


def sung(voice: Voice, note: Note, time: Pcm, rng: np.random.Generator) -> Pcm:
    """A singing voice: a glottal spectrum under the formants of one vowel, with vibrato."""
    count = _partial_count(note.hz, 24)
    hz = note.hz * np.arange(1, count + 1)
    vowels = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410))
    formants = vowels[int(rng.integers(len(vowels)))]
    weights = np.zeros(count)
    for formant, width, gain in zip(formants, (90, 130, 180), (1.0, 0.6, 0.35), strict=True):
        scaled = formant * (0.9 + 0.25 * voice.colour)
        weights += gain / (1.0 + ((hz - scaled) / (2 * width)) ** 2)
    weights *= np.arange(1, count + 1) ** -(0.9 - 0.6 * voice.brightness)
    cycles = _cycles(note, time, 18.0 + 30.0 * voice.colour, 5.0 + rng.random())
    breath = rng.standard_normal(len(time)).astype(np.float32) * np.float32(0.015)
    return (_wave(cycles, weights) * np.float32(1.6) + breath) * _attack(time, 0.05)


def blown(voice: Voice, note: Note, time: Pcm, rng: np.random.Generator) -> Pcm:
    """Flute, bansuri, whistle: few partials, breath, a slow sway."""
    weights = np.array([1.0, 0.25 + 0.5 * voice.brightness, 0.12, 0.05 + 0.1 * voice.colour])
    weights = weights[: _partial_count(note.hz, 4)]
    cycles = _cycles(note, time, 8.0 + 22.0 * voice.colour, 4.5 + rng.random())
    breath = rng.standard_normal(len(time)).astype(np.float32)
    breath = np.convolve(breath, np.array([0.25, 0.5, 0.25], dtype=np.float32), mode="same")
    tone = _wave(cycles, weights) * np.float32(1.2)
    blend = tone + np.float32(0.04 + 0.05 * voice.colour) * breath
    return np.asarray(blend * _attack(time, 0.06), dtype=np.float32)


def swelling(voice: Voice, note: Note, time: Pcm, rng: np.random.Generator) -> Pcm:
    """Strings, choir pad, tanpura: detuned saws that open slowly."""
    count = _partial_count(note.hz, 14)
    weights = np.arange(1, count + 1) ** -(1.6 - 0.8 * voice.brightness)
    total = np.zeros(len(time), dtype=np.float32)
    for cents in (-7.0, 5.0 + 6.0 * voice.colour):
        detuned = Note(note.pitch + cents / 100.0, note.seconds)
        total += _wave(_cycles(detuned, time, 4.0, 3.0 + rng.random()), weights)
    return total * np.float32(0.7) * _attack(time, 0.12 + 0.2 * voice.colour)


Family = Callable[[Voice, Note, Pcm, np.random.Generator], Pcm]
FAMILIES: dict[str, Family] = {
    "struck": struck,
    "fm": frequency_modulated,
    "plucked": plucked,
    "reed": reed,
    "sung": sung,
    "blown": blown,
    "swelling": swelling,
}
