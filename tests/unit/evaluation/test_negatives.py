"""Unknown clips are the same from the same seed, and of every kind."""

from __future__ import annotations

import io
import shutil
import wave
from collections import Counter

import numpy as np
import pytest

from tests.evaluation.negatives.blocks import LENGTHS, SHARES, NegativeId, make_block
from tests.evaluation.negatives.sounds import SOUNDS


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_sound_has_the_length_asked_for_and_no_bad_sample(kind: str) -> None:
    for seed in range(5):
        pcm = SOUNDS[kind](16_000 + seed, np.random.default_rng(seed))
        assert pcm.shape == (16_000 + seed,)
        assert pcm.dtype == np.float32
        assert np.isfinite(pcm).all()


@pytest.mark.parametrize("kind", SHARES)
def test_a_name_says_what_a_clip_is(kind: str) -> None:
    name = NegativeId(kind, "loud noise", 2.0, 31, 7)
    assert NegativeId.parse(str(name)) == name


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="speech needs espeak-ng")
def test_a_block_is_made_anew_the_same() -> None:
    few = dict.fromkeys(SHARES, 1)
    made = make_block(3, 5, [], few)
    kinds = Counter(NegativeId.parse(name).kind for name, _ in made)
    assert kinds == {kind: 1 for kind in SHARES if kind != "unregistered music"}
    assert len({name for name, _ in made}) == len(made)
    for name, audio in made:
        with wave.open(io.BytesIO(audio)) as file:
            seconds = file.getnframes() / file.getframerate()
        assert seconds == pytest.approx(NegativeId.parse(name).length_seconds, abs=0.01)
        assert seconds == pytest.approx(min(LENGTHS, key=lambda length: abs(length - seconds)))
    assert make_block(3, 5, [], few) == made
    assert make_block(4, 5, [], few) != made
