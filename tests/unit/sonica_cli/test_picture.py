"""The picture of a match: what is drawn where, with and without the recording's sound."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import sonica_core
from PIL import Image
from sonica_client import Evidence, Match, Track

from sonica_cli.explanation import Explanation, _landmarks, _peaks, _possible, _source_path
from sonica_cli.picture import Box, _ticks, draw

RATE = sonica_core.SAMPLE_RATE_HZ


def explanation(*, with_sound: bool) -> Explanation:
    rng = np.random.default_rng(1)
    tones = np.sin(np.cumsum(np.repeat(rng.uniform(0.2, 2.0, 80), RATE // 10)))
    sound = (0.4 * tones).astype(np.float32)
    table = sonica_core.landmark_table(_landmarks(sound, 1))
    clip = sound[: 4 * RATE]
    ours = sonica_core.landmark_table(_landmarks(clip, 1))
    match = Match(
        track=Track(title="गीत", artist="?"),
        track_offset=dt.timedelta(0),
        score=0.9,
        speed_factor=1.0,
        evidence=Evidence(mean_cosine=0.9),
    )
    return Explanation(
        match=match,
        accepted=with_sound,
        clip=clip,
        clip_peaks=_peaks(ours),
        passage=sound if with_sound else None,
        passage_start=0.0,
        passage_seconds=8.0,
        passage_peaks=_peaks(table),
        agreeing=np.array([[1.0, 1.0], [2.0, 2.0]], dtype=np.float32),
        possible=_possible(ours, table),
        source="",
    )


@pytest.mark.parametrize("with_sound", [True, False])
def test_picture(tmp_path: Path, with_sound: bool) -> None:
    draw(explanation(with_sound=with_sound), tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    clip, passage = pixels[100:400, 70:620], pixels[100:400, 700:1200]
    assert len(np.unique(clip.reshape(-1, 3), axis=0)) > 100
    assert (len(np.unique(passage.reshape(-1, 3), axis=0)) > 100) == with_sound


def test_equal_landmarks_are_paired() -> None:
    shown = explanation(with_sound=True)
    on_the_line = np.abs(shown.possible[:, 0] - shown.possible[:, 1]) < 0.01
    assert on_the_line.sum() > 10


def test_axes() -> None:
    box = Box(0, 0, 100, 50, 10.0, 20.0, 0.0, 1.0)
    assert box.point(15.0, 0.5) == (50.0, 25.0)
    assert _ticks(0.0, 15.0) == [0.0, 5.0, 10.0, 15.0]
    assert _ticks(7.2, 8.1)[0] == 7.2
    assert 4 <= len(_ticks(0, 4000)) <= 9


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a%20b/c.flac", Path("/a b/c.flac")),
        ("https://example.org/c.flac", None),
        ("file://server/c.flac", None),
        ("", None),
    ],
)
def test_only_local_files_are_opened(uri: str, path: Path | None) -> None:
    assert _source_path(uri) == path
