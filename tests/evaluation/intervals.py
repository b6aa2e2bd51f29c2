"""How far a share that was counted may lie from the true one."""

from __future__ import annotations

import math

from scipy import stats

# Two-sided 95 %.
_Z = 1.959964


def wilson(count: int, total: int) -> tuple[float, float]:
    """Returns the Wilson 95 % interval of `count` of `total`, as shares; all of it for no trial.

    Raises:
        ValueError: unless 0 <= count <= total.
    """
    _check(count, total)
    if total == 0:
        return 0.0, 1.0
    share, spread = count / total, _Z * _Z / total
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt((share * (1 - share) + spread / 4) / total) / (1 + spread)
    low = 0.0 if count == 0 else max(0.0, centre - half)
    high = 1.0 if count == total else min(1.0, centre + half)
    return low, high


def upper_bound(count: int, total: int) -> float:
    """Returns the exact one-sided 95 % upper bound of a share: about 3 / total for no event.

    Raises:
        ValueError: unless 0 <= count <= total.
    """
    _check(count, total)
    if count == total:
        return 1.0
    return float(stats.beta.ppf(0.95, count + 1, total - count))


def _check(count: int, total: int) -> None:
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no share")
