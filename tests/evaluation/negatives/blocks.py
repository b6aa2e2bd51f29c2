"""Blocks of a hundred unknown clips: the unit that is made, asked for and forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonica_cli.demo.degrade import KINDS, degrade
from sonica_cli.demo.encode import encode
from sonica_cli.demo.timbres import Pcm
from tests.evaluation.negatives.music import Sound, composed, excerpts
from tests.evaluation.negatives.sounds import RATE_HZ, SOUNDS
from tests.evaluation.negatives.speech import babble, utterance

# Clips of each kind in a block; together a hundred.
SHARES = {
    "composed music": 30,
    "unregistered music": 20,
    "speech": 16,
    "babble": 8,
    "noise": 6,
    "rhythmic noise": 8,
    "tones": 4,
    "sweeps": 3,
    "clicks": 3,
    "silence": 2,
}
BLOCK = sum(SHARES.values())
# Seconds, in the proportions they are drawn in.
LENGTHS = (1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 5.0, 5.0, 5.0, 10.0)
_CLIPS_AN_UTTERANCE = 3


@dataclass(frozen=True, slots=True)
class NegativeId:
    """What an unknown clip is, as its query id says.

    Attributes:
        kind: a key of `SHARES`.
        degradation: of `sonica_cli.demo.degrade`.
        length_seconds: of the clip.
        block: the block it belongs to.
        place: its place in the block.
    """

    kind: str
    degradation: str
    length_seconds: float
    block: int
    place: int

    def __str__(self) -> str:
        kind, degradation = self.kind.replace(" ", "_"), self.degradation.replace(" ", "_")
        return f"{kind}/{degradation}/{self.length_seconds:g}s/{self.block:05d}-{self.place:02d}"

    @classmethod
    def parse(cls, text: str) -> NegativeId:
        """Returns what `str` made the text of.

        Raises:
            ValueError: it is no such text.
        """
        kind, degradation, length, place = text.replace("_", " ").split("/")
        block, _, number = place.partition("-")
        return cls(kind, degradation, float(length.removesuffix("s")), int(block), int(number))


def make_block(
    seed: int, block: int, tracks: list[Path], shares: Mapping[str, int] = SHARES
) -> list[tuple[str, bytes]]:
    """Makes one block; the same arguments give the same clips.

    Args:
        seed: of all blocks.
        block: which one, from 0.
        tracks: music that is never registered; empty leaves its kind out.
        shares: how many clips of each kind.

    Returns:
        (query id, WAV file) of each clip, in an order that mixes the kinds.
    """
    rng = np.random.default_rng((seed, block))
    clips = []
    place = 0
    for kind, count in shares.items():
        lengths = [float(length) for length in rng.choice(LENGTHS, count)]
        if kind == "unregistered music" and not tracks:
            continue
        for (pcm, rate_hz), seconds in zip(
            _sounds(kind, lengths, (seed, block), tracks, rng), lengths, strict=True
        ):
            degradation = "clean" if rng.random() < 0.5 else str(rng.choice(KINDS[1:]))
            name = NegativeId(kind, degradation, seconds, block, place)
            heard = degrade(_levelled(pcm, rng), rate_hz, degradation, rng)
            clips.append((str(name), encode(heard, rate_hz, ".wav")))
            place += 1
    return [clips[i] for i in rng.permutation(len(clips))]


def _sounds(
    kind: str,
    lengths: list[float],
    origin: tuple[int, int],
    tracks: list[Path],
    rng: np.random.Generator,
) -> list[Sound]:
    if kind == "composed music":
        return composed(*origin, lengths, rng)
    if kind == "unregistered music":
        return list(excerpts(tracks, lengths, rng))
    if kind == "speech":
        return [(pcm, RATE_HZ) for pcm in _speech(lengths, rng)]
    if kind == "babble":
        voices = [utterance(8.0, rng) for _ in range(6)]
        return [(babble(voices, seconds, rng), RATE_HZ) for seconds in lengths]
    return [(SOUNDS[kind](int(seconds * RATE_HZ), rng), RATE_HZ) for seconds in lengths]


def _speech(lengths: list[float], rng: np.random.Generator) -> list[Pcm]:
    """Cuts several clips of each utterance: starting espeak-ng costs more than its speech."""
    clips = []
    for first in range(0, len(lengths), _CLIPS_AN_UTTERANCE):
        some = lengths[first : first + _CLIPS_AN_UTTERANCE]
        spoken = utterance(sum(some), rng)
        begin = 0
        for seconds in some:
            count = int(seconds * RATE_HZ)
            clips.append(spoken[begin : begin + count])
            begin += count
    return clips


def _levelled(pcm: Pcm, rng: np.random.Generator) -> Pcm:
    """Returns the sound as loud as a phone hears it, -36 to -14 dB; silence stays silent."""
    power = float(np.sqrt(np.square(pcm).mean()))
    if power < 10 ** (-58 / 20):
        return pcm
    gain = 10 ** (rng.uniform(-36, -14) / 20) / power
    levelled: Pcm = np.clip(pcm * np.float32(gain), -1, 1)
    return levelled
