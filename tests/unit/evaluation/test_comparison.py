"""What counts as worse than the committed figures."""

from __future__ import annotations

import pytest

from tests.evaluation.cells import Cell, cells
from tests.evaluation.comparison import changes, false_accepts, significantly_worse
from tests.evaluation.judged import RULES, judge
from tests.unit.evaluation.material import answer, clip


def cell(right: range, *, name: str = "clean", asked: int = 100) -> Cell:
    numbers = frozenset(right)
    return Cell(name, 5.0, frozenset(range(asked)), dict.fromkeys(RULES, numbers))


def worse(before: list[Cell], now: list[Cell], *, same_clips: bool = True) -> set[str]:
    found = changes(before, now, same_clips=same_clips)
    return {change.what for change in significantly_worse(found)}


def test_the_same_run_is_not_worse() -> None:
    run = [cell(range(80)), cell(range(30), name="noise")]
    assert worse(run, run) == set()


def test_a_fallen_cell_is_named() -> None:
    before = [cell(range(80)), cell(range(80), name="noise")]
    now = [cell(range(80)), cell(range(40), name="noise")]
    named = worse(before, now)
    assert "noise 5 s, gate" in named
    assert not any(what.startswith("clean") for what in named)


def test_a_better_cell_is_not_worse() -> None:
    assert worse([cell(range(40))], [cell(range(100))]) == set()


def test_many_small_losses_show_when_taken_together() -> None:
    names = [f"kind{i}" for i in range(20)]
    before = [cell(range(100), name=name) for name in names]
    now = [cell(range(98), name=name) for name in names]
    assert worse(before, now) == {f"all at 5 s, {rule}" for rule in RULES}


def test_pairs_tell_what_shares_do_not() -> None:
    """Twenty of a hundred clips lost are sure when they are the same clips, else not."""
    before, now = [cell(range(60))], [cell(range(40))]
    assert worse(before, now, same_clips=True)
    assert not worse(before, now, same_clips=False)


def test_a_part_is_compared_with_the_same_part() -> None:
    before = [cell(range(50, 100))]
    now = [cell(range(0), asked=50)]
    assert all(change.before == (0, 50) for change in changes(before, now, same_clips=True))


def test_cells_of_one_side_only_are_left_out() -> None:
    assert changes([cell(range(9))], [cell(range(0), name="new")], same_clips=True) == []


def test_more_false_accepts_are_worse() -> None:
    before = [{"kind": "speech", "n": 5000, "gate": 0}, {"kind": "noise", "n": 5000, "gate": 3}]
    now = [{"kind": "speech", "n": 5000, "gate": 40}, {"kind": "noise", "n": 5000, "gate": 2}]
    found = significantly_worse(false_accepts(before, now))
    assert [change.what for change in found] == ["speech, unanswered"]


def test_cells_survive_being_written() -> None:
    cell_before = cell(range(3, 77, 5))
    assert Cell.from_json(cell_before.as_json()) == cell_before


def test_cells_count_by_every_rule() -> None:
    known = [clip(0), clip(1), clip(2), clip(3)]
    unknown = [clip(i, track="") for i in range(50)]
    answers = [
        answer(known[0], "song", 0.99),
        answer(known[1], "song", 0.6, accepted=False),
        answer(known[2], "song", 0.5, accepted=False),
        answer(known[3], "other", 0.999),
        *(answer(one, "song", 0.5, accepted=False) for one in unknown),
    ]
    judged = judge(known + unknown, {one.query_id: one for one in answers})
    (only,) = cells(judged)
    assert only.asked == {0, 1, 2, 3}
    assert only.right == {"raw": {0, 1, 2}, "one_percent": {0, 1}, "gate": {0}}
    assert [one.wrong for one in judged[:4]] == [False, False, False, True]


def test_a_clip_without_an_answer_stops_the_judging() -> None:
    with pytest.raises(KeyError):
        judge([clip(0)], {})
