"""Tests of "worse than before", against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.significance import holm, worse_paired, worse_unpaired


def test_mcnemar_counts_only_what_changed() -> None:
    assert worse_paired(5, 0) == pytest.approx(1 / 32)
    assert worse_paired(3, 1) == pytest.approx((4 + 1) / 16)
    assert worse_paired(0, 9) == 1.0
    assert worse_paired(0, 0) == 1.0


def test_fisher_gives_the_tea_tasters_probability() -> None:
    # Of 4 cups each: 3 right before, 1 now; P(X <= 1) of the hypergeometric distribution is 17/70.
    assert worse_unpaired((3, 4), (1, 4)) == pytest.approx(17 / 70)


def test_an_improvement_is_never_worse() -> None:
    assert worse_unpaired((50, 100), (90, 100)) > 0.99


def test_holm_steps_down() -> None:
    # 0.01 <= 0.05/4, 0.013 <= 0.05/3, 0.03 > 0.05/2: there it stops, although 0.04 <= 0.05/1.
    assert holm([0.03, 0.01, 0.04, 0.013], 0.05) == [False, True, False, True]


def test_holm_of_one_test_is_that_test() -> None:
    assert holm([0.01], 0.01) == [True]
    assert holm([0.0101], 0.01) == [False]
    assert holm([], 0.01) == []


def test_equal_runs_seldom_seem_worse() -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(60):
        moved = rng.binomial(20, 0.5, size=20)
        alarms += any(holm([worse_paired(int(lost), 20 - int(lost)) for lost in moved], 0.05))
    assert alarms <= 9
