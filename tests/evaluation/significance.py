"""Whether a later count is worse than an earlier one by more than chance."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats


def worse_paired(lost: int, gained: int) -> float:
    """Returns the exact one-sided McNemar probability that so many were lost by chance.

    Args:
        lost: clips that were right before and are not now.
        gained: clips that are right now and were not before.
    """
    if lost == 0:
        return 1.0
    return float(stats.binom.sf(lost - 1, lost + gained, 0.5))


def worse_unpaired(before: tuple[int, int], now: tuple[int, int]) -> float:
    """Returns Fisher's exact one-sided probability that the share fell as far by chance.

    Args:
        before: (right, total) of the earlier run.
        now: the same of the later one, on other clips.
    """
    table = [[now[0], now[1] - now[0]], [before[0], before[1] - before[0]]]
    return float(stats.fisher_exact(table, alternative="less").pvalue)


def holm(probabilities: Sequence[float], level: float) -> list[bool]:
    """Returns which of several tests stay significant when all of them together err with `level`.

    Holm 1979: the smallest probability is held against level / n, the next against
    level / (n - 1), until one fails.
    """
    order = sorted(range(len(probabilities)), key=probabilities.__getitem__)
    significant = [False] * len(probabilities)
    for done, index in enumerate(order):
        if probabilities[index] > level / (len(order) - done):
            break
        significant[index] = True
    return significant
