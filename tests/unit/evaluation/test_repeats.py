"""Aim: an answer at a repeat of the clip's passage is told from one at a wrong place.

Method: a composed piece whose opening is put in once more, later and quieter, under other noise.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sonica_cli.demo.compose import compose
from sonica_cli.demo.encode import decode, encode
from tests.evaluation.answers import Answer
from tests.evaluation.judged import Judged
from tests.evaluation.repeats import ALIKE_MIN, RATE_HZ, alike, at_repeats
from tests.unit.evaluation.material import clip

REPEAT_SECONDS = 30.0


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    piece = compose(5, 1, duration_seconds=30)
    opening = piece.pcm[: 10 * piece.sample_rate_hz]
    whole = np.concatenate([piece.pcm[: 30 * piece.sample_rate_hz], 0.5 * opening])
    noise = np.random.default_rng(2).standard_normal(len(whole)).astype(np.float32)
    folder = tmp_path_factory.mktemp("wav")
    pcm = whole + 0.002 * noise
    (folder / "song.wav").write_bytes(encode(pcm, piece.sample_rate_hz, ".wav"))
    return folder


@pytest.mark.parametrize("seconds", [1.0, 5.0, 10.0])
def test_a_repeat_sounds_alike_and_another_place_does_not(wav: Path, seconds: float) -> None:
    pcm = decode(wav / "song.wav", RATE_HZ)
    assert alike(pcm, 0.0, REPEAT_SECONDS - 0.05, seconds) >= ALIKE_MIN
    assert alike(pcm, 0.0, 13.3, seconds) < ALIKE_MIN


def test_a_place_beyond_the_end_is_no_repeat(wav: Path) -> None:
    pcm = decode(wav / "song.wav", RATE_HZ)
    assert alike(pcm, 1.0, 100.0, 5.0) == 0.0


def test_of_the_answers_only_those_at_the_repeat_are_named(wav: Path) -> None:
    # Near the passage, at its repeat, and elsewhere.
    places = [2.02, 2.0 + REPEAT_SECONDS, 17.0]
    judged = []
    for number, place in enumerate(places):
        one = replace(clip(number), offset_seconds=2.0)
        heard = Answer(one.query_id, "song", place, 0.999, accepted=True)
        judged.append(Judged(one, heard, 0.5))
    assert at_repeats(judged, wav) == {judged[1].clip.query_id}
