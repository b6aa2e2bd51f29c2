"""Aim: excerpts are played as their course says, and both sides of a pair are the same moments.

Method: many draws of how to play; excerpts of composed music.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import sonica_core as core

from sonica_cli.demo.compose import compose
from sonica_cli.demo.encode import decode, encode

# A folder of scripts, not an installed package.
sys.path.insert(0, str(Path(__file__).parents[3] / "rust_core"))
from fitting.degradations import Degrader
from fitting.front_end import HOP_SAMPLES
from training.pairs import FIRST, THEN, WINDOWS_PER_EXCERPT, Course, Playback, draw_excerpt
from training.tracks import FULL_SCALE, Track

QUIET = Course(0.15, 0.1, 0.0, noise_share=0.0, signal_to_noise_max_db=12.0)


@pytest.mark.parametrize("course", [FIRST, THEN])
def test_excerpts_are_played_otherwise_as_often_as_their_course_says(course: Course) -> None:
    rng = np.random.default_rng(1)
    drawn = [Playback.draw(rng, course) for _ in range(5_000)]
    changed_hop = [one.hop_samples != HOP_SAMPLES for one in drawn]
    changed_rate = [one.rate != 1 for one in drawn]
    both = np.logical_and(changed_hop, changed_rate)
    assert np.mean(both) == pytest.approx(course.pitch_share, abs=0.02)
    assert np.mean(changed_hop) - np.mean(both) == pytest.approx(course.tempo_share, abs=0.02)
    assert np.mean(changed_rate) - np.mean(both) == pytest.approx(course.speed_share, abs=0.02)


def test_a_moment_is_heard_most_like_itself() -> None:
    piece = compose(5, 2, duration_seconds=30)
    audio = decode(encode(piece.pcm, piece.sample_rate_hz, ".wav"), core.SAMPLE_RATE_HZ)
    track = Track("piece", (audio / np.abs(audio).max() * FULL_SCALE).astype(np.int16))
    hits = []
    for seed in range(20):
        drawn = draw_excerpt(track, QUIET, Degrader([], 0.0, 0.0), np.random.default_rng(seed))
        assert drawn is not None
        clean, heard = drawn
        assert clean.shape == heard.shape == (WINDOWS_PER_EXCERPT, 24, 64)
        alike = np.corrcoef(heard.reshape(len(heard), -1), clean.reshape(len(clean), -1))
        nearest = alike[: len(heard), len(heard) :].argmax(axis=1)
        hits += list(nearest == np.arange(len(heard)))
    assert np.mean(hits) > 0.8
