"""Compares a run with the committed figures: what became worse by more than chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.evaluation.cells import Cell
from tests.evaluation.judged import RULES
from tests.evaluation.significance import holm, worse_paired, worse_unpaired

LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Change:
    """One count before and now.

    Attributes:
        what: is counted.
        before: (good, total).
        now: (good, total).
        probability: that it fell so far by chance.
    """

    what: str
    before: tuple[int, int]
    now: tuple[int, int]
    probability: float


def changes(before: Iterable[Cell], now: Iterable[Cell], *, same_clips: bool) -> list[Change]:
    """Compares cells, and all cells of a length together, by every rule.

    Args:
        before: of the committed figures; cells that only one side has are left out.
        now: of this run.
        same_clips: the clips were made from the same seed, so that each can be compared with
            itself (McNemar); else only the shares can (Fisher).
    """
    pairs = _pairs(before, now)
    found = []
    for rule in RULES:
        pooled: dict[float, list[tuple[Cell, Cell]]] = {}
        for old, new in pairs:
            found.append(_change(f"{new.name}, {rule}", [(old, new)], rule, same_clips=same_clips))
            pooled.setdefault(new.length_seconds, []).append((old, new))
        for length, some in pooled.items():
            what = f"all at {length:g} s, {rule}"
            found.append(_change(what, some, rule, same_clips=same_clips))
    return found


def false_accepts(before: Iterable[dict[str, Any]], now: Iterable[dict[str, Any]]) -> list[Change]:
    """Compares how many unknown clips of each kind stay unanswered, and of all kinds.

    Args:
        before: rows of `kind`, `n`, `gate` (those answered).
        now: the same of this run.
    """
    old, new = (
        {row["kind"]: (row["n"] - row["gate"], row["n"]) for row in r} for r in (before, now)
    )
    kinds = [kind for kind in new if kind in old and old[kind][1] and new[kind][1]]
    return [
        Change(f"{kind}, unanswered", old[kind], new[kind], worse_unpaired(old[kind], new[kind]))
        for kind in kinds
    ]


def significantly_worse(found: list[Change]) -> list[Change]:
    """Returns the changes that stay significant at `LEVEL` among all of them (Holm)."""
    verdicts = holm([change.probability for change in found], LEVEL)
    return [change for change, worse in zip(found, verdicts, strict=True) if worse]


def _pairs(before: Iterable[Cell], now: Iterable[Cell]) -> list[tuple[Cell, Cell]]:
    old = {cell.name: cell for cell in before}
    return [(old[cell.name], cell) for cell in now if cell.name in old]


def _change(what: str, pairs: list[tuple[Cell, Cell]], rule: str, *, same_clips: bool) -> Change:
    lost = gained = 0
    was, is_now = [0, 0], [0, 0]
    for old, new in pairs:
        common = old.asked & new.asked if same_clips else None
        old_asked, new_asked = (common, common) if common is not None else (old.asked, new.asked)
        was_right, right = old.right[rule] & old_asked, new.right[rule] & new_asked
        lost += len(was_right - right)
        gained += len(right - was_right)
        was = [was[0] + len(was_right), was[1] + len(old_asked)]
        is_now = [is_now[0] + len(right), is_now[1] + len(new_asked)]
    before, now = (was[0], was[1]), (is_now[0], is_now[1])
    probability = worse_paired(lost, gained) if same_clips else worse_unpaired(before, now)
    return Change(what, before, now, probability)
