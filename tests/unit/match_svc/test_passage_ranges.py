"""Aim: every candidate's place, and the margin around it, is read; nothing twice."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import sonica_core
from hypothesis import given
from hypothesis import strategies as st

from match_svc.passage_ranges import REFERENCE_STRIDE_FRAMES, PassageRange, passage_ranges

ROW_SECONDS = sonica_core.REFERENCE_HOP_SECONDS


@dataclass
class Place:
    """What the vote says of one candidate."""

    track_number: int
    offset_frames: int
    vote_score: float = 1.0


def test_a_row_is_sixteen_frames() -> None:
    assert REFERENCE_STRIDE_FRAMES == 16


def test_a_passage_reaches_beyond_the_clip_on_either_side() -> None:
    [found] = passage_ranges([Place(3, 1000)], 5.0)
    begin = 1000 * sonica_core.FRAME_SECONDS
    margin = sonica_core.PASSAGE_MARGIN_SECONDS
    assert found.track_number == 3
    assert found.first_row * ROW_SECONDS <= begin - margin
    assert found.past_row * ROW_SECONDS >= begin + 5.0 + margin
    assert found.row_count * ROW_SECONDS < 5.0 + 2 * margin + 3 * ROW_SECONDS


def test_a_passage_begins_with_the_track_at_the_earliest() -> None:
    assert passage_ranges([Place(1, -40)], 5.0)[0].first_row == 0


def test_a_clip_wholly_before_the_track_needs_nothing() -> None:
    assert passage_ranges([Place(1, -1000)], 5.0) == []


def test_tracks_come_in_the_order_of_their_best_candidate() -> None:
    places = [Place(9, 0), Place(2, 0), Place(9, 5000), Place(5, 0)]
    assert [found.track_number for found in passage_ranges(places, 1.0)] == [9, 9, 2, 5]


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(-500, 20_000)), max_size=40),
    st.floats(0.1, 15.0),
)
def test_ranges_cover_all_candidates_and_never_overlap(
    places: list[tuple[int, int]], seconds: float
) -> None:
    found = passage_ranges([Place(*place) for place in places], seconds)
    for track, offset in places:
        row = max(offset // 16, 0)
        inside = [r for r in found if r.track_number == track and r.first_row <= row < r.past_row]
        assert inside or offset + seconds / sonica_core.FRAME_SECONDS < 0
    rows = [(r.track_number, row) for r in found for row in range(r.first_row, r.past_row)]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("offset", [2**40, -(2**40)])
def test_absurd_offsets_are_only_far_away(offset: int) -> None:
    assert all(isinstance(r, PassageRange) for r in passage_ranges([Place(1, offset)], 5.0))
