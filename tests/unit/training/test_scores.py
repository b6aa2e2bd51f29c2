"""Aim: drawn scores are music a synthesiser can play, each its own, the same from the same seed.

Method: a hundred scores, one seed each; the styles one by one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

# A folder of scripts, not an installed package.
sys.path.insert(0, str(Path(__file__).parents[3] / "rust_core"))
from training.scores import DRUMS, STYLES, Frame, Score, draw_score

SECONDS = 40.0


def drawn(seed: int) -> Score:
    return draw_score(SECONDS, np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_score_and_another_another() -> None:
    assert drawn(3).notes == drawn(3).notes
    assert len({tuple(drawn(seed).notes) for seed in range(20)}) == 20


@pytest.mark.parametrize("seed", range(0, 100, 5))
def test_every_note_can_be_played(seed: int) -> None:
    score = drawn(seed)
    for note in score.notes:
        assert 0 <= note.begin < SECONDS + 15
        assert note.seconds > 0
        assert 24 <= note.pitch <= 104
        assert 1 <= note.velocity <= 127
        assert note.channel == DRUMS or note.channel in score.programs
    assert set(score.sung) <= set(score.notes)
    assert all(0 <= program <= 127 for program in score.programs.values())


@pytest.mark.parametrize("style", [style for style, _ in STYLES])
def test_every_style_fills_the_piece(style: object) -> None:
    assert callable(style)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        score = Score(SECONDS)
        style(score, Frame.draw(SECONDS, rng), rng)
        heard = {int(note.begin // 5) for note in score.notes}
        # No five seconds of silence before the end.
        assert heard >= set(range(int(SECONDS // 5) - 2)), seed
