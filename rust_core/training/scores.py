"""Draws scores for training: who plays which note when, in one of five ways of making music.

A score is a list of notes on General MIDI programs. Phrases come back varied, as they do in real
music, so that a piece holds moments that are nearly but not quite the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

DRUMS = 9
Draw = np.random.Generator

SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 8, 11),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
    (0, 2, 4, 6, 7, 9, 11),
    (0, 1, 4, 5, 7, 8, 11),
    (0, 1, 3, 5, 7, 8, 10),
    (0, 2, 4, 7, 9),
    (0, 3, 5, 7, 10),
    (0, 1, 4, 6, 7, 8, 11),
)
PROGRESSIONS = (
    (0, 3, 4, 0),
    (0, 4, 5, 3),
    (0, 5, 3, 4),
    (5, 3, 0, 4),
    (0, 0, 3, 4),
    (0, 2, 3, 4),
    (1, 4, 0, 0),
    (0, 6, 5, 4),
)
# General MIDI programs, from 0.
KEYS, ORGANS, GUITARS = (0, 1, 3, 4, 6, 8, 11, 12), (16, 18, 19, 20, 21), (24, 25, 26, 27, 29, 30)
BASSES, STRINGS, VOICES = (32, 33, 34, 35, 36, 38), (40, 41, 42, 44, 48, 49), (52, 53, 54, 85, 91)
BRASS, REEDS, PIPES = (56, 57, 58, 60, 61), (64, 65, 66, 68, 70, 71), (72, 73, 74, 75, 77, 79)
SYNTHS, INDIAN = (80, 81, 82, 84, 88, 89, 90, 94, 95), (104, 21, 22, 40, 73, 109, 111)
MELODIC = (*KEYS, *GUITARS, *STRINGS, *VOICES, *BRASS, *REEDS, *PIPES, *SYNTHS)
LONG = (*ORGANS, *STRINGS, *VOICES, *BRASS, *REEDS, *PIPES)


@dataclass(frozen=True)
class Note:
    """One note: MIDI channel, begin and length in seconds, MIDI pitch, velocity 1 to 127."""

    channel: int
    begin: float
    seconds: float
    pitch: int
    velocity: int


@dataclass
class Score:
    """What is played.

    Attributes:
        seconds: length.
        programs: General MIDI program of each channel.
        notes: in no order.
        sung: the line a voice may sing, a part of `notes`.
        bends: semitones a note of a channel glides in from; none for most.
    """

    seconds: float
    programs: dict[int, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    sung: list[Note] = field(default_factory=list)
    bends: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """What all voices of a piece share."""

    scale: tuple[int, ...]
    tonic: int
    step_seconds: float
    bar_steps: int
    bars: int

    @classmethod
    def draw(cls, seconds: float, rng: Draw) -> Frame:
        """Draws a key, a tempo and a metre."""
        step = 60 / rng.uniform(55, 185) / 2
        bar_steps = int(rng.choice([8, 8, 8, 6, 12, 7, 10]))
        scale = SCALES[rng.integers(len(SCALES))]
        bars = max(4, int(seconds / (step * bar_steps)))
        return cls(scale, int(rng.integers(54, 68)), step, bar_steps, bars)

    def pitch(self, degree: int) -> int:
        """Returns the MIDI pitch of a degree of the scale, 0 the tonic."""
        octave, index = divmod(degree, len(self.scale))
        return self.tonic + 12 * octave + self.scale[index]


@dataclass(frozen=True)
class Step:
    """A note of a phrase: at a step of the bar, for some steps, at a degree of the scale."""

    at: float
    steps: float
    degree: int


def phrase(frame: Frame, bars: int, busy: float, rng: Draw, start: int = 0) -> list[Step]:
    """Draws a line that wanders by small steps around a degree."""
    out, at, degree = [], 0.0, start
    lengths = [0.5, 1, 1, 2, 3, 4] if busy > 0.5 else [1, 2, 2, 3, 4, 8]
    while at < bars * frame.bar_steps:
        steps = float(rng.choice(lengths))
        if rng.random() < 0.88:
            out.append(Step(at, steps, degree))
        leap = rng.choice([-4, -2, -1, -1, 0, 1, 1, 2, 3])
        degree += int(leap if abs(degree + leap - start) < 7 else -np.sign(degree - start))
        at += steps
    return out


def varied(line: list[Step], share: float, rng: Draw) -> list[Step]:
    """Returns a phrase as a player repeats it: some notes elsewhere."""
    return [
        Step(n.at, n.steps, n.degree + int(rng.choice([-1, 1]))) if rng.random() < share else n
        for n in line
    ]


def play(
    score: Score, frame: Frame, channel: int, line: list[Step], bar: int, shift: int, rng: Draw,
    velocity: int = 90,
) -> list[Note]:  # fmt: skip
    """Adds a phrase to the score, from a bar on, as imprecisely as people play."""
    legato = rng.uniform(0.6, 1.05)
    played = []
    for step in line:
        begin = (bar * frame.bar_steps + step.at) * frame.step_seconds
        begin = max(0.0, begin + float(rng.normal(0, 0.008)))
        loudness = int(np.clip(velocity + rng.normal(0, 9), 20, 127))
        seconds = step.steps * frame.step_seconds * legato
        pitch = int(np.clip(frame.pitch(step.degree) + shift, 24, 104))
        played.append(Note(channel, begin, seconds, pitch, loudness))
    score.notes += played
    return played


def sections(frame: Frame, rng: Draw) -> list[tuple[int, int, int]]:
    """Returns (bar, bars, theme) of each section; themes come back."""
    length = int(rng.choice([2, 4, 4, 8]))
    kinds = int(rng.integers(2, 5))
    return [
        (bar, min(length, frame.bars - bar), int(rng.integers(kinds)))
        for bar in range(0, frame.bars, length)
    ]


def counterpoint(score: Score, frame: Frame, rng: Draw) -> None:
    """Two to five voices of their own, on instruments that hold their notes."""
    shared = int(rng.choice((*LONG, *KEYS)))
    voices = int(rng.integers(2, 6))
    themes: dict[tuple[int, int], list[Step]] = {}
    for voice in range(voices):
        score.programs[voice] = shared if rng.random() < 0.7 else int(rng.choice(LONG))
    busy = rng.random()
    for bar, bars, theme in sections(frame, rng):
        for voice in range(voices):
            key = (theme, voice)
            if key not in themes:
                themes[key] = phrase(
                    frame, bars, busy * rng.random(), rng, int(rng.integers(-2, 3))
                )
            line = varied(themes[key], 0.15, rng)
            play(score, frame, voice, line, bar, 12 - 10 * voice, rng, 80)


def tune(score: Score, frame: Frame, rng: Draw) -> None:
    """One melody, alone or over chords: dances, songs."""
    score.programs[0] = int(rng.choice(MELODIC))
    score.programs[1] = int(rng.choice((*KEYS, *GUITARS, *ORGANS)))
    accompanied = rng.random() < 0.5
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    themes: dict[int, list[Step]] = {}
    busy = rng.uniform(0.3, 1.0)
    for bar, bars, theme in sections(frame, rng):
        themes.setdefault(theme, phrase(frame, bars, busy, rng))
        played = play(score, frame, 0, varied(themes[theme], 0.1, rng), bar, 12, rng)
        score.sung += played
        if accompanied:
            chords(score, frame, 1, bar, bars, progression, rng)


def chords(
    score: Score, frame: Frame, channel: int, bar: int, bars: int,
    progression: tuple[int, ...], rng: Draw,
) -> None:  # fmt: skip
    """Adds chords: held, struck on the beats or broken."""
    way = rng.integers(3)
    for at in range(bar, bar + bars):
        root = progression[at % len(progression)]
        tones = [root, root + 2, root + 4, *([root + 6] if rng.random() < 0.2 else [])]
        if way == 0:
            line = [Step(0, frame.bar_steps, tone) for tone in tones]
        elif way == 1:
            hits = range(0, frame.bar_steps, 2)
            line = [Step(hit, 1, tone) for hit in hits if rng.random() < 0.85 for tone in tones]
        else:
            line = [Step(s, 1, tones[s % len(tones)]) for s in range(frame.bar_steps)]
        play(score, frame, channel, line, at, 0, rng, 68)


def band(score: Score, frame: Frame, rng: Draw) -> None:
    """Drums, bass, chords and a lead that is often sung."""
    score.programs |= {
        0: int(rng.choice(MELODIC)),
        1: int(rng.choice((*KEYS, *GUITARS, *SYNTHS))),
        2: int(rng.choice(BASSES)),
        3: int(rng.choice((*LONG, *SYNTHS))),
    }
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    kit = {
        step: int(rng.choice([35, 36, 38, 40, 42, 42, 46, 51, 54, 39, 70])) for step in range(24)
    }
    themes: dict[int, list[Step]] = {}
    for bar, bars, theme in sections(frame, rng):
        themes.setdefault(theme, phrase(frame, bars, rng.uniform(0.2, 0.9), rng))
        if rng.random() < 0.85:
            line = varied(themes[theme], 0.2, rng)
            score.sung += play(score, frame, 0, line, bar, 12, rng, 98)
        chords(score, frame, 1, bar, bars, progression, rng)
        if rng.random() < 0.3:
            chords(score, frame, 3, bar, bars, progression, rng)
        for at in range(bar, bar + bars):
            root = progression[at % len(progression)]
            bass = [Step(s, 2, root) for s in range(0, frame.bar_steps, 2) if rng.random() < 0.8]
            play(score, frame, 2, bass, at, -24, rng, 92)
            drums(score, frame, at, kit, rng)


def drums(score: Score, frame: Frame, bar: int, kit: dict[int, int], rng: Draw) -> None:
    """Adds one bar of drums: the same strokes each time, some left out, some added."""
    for step in range(frame.bar_steps):
        strokes = [36] if step % 4 == 0 else [38] if step % 4 == 2 else []
        strokes += [kit[step]] if rng.random() < 0.8 else []
        strokes += [int(rng.choice([42, 46, 49, 45, 47, 50]))] if rng.random() < 0.06 else []
        begin = (bar * frame.bar_steps + step) * frame.step_seconds
        for stroke in strokes:
            late = max(0.0, begin + float(rng.normal(0, 0.005)))
            score.notes.append(Note(DRUMS, late, 0.2, stroke, int(rng.integers(55, 115))))


def raga(score: Score, frame: Frame, rng: Draw) -> None:
    """A drone, hand drums and a line that glides from note to note."""
    lead = int(rng.choice((*INDIAN, *VOICES, *STRINGS)))
    score.programs |= {0: lead, 1: int(rng.choice((104, 105, 21, 48, 89))), 2: lead}
    score.bends[0] = float(rng.uniform(0.3, 1.5))
    cycle = [int(rng.choice([60, 61, 62, 63, 64, 65, 66, 78, 79])) for _ in range(frame.bar_steps)]
    themes: dict[int, list[Step]] = {}
    drone = [Step(s, 4, (0, 4, 7, 0)[s // 2 % 4]) for s in range(0, frame.bar_steps, 2)]
    silent = rng.random() < 0.2
    for bar, bars, theme in sections(frame, rng):
        themes.setdefault(theme, phrase(frame, bars, rng.uniform(0.3, 1.0), rng))
        line = varied(themes[theme], 0.35, rng)
        score.sung += play(score, frame, 0, line, bar, 12, rng, 100)
        for at in range(bar, bar + bars):
            play(score, frame, 1, drone, at, -12, rng, 62)
            for step, stroke in enumerate(() if silent else cycle):
                if rng.random() < 0.8:
                    begin = (at * frame.bar_steps + step) * frame.step_seconds
                    velocity = int(rng.integers(45, 110))
                    score.notes.append(Note(DRUMS, begin, 0.2, stroke, velocity))


def texture(score: Score, frame: Frame, rng: Draw) -> None:
    """Held chords and arpeggios without a melody: film and game music."""
    score.programs |= {0: int(rng.choice((*SYNTHS, *LONG))), 1: int(rng.choice((*KEYS, *SYNTHS)))}
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    for bar, bars, _ in sections(frame, rng):
        chords(score, frame, 0, bar, bars, progression, rng)
        if rng.random() < 0.6:
            chords(score, frame, 1, bar, bars, progression, rng)


STYLES: tuple[tuple[Callable[[Score, Frame, Draw], None], float], ...] = (
    (counterpoint, 0.28),
    (tune, 0.22),
    (band, 0.22),
    (raga, 0.2),
    (texture, 0.08),
)


def draw_score(seconds: float, rng: Draw) -> Score:
    """Draws one score of about so many seconds."""
    style = STYLES[rng.choice(len(STYLES), p=[share for _, share in STYLES])][0]
    score = Score(seconds)
    style(score, Frame.draw(seconds, rng), rng)
    return score
