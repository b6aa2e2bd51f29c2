"""Aim: the two-second index finds the landmarks of any run of frames."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from match_svc.landmark_starts import BUCKET_FRAMES, landmark_starts


def _encoded(frames: list[int]) -> bytes:
    table = np.zeros((len(frames), 2), dtype="<u4")
    table[:, 0] = frames
    return table.tobytes()


def test_without_landmarks_there_is_one_start() -> None:
    assert landmark_starts(b"") == [0]


def test_a_landmark_on_a_border_is_in_the_later_bucket() -> None:
    assert landmark_starts(_encoded([0, 63, 64, 200])) == [0, 2, 3, 3, 4]


@given(st.lists(st.integers(0, 5_000), max_size=200).map(sorted))
def test_starts_cut_out_each_bucket(frames: list[int]) -> None:
    starts = landmark_starts(_encoded(frames))
    assert starts[0] == 0
    assert starts[-1] == len(frames)
    for bucket, (first, past) in enumerate(pairwise(starts)):
        assert all(frame // BUCKET_FRAMES == bucket for frame in frames[first:past])
