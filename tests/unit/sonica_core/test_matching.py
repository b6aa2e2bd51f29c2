"""Aim: vote and align find a clip where it was cut from, and nothing where it was not.

Method: a small catalogue of composed tracks, searched exactly; clips are cut at odd places, some
with noise over them, some of tracks that are not registered.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import sonica_core as core

sys.path.insert(0, str(Path(__file__).parents[3] / "rust_core"))
from fitting.catalogue import (
    Catalogue,
    extract,
)

RATE = core.SAMPLE_RATE_HZ
TRACK_COUNT = 12
Audio = npt.NDArray[np.float32]


def compose(seed: int, seconds: float = 40) -> Audio:
    """Returns plucked notes and drums; every seed has its own tuning, timbre and rhythm."""
    rng = np.random.default_rng([seed, 7])
    time = np.arange(int(seconds * RATE)) / RATE
    audio = np.zeros(len(time))
    scale_hz = 110 * 2 ** rng.uniform(0, 3, 12)
    brightness = rng.uniform(0.5, 2)
    for begin in np.cumsum(rng.uniform(0.05, 0.4, int(seconds * 4))):
        if begin > seconds - 1:
            break
        at = slice(int(begin * RATE), int(begin * RATE) + RATE)
        local = time[:RATE]
        hz = rng.choice(scale_hz)
        decay = rng.uniform(2, 12)
        for harmonic in range(1, 6):
            tone = np.sin(2 * np.pi * hz * harmonic * local) * np.exp(-decay * local)
            audio[at] += tone / harmonic**brightness
        audio[at] += rng.standard_normal(RATE) * np.exp(-60 * local) * rng.uniform(0, 1)
    return (0.1 * audio).astype(np.float32)


@pytest.fixture(scope="module", params=core.ALGORITHM_VERSIONS)
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    return Catalogue([compose(seed) for seed in range(TRACK_COUNT)], request.param)


def recognise(catalogue: Catalogue, clip: Audio) -> list[core.Alignment]:
    return catalogue.recognise(extract(clip, "query", catalogue.version))


@pytest.mark.parametrize("seconds", [1, 2, 5, 10])
@pytest.mark.parametrize("track", [0, 5, 11])
def test_a_clean_clip_is_found_to_the_frame(catalogue: Catalogue, track: int, seconds: int) -> None:
    begin = 13.371
    clip = compose(track)[int(begin * RATE) :][: seconds * RATE]
    best = recognise(catalogue, clip)[0]
    assert best.track_number == track
    # One second is little evidence: it may stay below the gate, though not far.
    assert best.accepted or (seconds == 1 and best.score > 0.8)
    # One second holds four rows of the query; half their hop is as fine as they can tell.
    assert best.track_offset_seconds == pytest.approx(begin, abs=0.064 if seconds == 1 else 0.05)
    assert best.clip_offset_seconds == 0
    assert best.matched_duration_seconds == pytest.approx(seconds, abs=0.3)
    assert best.speed_factor == 1
    assert not best.ambiguous
    assert best.aligned_landmark_count <= best.clip_landmark_count


@pytest.mark.parametrize(("rows", "stride"), [(24, 1), (25, 2), (48, 2), (49, 3), (512, 3)])
def test_of_a_long_clip_not_every_row_is_searched_with(rows: int, stride: int) -> None:
    silence = b"\0" * 5
    searched = core.searched_rows(silence + b"\1" * rows + silence)
    assert np.flatnonzero(searched).tolist() == list(range(5, 5 + rows, stride))


def test_noise_over_a_clip_is_forgiven(catalogue: Catalogue) -> None:
    clip = compose(4)[15 * RATE : 20 * RATE]
    noise = np.random.default_rng(0).standard_normal(len(clip)).astype(np.float32)
    best = recognise(catalogue, clip + noise * clip.std())[0]
    assert (best.track_number, best.accepted) == (4, True)


@pytest.mark.parametrize("speed", [0.975, 1.02])
def test_the_speed_of_a_clip_is_found_by_version_2(speed: float) -> None:
    tracks = [compose(seed) for seed in range(TRACK_COUNT)]
    begin, seconds = 11.7, 10
    times = begin + speed * np.arange(seconds * RATE) / RATE
    clip = np.interp(times, np.arange(len(tracks[6])) / RATE, tracks[6]).astype(np.float32)
    for version in core.ALGORITHM_VERSIONS:
        best = recognise(Catalogue(tracks, version), clip)[0]
        assert best.track_number == 6
        assert best.speed_factor == (1 if version == 1 else pytest.approx(speed, abs=0.004))
    # Over the whole clip, the track runs a quarter of a second away from it.
    assert best.track_offset_seconds == pytest.approx(begin, abs=0.03)
    assert best.aligned_landmark_count > 5 + best.chance_landmark_count


@pytest.mark.parametrize("seconds", [1, 2, 5, 10])
def test_unknown_music_and_noise_have_no_answer(catalogue: Catalogue, seconds: int) -> None:
    rng = np.random.default_rng(seconds)
    strangers = [compose(100 + seed)[9 * RATE :][: seconds * RATE] for seed in range(4)]
    strangers.append((0.1 * rng.standard_normal(seconds * RATE)).astype(np.float32))
    for clip in strangers:
        found = recognise(catalogue, clip)
        assert not any(alignment.accepted for alignment in found)


def test_silence_has_no_candidates(catalogue: Catalogue) -> None:
    assert recognise(catalogue, np.zeros(5 * RATE, np.float32)) == []


@pytest.mark.parametrize("version", core.ALGORITHM_VERSIONS)
def test_a_copy_makes_the_answer_ambiguous(version: int) -> None:
    tracks = [compose(seed) for seed in range(6)]
    both = Catalogue([*tracks, tracks[2][: 30 * RATE]], version)
    found = recognise(both, tracks[2][8 * RATE : 13 * RATE])
    assert {found[0].track_number, found[1].track_number} == {2, 6}
    assert all(alignment.ambiguous and alignment.accepted for alignment in found[:2])


def test_scores_fall_and_every_track_comes_once(catalogue: Catalogue) -> None:
    found = recognise(catalogue, compose(3)[: 5 * RATE])
    scores = [alignment.score for alignment in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    tracks = [alignment.track_number for alignment in found]
    assert len(set(tracks)) == len(tracks)


def test_matched_landmarks_lie_on_the_line(catalogue: Catalogue) -> None:
    track = compose(1)
    clip = extract(track[10 * RATE : 15 * RATE], "query")
    reference = extract(track, "reference")
    pairs = core.matched_landmarks(1, clip.landmarks, reference.landmarks, 10.0)
    assert len(pairs) > 10
    np.testing.assert_allclose(pairs[:, 1] - pairs[:, 0], 10.0, atol=0.1)
    assert len(core.matched_landmarks(1, clip.landmarks, reference.landmarks, 27.3)) < 10
    drifted = core.matched_landmarks(2, clip.landmarks, reference.landmarks, 10.0, 1.05)
    assert len(drifted) < len(pairs) / 2


def test_bad_neighbours_are_refused() -> None:
    ids = np.zeros((2, 3), np.uint64)
    with pytest.raises(core.InvalidArgumentError, match="shape"):
        core.vote(1, ids, np.zeros((3, 2), np.float32), 5)
    with pytest.raises(core.InvalidArgumentError, match="finite"):
        core.vote(1, ids, np.full((2, 3), np.nan, np.float32), 5)
    with pytest.raises(core.InvalidArgumentError, match="contiguous"):
        core.vote(1, ids.T, np.zeros((2, 3), np.float32).T, 5)
    with pytest.raises(TypeError):
        core.vote(1, ids.astype(np.int32), np.zeros((2, 3), np.float32), 5)  # type: ignore[arg-type]  # the point
    nobody = np.full((2, 3), 2**64 - 1, np.uint64)
    assert core.vote(1, nobody, np.zeros((2, 3), np.float32), 5) == []


def test_bad_passages_are_refused() -> None:
    query = core.QueryFingerprint(1, b"", b"", b"", 0.0)
    assert core.align(1, query, []) == []
    far = core.ReferencePassage(1, 1, core.ROWS_MAX, b"", b"", b"")
    with pytest.raises(core.InvalidArgumentError, match="at most"):
        core.align(1, query, [far])
    other = core.ReferencePassage(4, 1, 0, b"", b"", b"")
    with pytest.raises(core.InvalidArgumentError, match="of version 4; all must be of version 1"):
        core.align(1, query, [other])
    with pytest.raises(core.InvalidArgumentError, match="of version 1; all must be of version 4"):
        core.align(4, query, [])
    with pytest.raises(core.UnsupportedAlgorithmError):
        core.align(max(core.ALGORITHM_VERSIONS) + 1, query, [])
