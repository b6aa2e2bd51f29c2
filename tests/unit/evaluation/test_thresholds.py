"""Thresholds, false-accept curves and reliability, on scores chosen by hand."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evaluation import corpus
from tests.evaluation.thresholds import BINS, exceeding, reliability, threshold_at


def test_at_most_the_rate_lies_above_the_threshold() -> None:
    scores = [i / 100 for i in range(100)]
    threshold = threshold_at(0.05, scores, 100)
    assert sum(score > threshold for score in scores) == 5


def test_equal_scores_are_let_through_together_or_not_at_all() -> None:
    assert threshold_at(0.5, [0.7] * 10, 10) == 0.7


def test_clips_without_a_candidate_count_as_refused() -> None:
    assert threshold_at(0.01, [0.9, 0.8], 100) == 0.8
    assert threshold_at(0.01, [0.9], 100) == -math.inf


def test_too_few_clips_let_none_through() -> None:
    assert threshold_at(0.01, [0.2, 0.9], 50) == 0.9


def test_curve_counts_scores_that_reach_the_threshold() -> None:
    assert exceeding([0.1, 0.5, 0.5, 0.9], (0.0, 0.5, 0.51, 1.0)) == [4, 3, 1, 0]


def test_reliability_puts_every_answer_into_one_bin() -> None:
    answers = [(edge, True) for edge in BINS] + [(0.3, False)]
    bins = reliability(answers)
    assert sum(count for count, _, _ in bins) == len(answers)
    # 1.0 is in the last bin, beside its lower edge.
    assert bins[-1][0] == 2
    count, right, mean = bins[BINS.index(0.2)]
    assert (count, right) == (2, 1)
    assert mean == pytest.approx(0.25)


def test_threshold_is_that_of_the_frozen_score_script(tmp_path: Path) -> None:
    """The tables that other recognisers were measured with must stay comparable."""
    scores = [((7 * i) % 101) / 101 for i in range(250)]
    queries, answers = tmp_path / "queries.csv", tmp_path / "predictions.csv"
    with queries.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["query_id", "track_id", "group", "offset_s", "length_s", "degradation"])
        writer.writerows([f"q{i}", "", "real", 0, 5, "clean"] for i in range(len(scores)))
        writer.writerow(["known", "t", "real", 0, 5, "clean"])
    with answers.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["query_id", "track_id", "offset_s", "score", "latency_ms"])
        writer.writerows([f"q{i}", "t", 0, score, 1] for i, score in enumerate(scores))
        writer.writerow(["known", "t", 0, 1.0, 1])
    script = [sys.executable, str(corpus.HERE / "score.py"), str(queries), str(answers)]
    ran = subprocess.run([*script, "--fpr", "0.02"], check=True, capture_output=True, text=True)
    printed = ran.stdout
    line = next(line for line in printed.splitlines() if line.startswith("threshold"))
    assert float(line.split()[1]) == pytest.approx(threshold_at(0.02, scores, 250), rel=1e-3)
