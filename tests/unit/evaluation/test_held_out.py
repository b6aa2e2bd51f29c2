"""Aim: a recording lies on one side only, registered or unknown, however often a folder holds it.

Method: composed pieces as files, one of which opens with the middle of another under noise; and
orders and pairs written by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from sonica_cli.demo.compose import compose
from sonica_cli.demo.encode import encode
from sonica_cli.demo.timbres import RATE_HZ
from tests.evaluation.corpus import Corpus
from tests.evaluation.held_out import copies

sys.path.insert(0, str(Path(__file__).parents[3] / "rust_core"))
from fitting.copies import pairs


def test_a_quoted_passage_makes_a_pair(tmp_path: Path) -> None:
    first, second, third = (compose(5, index, duration_seconds=30).pcm.copy() for index in range(3))
    noise = np.random.default_rng(4).standard_normal(15 * RATE_HZ).astype(np.float32)
    third[: 15 * RATE_HZ] = 0.5 * first[9 * RATE_HZ : 24 * RATE_HZ] + 0.005 * noise
    paths = []
    for name, pcm in (("a", first), ("b", second), ("c", third)):
        paths.append(tmp_path / f"{name}.wav")
        paths[-1].write_bytes(encode(pcm, RATE_HZ, ".wav"))

    assert pairs(paths) == [(paths[0], paths[2])]


def test_of_a_recording_the_track_drawn_first_is_kept() -> None:
    assert copies(["b", "c", "a"], [("a", "b"), ("x", "c")]) == {"a": "b"}


def test_what_only_a_left_out_track_shares_stays() -> None:
    assert copies(["a", "b", "c"], [("a", "b"), ("b", "c")]) == {"b": "a"}


def test_another_half_of_the_same_tracks_is_another_catalogue(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    corpus = Corpus(tmp_path, manifest, tmp_path / "queries.csv")
    names = set()
    for registered in "01":
        manifest.write_text(f"track_id,in_index\na,{registered}\n")
        names.add(corpus.catalogue)
    assert len(names) == 2
