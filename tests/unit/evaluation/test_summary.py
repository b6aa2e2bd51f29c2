"""Figures counted from clips made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluation import figures, page, report, summary
from tests.evaluation.answers import Answer, AnswerFile
from tests.evaluation.clips import Selection
from tests.evaluation.judged import GATE, Judged, judge
from tests.evaluation.negatives.blocks import NegativeId
from tests.evaluation.streams import Heard
from tests.evaluation.streams import summary as stream_summary
from tests.unit.evaluation.material import answer, clip


def run() -> list[Judged]:
    """Two excerpts at three lengths: one known from 2 s on, one never."""
    clips = [clip(n, length=length) for n in (0, 1) for length in (1.0, 2.0, 5.0)]
    clips += [clip(n, length=length, track="") for n in range(3) for length in (1.0, 2.0, 5.0)]
    answers = {}
    for one in clips:
        sure = one.track_id and one.number == 0 and one.length_seconds >= 2
        answers[one.query_id] = answer(one, "song", 0.99 if sure else 0.2, accepted=bool(sure))
    return judge(clips, answers)


def negatives() -> list[Answer]:
    names = [NegativeId("speech", "clean", 5.0, 0, n) for n in range(1_200)]
    return [
        Answer(str(name), "song", 0.0, 0.5 + place / 10_000, accepted=place >= 1_198)
        for place, name in enumerate(names)
    ]


def test_first_answer_is_the_least_length_that_is_right() -> None:
    (row,) = summary.first_answers(run())
    assert row["within"] == {"1": 0, "2": 1, "5": 1}
    assert row["n"] == 2
    assert row["median_s"] == 2.0


def test_no_median_where_most_are_never_answered() -> None:
    never = [one for one in run() if one.clip.number == 1]
    (row,) = summary.first_answers(never)
    assert row["median_s"] is None


def test_groups_leave_loud_noise_out() -> None:
    clips = [clip(0, group="hindi"), clip(0, group="hindi", degradation="noise0")]
    judged = judge(clips, {c.query_id: answer(c, "song", 0.9) for c in clips})
    assert [row["n"] for row in summary.by_group(judged)] == [1]


def test_offsets_are_of_accepted_unambiguous_answers() -> None:
    rows = {row["group"]: row for row in summary.offsets(run(), repeats=set())}
    assert rows["all"]["n"] == 2
    assert rows["all"]["median_s"] == pytest.approx(0.5)


def test_an_answer_at_a_repeat_is_counted_apart() -> None:
    judged = run()
    some = next(j.clip.query_id for j in judged if j.right_by(GATE))
    (row,) = (row for row in summary.offsets(judged, {some}) if row["group"] == "all")
    assert (row["n"], row["at_a_repeat"], row["within_a_tenth"]) == (2, 1, 0)


def test_a_thousandth_needs_a_thousand_unknown_clips() -> None:
    assert summary.at_a_thousandth(run(), []) is None
    found = summary.at_a_thousandth(run(), negatives())
    assert found is not None
    # One of 1,203 may be answered: the second highest score is the threshold.
    assert found["threshold"] == pytest.approx(0.5 + 1_198 / 10_000)
    assert found["cells"] == [{"degradation": "clean", "n": 2, "right": 1}]


def test_false_accepts_are_counted_by_kind_length_and_degradation() -> None:
    rows = {row["kind"]: row["gate"] for row in summary.false_accepts(negatives())}
    assert rows == {"speech": 2, "clean": 2, "5 s": 2, "all": 2}


def test_gate_lies_between_refused_and_accepted() -> None:
    assert summary.gate([one.answer for one in run()]) == (0.2, 0.99)


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.75, 3), (0.99, 4), (0.01, 1)])
def test_quantile_is_a_value_that_was_seen(share: float, value: int) -> None:
    assert summary.quantile([4, 2, 1, 3], share) == value


def test_an_interrupted_file_of_answers_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    kept = Answer("a", "song", 1.25, 0.875, accepted=True, ambiguous=True, latency_ms=3.5)
    with AnswerFile(path) as file:
        file.add(kept)
    with path.open("a") as broken:
        broken.write("b,song,1.0")
    with AnswerFile(path) as file:
        assert file.known == {"a": kept}
        file.add(Answer("b", error="AUDIO_EMPTY"))
    assert set(AnswerFile(path).known) == {"a", "b"}


def test_a_selection_is_spread_over_the_cell() -> None:
    clips = [clip(n) for n in range(100)] + [clip(n, degradation="noise0") for n in range(100)]
    chosen = Selection(per_cell=10, degradations=frozenset({"clean"})).of(clips)
    assert [one.number for one in chosen] == list(range(0, 100, 10))


def test_streams_without_an_answer_count_as_the_longest() -> None:
    heard = [Heard(str(n), "clean", n < 2, n < 1, 1.5, 2.0) for n in range(3)]
    (row,) = stream_summary(heard)
    assert (row["right"], row["wrong"], row["median_heard_s"]) == (1, 1, None)


def test_everything_counted_can_be_written_read_and_shown(tmp_path: Path) -> None:
    heard = [
        Heard("clean-000-10s", "clean", answered=True, right=True, heard_seconds=1, wall_seconds=2)
    ]
    about = {"registered": 1, "algorithm_version": 1, "seed": 1}
    made = figures.gather(run(), negatives(), stream_summary(heard), about, repeats=set())
    made["held_out"] = figures.counts(made)
    path = tmp_path / "figures.json"
    figures.save(made, path)
    read = figures.load(path)
    assert read == json.loads(json.dumps(made))
    assert read is not None
    assert [cell.name for cell in figures.cells_of(read)] == ["clean 1 s", "clean 2 s", "clean 5 s"]
    page.write(read, tmp_path / "recognition.md")
    text = (tmp_path / "recognition.md").read_text()
    assert all(table.title in text for table in report.tables(made))
    assert "no choice was made on" in text
    assert "clips" not in made["held_out"]["cells"][0]
    for picture in (page.CURVE, page.RELIABILITY):
        assert f"({picture})" in text
        assert (tmp_path / picture).read_text().count("<polyline") >= 3
