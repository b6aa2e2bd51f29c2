"""Composes pieces of music from a seed: the catalogue of the demonstration and of the tests.

The same seed and index always give the same piece; different indices differ in style, tempo,
key, scale, instruments, structure and every note. Repeated sections are varied as players vary
them, so that a moment of a piece is heard once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sonica_cli.demo.drums import STROKES
from sonica_cli.demo.encode import encode
from sonica_cli.demo.melody import Step, phrase, varied
from sonica_cli.demo.styles import STYLES, Style
from sonica_cli.demo.timbres import RATE_HZ, Note, Pcm, Voice

if TYPE_CHECKING:
    from pathlib import Path

PEAK = 0.8
# Sections in the order they are played: what is heard, and how busy the melody is.
SECTIONS: tuple[tuple[str, str, float], ...] = (
    ("intro", "chords", 0.3),
    ("verse", "drums bass chords lead", 0.45),
    ("chorus", "drums bass chords lead counter", 0.7),
    ("verse", "drums bass chords lead", 0.45),
    ("bridge", "bass chords lead", 0.25),
    ("chorus", "drums bass chords lead counter", 0.7),
    ("outro", "drums chords lead", 0.3),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A composed piece of music.

    Attributes:
        title: as printed.
        artist: as printed.
        genre: as printed.
        sample_rate_hz: rate of `pcm`.
        pcm: mono float32, shape (n_samples,), in [-1, 1].
    """

    title: str
    artist: str
    genre: str
    sample_rate_hz: int
    pcm: Pcm

    @property
    def duration_seconds(self) -> float:
        """Length of the piece."""
        return len(self.pcm) / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class _Score:
    """What stays the same through one piece."""

    style: Style
    scale: tuple[int, ...]
    tonic: int
    step_seconds: float
    drums: tuple[str, ...]
    progression: tuple[int, ...]
    lead: Voice
    chords: Voice
    bass: Voice
    counter: Voice

    @property
    def bar_steps(self) -> int:
        return self.style.beats * self.style.steps_per_beat

    def pitch(self, degree: int) -> int:
        octave, index = divmod(degree, len(self.scale))
        return self.tonic + 12 * octave + self.scale[index]


class _Tape:
    """Mono samples that notes are added to."""

    def __init__(self, seconds: float) -> None:
        self.samples = np.zeros(int(seconds * RATE_HZ), dtype=np.float32)

    def add(self, at_seconds: float, sound: Pcm, gain: float) -> None:
        start = max(0, int(at_seconds * RATE_HZ))
        room = min(len(sound), len(self.samples) - start)
        if room > 0:
            self.samples[start : start + room] += sound[:room] * np.float32(gain)


def compose(seed: int, index: int, *, duration_seconds: float | None = None) -> Piece:
    """Composes piece `index` of the catalogue that grows from `seed`.

    Args:
        seed: the catalogue.
        index: the piece, from 0; there is no last one.
        duration_seconds: about how long, at least 5 s; by default 40 to 70 s, by the piece.

    Returns:
        The piece, 22,050 Hz mono; about 0.3 s of one core for a minute of music.
    """
    rng = np.random.default_rng((seed, index))
    style = STYLES[index % len(STYLES)]
    wanted = duration_seconds or float(rng.uniform(40.0, 70.0))
    score = _plan(style, rng)
    tape = _Tape(wanted)
    _play(score, tape, rng)
    title, artist = _names(style, seed, index)
    return Piece(title, artist, style.genre, RATE_HZ, _master(tape.samples, rng))


def _plan(style: Style, rng: np.random.Generator) -> _Score:
    tempo = float(rng.uniform(*style.tempo_bpm))
    scale = style.scales[int(rng.integers(len(style.scales)))]
    progression: tuple[int, ...] = (0,)
    if style.progressions:
        progression = style.progressions[int(rng.integers(len(style.progressions)))]
    return _Score(
        style=style,
        scale=scale,
        tonic=int(rng.integers(55, 67)),
        step_seconds=60.0 / tempo / style.steps_per_beat,
        drums=style.drums[int(rng.integers(len(style.drums)))],
        progression=progression,
        lead=_voice(style.lead, 0.12, rng),
        chords=_voice(style.chords, 0.25, rng),
        bass=_voice(("fm", "plucked", "struck"), 0.08, rng),
        counter=_voice(("struck", "plucked", "blown", "fm"), 0.2, rng),
    )


def _voice(families: tuple[str, ...], release_seconds: float, rng: np.random.Generator) -> Voice:
    family = families[int(rng.integers(len(families)))]
    return Voice(family, float(rng.random()), float(rng.random()), release_seconds)


def _play(score: _Score, tape: _Tape, rng: np.random.Generator) -> None:
    """Plays section after section until the tape is full."""
    bar_seconds = score.bar_steps * score.step_seconds
    bars = int(np.ceil(len(tape.samples) / RATE_HZ / bar_seconds))
    section_bars = max(2, round(bars / len(SECTIONS)))
    themes: dict[str, list[Step]] = {}
    kit = {letter: [STROKES[letter](rng) for _ in range(3)] for letter in STROKES}
    bar = 0
    while bar < bars:
        name, layers, busy = SECTIONS[min(bar // section_bars, len(SECTIONS) - 1)]
        length = min(section_bars, bars - bar)
        start = bar * bar_seconds
        if name not in themes:
            steps = section_bars * score.bar_steps
            themes[name] = phrase(steps, score.style.steps_per_beat, busy, rng)
        if "drums" in layers:
            _drums(score, tape, start, length, kit, rng)
        if "bass" in layers and score.style.progressions:
            _bass(score, tape, start, length, rng)
        _harmony(score, tape, start, length, rng)
        if "lead" in layers:
            themes[name] = varied(themes[name], 0.3, rng)
            _melody(score, tape, start, themes[name], rng)
        if "counter" in layers:
            _counter(score, tape, start, length, rng)
        bar += length


def _late(rng: np.random.Generator) -> float:
    """A player's error of timing, in seconds."""
    return float(rng.normal(0.0, 0.005))


def _drums(
    score: _Score,
    tape: _Tape,
    start: float,
    bars: int,
    kit: dict[str, list[Pcm]],
    rng: np.random.Generator,
) -> None:
    for bar in range(bars):
        fill = bar == bars - 1
        for layer in score.drums:
            for step, letter in enumerate(layer):
                stroke = letter
                if fill and step >= score.bar_steps * 3 // 4 and rng.random() < 0.5:
                    stroke = "n" if "d" in score.drums[0] else "t"
                elif letter == "." and rng.random() < 0.04:
                    stroke = "e" if "d" in score.drums[0] else "h"
                if stroke == "." or rng.random() < 0.04:
                    continue
                swing = score.style.swing * score.step_seconds * (step % 2)
                at = start + (bar * score.bar_steps + step) * score.step_seconds + swing
                sound = kit[stroke][int(rng.integers(3))]
                gain = 0.45 if stroke in "ho" else 0.75
                tape.add(at + _late(rng), sound, gain * (0.7 + 0.5 * rng.random()))


def _bass(score: _Score, tape: _Tape, start: float, bars: int, rng: np.random.Generator) -> None:
    beat = score.style.steps_per_beat * score.step_seconds
    for bar in range(bars):
        root = score.progression[bar % len(score.progression)]
        for beat_index in range(score.style.beats):
            if beat_index and rng.random() < 0.35:
                continue
            degree = root if beat_index == 0 else root + int(rng.choice([0, 0, 2, 4, -1]))
            at = start + (bar * score.style.beats + beat_index) * beat
            note = Note(score.pitch(degree) - 24, beat * float(rng.choice([0.5, 0.9])))
            gain = 0.4 * (0.8 + 0.4 * rng.random())
            tape.add(at + _late(rng), score.bass.render(note, rng), gain)


def _harmony(score: _Score, tape: _Tape, start: float, bars: int, rng: np.random.Generator) -> None:
    bar_seconds = score.bar_steps * score.step_seconds
    for bar in range(bars):
        at = start + bar * bar_seconds
        if not score.style.progressions:
            _drone(score, tape, at, bar_seconds, rng)
            continue
        root = score.progression[bar % len(score.progression)]
        inversion = int(rng.integers(3))
        degrees = [root, root + 2, root + 4]
        degrees[:inversion] = [d + len(score.scale) for d in degrees[:inversion]]
        hits = (0.0,) if score.chords.family == "swelling" else (0.0, 0.5)
        for hit in hits:
            for order, degree in enumerate(degrees):
                note = Note(score.pitch(degree) - 12, bar_seconds / len(hits) * 0.95)
                strum = order * 0.018 * float(rng.random())
                sound = score.chords.render(note, rng)
                when = at + hit * bar_seconds + strum + _late(rng)
                tape.add(when, sound, 0.17 * (0.8 + 0.4 * rng.random()))


def _drone(
    score: _Score, tape: _Tape, at: float, bar_seconds: float, rng: np.random.Generator
) -> None:
    """A tanpura's round: fifth, tonic, tonic, low tonic."""
    tanpura = Voice("plucked", 0.75, 0.9, 1.2)
    for string, semitones in enumerate((-5, 0, 0, -12)):
        when = at + bar_seconds * string / 4 + 2 * _late(rng)
        note = Note(score.tonic - 12 + semitones, bar_seconds / 3)
        tape.add(when, tanpura.render(note, rng), 0.16)


def _melody(
    score: _Score, tape: _Tape, start: float, steps: list[Step], rng: np.random.Generator
) -> None:
    sliding = score.lead.family in {"sung", "blown"} or score.lead.colour > 0.7
    previous: float | None = None
    for step in steps:
        pitch = float(score.pitch(step.degree))
        glide = previous if sliding and rng.random() < 0.4 else None
        note = Note(pitch, step.length * score.step_seconds * 0.92, glide)
        swing = score.style.swing * score.step_seconds * (step.at % 2)
        at = start + step.at * score.step_seconds + swing + _late(rng)
        tape.add(at, score.lead.render(note, rng), 0.42 * step.velocity)
        previous = pitch


def _counter(score: _Score, tape: _Tape, start: float, bars: int, rng: np.random.Generator) -> None:
    """A second, sparser line an octave above the chords."""
    steps = phrase(bars * score.bar_steps, score.style.steps_per_beat, 0.35, rng)
    for step in steps:
        note = Note(score.pitch(step.degree) + 12, step.length * score.step_seconds)
        at = start + step.at * score.step_seconds + _late(rng)
        tape.add(at, score.counter.render(note, rng), 0.13 * step.velocity)


def _master(samples: Pcm, rng: np.random.Generator) -> Pcm:
    """Puts the piece into a small room, rounds its peaks and fades its end."""
    tail = np.arange(int(0.35 * RATE_HZ)) / RATE_HZ
    room = rng.standard_normal(len(tail)) * np.exp(-tail * float(rng.uniform(12.0, 25.0)))
    room *= float(rng.uniform(0.1, 0.35)) / np.sqrt(np.square(room).sum())
    room[0] += 1.0
    size = -(-(len(samples) + len(room)) // 16_384) * 16_384
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(room.astype(np.float32), size)
    wet = np.fft.irfft(spectrum, size)[: len(samples)]
    loud = np.tanh(wet * (1.2 / (np.percentile(np.abs(wet), 99.5) + 1e-9)))
    fade = min(len(loud), RATE_HZ)
    loud[-fade:] *= np.linspace(1.0, 0.0, fade)
    finished: Pcm = (loud * (PEAK / (np.abs(loud).max() + 1e-9))).astype(np.float32)
    return finished


_FIRST = (
    "Monsoon",
    "Paper",
    "Midnight",
    "Saffron",
    "Silver",
    "Village",
    "Glass",
    "River",
    "Neon",
    "Mango",
    "Winter",
    "Copper",
    "Lantern",
    "Marigold",
    "Velvet",
    "Station",
    "Jasmine",
    "Harbour",
)
_SECOND = (
    "Rain",
    "Letters",
    "Train",
    "Courtyard",
    "Lights",
    "Morning",
    "Kites",
    "Boats",
    "Garden",
    "Shadows",
    "Roads",
    "Bangles",
    "Swing",
    "Mirror",
    "Festival",
    "Stars",
    "Window",
    "Echo",
)
_ARTISTS = (
    "Asha and the Riverboats", "Nila Varma", "The Paper Kites Union", "Devanand Quartet",
    "Meera Joshi", "Copper Lantern", "Rohan Tiwari", "The Slow Trains", "Kavya Ensemble",
    "Neon Harbour", "Bhola Prasad and Party", "Glass Garden",
)  # fmt: skip


def _names(style: Style, seed: int, index: int) -> tuple[str, str]:
    """Title and artist; titles come back only after all have been used."""
    order = np.random.default_rng(seed).permutation(len(_FIRST) * len(_SECOND))
    edition, place = divmod(index, len(order))
    first, second = divmod(int(order[place]), len(_SECOND))
    suffix = {"Raga": " (alap and gat)", "Bhajan": " Bhajan", "Ghazal": " Ghazal"}
    title = f"{_FIRST[first]} {_SECOND[second]}{suffix.get(style.genre, '')}"
    artist = _ARTISTS[(index * 5 + int(order[0])) % len(_ARTISTS)]
    return (f"{title}, part {edition + 1}" if edition else title), artist


def write(piece: Piece, path: Path) -> None:
    """Writes the piece, with its tags, in the format the suffix of `path` names.

    Args:
        piece: what to write.
        path: ends in one of `encode.FORMATS`: .wav, .flac, .mp3, .m4a, .ogg, .opus, .webm.

    Raises:
        KeyError: for any other suffix.
        OSError: the file cannot be written.
    """
    tags = {"title": piece.title, "artist": piece.artist, "genre": piece.genre}
    path.write_bytes(encode(piece.pcm, piece.sample_rate_hz, path.suffix, tags=tags))
