"""The styles pieces are written in: tempo, metre, scale, drum patterns and instruments.

Drum patterns are strings of one stroke a step (names in `drums.STROKES`), `.` for a rest, one
string a layer; a bar has `beats` x `steps_per_beat` steps.
"""

from __future__ import annotations

from dataclasses import dataclass

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
DORIAN = (0, 2, 3, 5, 7, 9, 10)
MIXOLYDIAN = (0, 2, 4, 5, 7, 9, 10)
PENTATONIC = (0, 2, 4, 7, 9)
BLUES = (0, 3, 5, 6, 7, 10)
BHUPALI = (0, 2, 4, 7, 9)
YAMAN = (0, 2, 4, 6, 7, 9, 11)
BHAIRAV = (0, 1, 4, 5, 7, 8, 11)
KAFI = (0, 2, 3, 5, 7, 9, 10)
BHAIRAVI = (0, 1, 3, 5, 7, 8, 10)


@dataclass(frozen=True, slots=True)
class Style:
    """How pieces of one genre are made.

    Attributes:
        genre: as printed.
        tempo_bpm: slowest and fastest, in beats a minute.
        beats: beats a bar.
        steps_per_beat: grid of drums and melody.
        scales: semitones above the tonic; one is chosen a piece.
        drums: patterns to choose from, each a tuple of layers.
        lead: timbre families for the melody.
        chords: timbre families for the harmony.
        progressions: scale degrees of four chords, 0 = tonic; empty for a drone.
        swing: how much every second step is late, as a part of a step.
    """

    genre: str
    tempo_bpm: tuple[int, int]
    beats: int
    steps_per_beat: int
    scales: tuple[tuple[int, ...], ...]
    drums: tuple[tuple[str, ...], ...]
    lead: tuple[str, ...]
    chords: tuple[str, ...]
    progressions: tuple[tuple[int, ...], ...]
    swing: float = 0.0


STYLES: tuple[Style, ...] = (
    Style(
        "Pop",
        (96, 128),
        4,
        4,
        (MAJOR, MIXOLYDIAN),
        (("k...s...k.k.s...", "h.h.h.h.h.h.h.h."), ("k.....k.s.......", "o...h...o...h...")),
        ("sung", "struck", "fm"),
        ("struck", "swelling", "plucked"),
        ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4)),
    ),
    Style(
        "Hindi film",
        (84, 116),
        4,
        4,
        (KAFI, YAMAN, MINOR),
        (("d.g.n.e.n.g.d.n.", "............o..."), ("d...g.n.n.g.d.n.", "h.h.h.h.h.h.h.h.")),
        ("sung", "blown"),
        ("swelling", "reed", "plucked"),
        ((0, 5, 3, 4), (0, 3, 6, 4), (0, 6, 5, 4)),
    ),
    Style(
        "Rock",
        (108, 150),
        4,
        4,
        (MINOR, DORIAN, BLUES),
        (("k...s..kk...s...", "h.h.h.h.h.h.h.o."), ("k.k.s...k.k.s.s.", "o...o...o...o...")),
        ("reed", "plucked", "sung"),
        ("plucked", "reed"),
        ((0, 6, 5, 6), (0, 3, 4, 3), (0, 2, 6, 3)),
    ),
    Style(
        "Ghazal",
        (62, 84),
        6,
        2,
        (KAFI, BHAIRAVI, YAMAN),
        (("d.n.n.g.n.n.",), ("d.e.n.g.n.e.",), ("d.nen.g.nen.",)),
        ("sung",),
        ("reed", "swelling"),
        ((0, 3, 4, 0), (0, 5, 4, 0)),
    ),
    Style(
        "Electronic",
        (118, 136),
        4,
        4,
        (MINOR, DORIAN),
        (
            ("k...k...k...k...", "..o...o...o...o.", "....c.......c..."),
            ("k..k..k.k..k..k.", "h.hhh.hhh.hhh.hh", "....c.......c..."),
        ),
        ("fm", "reed"),
        ("swelling", "fm"),
        ((0, 5, 2, 6), (0, 3, 5, 4), (0, 0, 5, 6)),
    ),
    Style(
        "Raga",
        (58, 96),
        8,
        2,
        (BHUPALI, YAMAN, BHAIRAV, BHAIRAVI),
        (("d.n.n.d.d.n.n.d.",), ("d.e.n.e.g.e.n.d.",)),
        ("plucked", "blown"),
        ("swelling",),
        (),
    ),
    Style(
        "Folk",
        (96, 140),
        3,
        4,
        (MAJOR, DORIAN, PENTATONIC),
        (("k...h...h...", "........t..."), ("k.....s.h...",)),
        ("blown", "plucked", "reed"),
        ("plucked", "struck"),
        ((0, 3, 4, 0), (0, 5, 3, 4)),
    ),
    Style(
        "Bhojpuri folk",
        (100, 132),
        4,
        4,
        (KAFI, MIXOLYDIAN, PENTATONIC),
        (("d.n.e.n.gn.nd.n.", "o...o...o...o..."), ("d.neg.n.d.neg.nn", "..c...c...c...c.")),
        ("sung", "reed"),
        ("reed", "plucked"),
        ((0, 0, 3, 4), (0, 6, 0, 4)),
    ),
    Style(
        "Blues",
        (72, 118),
        4,
        3,
        (BLUES,),
        (("k..s..k..s..", "h.hh.hh.hh.h"),),
        ("plucked", "reed", "struck"),
        ("struck", "reed"),
        ((0, 3, 0, 4), (0, 0, 3, 4)),
        0.1,
    ),
    Style(
        "Bhajan",
        (76, 108),
        4,
        4,
        (BHUPALI, KAFI, BHAIRAV),
        (("d.n.g.n.n.g.d.n.", "o.......o......."), ("d...n...g...n.n.", "..o...o...o...o.")),
        ("sung", "blown", "reed"),
        ("reed",),
        (),
    ),
    Style(
        "Ballad",
        (60, 80),
        4,
        4,
        (MAJOR, MINOR),
        (("k.......s.......", "h...h...h...h..."), ("k.....k.s.......",)),
        ("struck", "blown", "sung"),
        ("struck", "swelling"),
        ((0, 4, 5, 3), (0, 2, 3, 4), (5, 4, 3, 0)),
    ),
    Style(
        "Chiptune",
        (124, 164),
        4,
        4,
        (MAJOR, PENTATONIC, MINOR),
        (("k.h.s.h.k.h.s.h.",), ("k.hhs.h.kkh.s.hs",)),
        ("reed", "fm"),
        ("fm", "reed"),
        ((0, 5, 3, 4), (0, 3, 4, 0)),
    ),
)
