"""Intervals of counted shares, against published and closed-form values."""

from __future__ import annotations

import pytest

from tests.evaluation.intervals import upper_bound, wilson


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # Newcombe 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    count: int, total: int, low: float, high: float
) -> None:
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_the_same_from_either_side() -> None:
    low, high = wilson(7, 50)
    assert wilson(43, 50) == pytest.approx((1 - high, 1 - low))


def test_nothing_seen_tells_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert upper_bound(0, 0) == 1.0


def test_no_event_in_n_is_bounded_by_about_three_in_n() -> None:
    assert upper_bound(0, 30_000) == pytest.approx(1 - 0.05 ** (1 / 30_000))
    assert upper_bound(0, 30_000) == pytest.approx(3 / 30_000, rel=0.002)


def test_more_events_have_a_higher_bound() -> None:
    bounds = [upper_bound(count, 100) for count in range(101)]
    assert bounds == sorted(bounds)
    assert all(bound >= count / 100 for count, bound in enumerate(bounds))


@pytest.mark.parametrize(("count", "total"), [(-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(count: int, total: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(count, total)
    with pytest.raises(ValueError, match="no share"):
        upper_bound(count, total)
