"""Aim: a filter means what it says, or the refusal says what is wrong and where."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from match_svc.errors import FilterInvalidError
from match_svc.filters import track_filter


def test_nothing_is_no_condition() -> None:
    assert track_filter("  ").conditions == []


def test_comparisons_become_conditions_and_values() -> None:
    wanted = track_filter('language = hi AND year >= 1970 AND artist != "Lata \\"L\\" M"')
    assert wanted.conditions == [
        "t.language = $3",
        "t.year >= $4",
        "NOT (t.artist = $5::text OR $5 = ANY(t.artists))",
    ]
    assert wanted.values == ["hi", 1970, 'Lata "L" M']


def test_external_ids_and_times() -> None:
    wanted = track_filter("external_ids.mbid = a-1 AND create_time < 2026-11-21T08:00:00Z")
    assert wanted.conditions == ["t.external_ids @> $3::jsonb", "t.create_time < $4"]
    assert wanted.values == ['{"mbid": "a-1"}', datetime(2026, 11, 21, 8, tzinfo=UTC)]
    (east,) = track_filter("create_time < 2026-11-21T08:00:00+02:00").values
    assert east == datetime(2026, 11, 21, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "what", "position"),
    [
        ("colour = red", "no field 'colour'", 0),
        ("year = soon", "'soon' is no year", 6),
        ("genre > rock", "by = and != only", 6),
        ("create_time > yesterday", "is no time", 13),
        ("create_time > 0001-01-01T00:00:00+14:00", "is no time", 13),
        ("create_time < 9999-12-31T23:59:59-14:00", "is no time", 13),
        ("genre = raga OR genre = rock", "joined by AND", 13),
        ("genre raga", "was expected, not 'genre raga'", 0),
        ('genre = "raga', "was expected", 0),
        ("genre = raga AND", "was expected, not ''", 16),
        (" AND ".join(["year = 1"] * 11), "more than 10", 129),
    ],
)
def test_refusals_say_what_and_where(text: str, what: str, position: int) -> None:
    with pytest.raises(FilterInvalidError, match=what) as caught:
        track_filter(text)
    assert caught.value.metadata["position"] == str(position)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        wanted = track_filter(text)
    except FilterInvalidError:
        return
    assert len(wanted.conditions) == len(wanted.values) <= 10
