"""A table of figures: as text for a terminal, as Markdown for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.evaluation.intervals import upper_bound, wilson


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading.

    Attributes:
        title: what it shows.
        head: names of the columns.
        rows: cells as text, as many a row as `head` has.
        note: what must be known to read it; may be empty.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def text(self) -> str:
        """Returns it with columns aligned by blanks."""
        everything = [self.head, *self.rows]
        widths = [max(len(row[i]) for row in everything) for i in range(len(self.head))]
        lines = [
            "  ".join(
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in everything
        ]
        return "\n".join([f"\n{self.title}", *([self.note] if self.note else []), *lines])

    def markdown(self) -> str:
        """Returns it as a section of a page."""
        body = [f"| {' | '.join(row)} |" for row in self.rows]
        head = [f"| {' | '.join(self.head)} |", "|---" + "|---:" * (len(self.head) - 1) + "|"]
        note = [self.note, ""] if self.note else []
        return "\n".join([f"## {self.title}", "", *note, *head, *body, ""])


def share(count: int, total: int) -> str:
    """Returns a share in percent with its Wilson 95 % interval."""
    if not total:
        return "-"
    low, high = wilson(count, total)
    return f"{100 * count / total:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def rare(count: int, total: int) -> str:
    """Returns the upper bound of a rare event's share, in percent."""
    return f"{100 * upper_bound(count, total):.3g}"


def number(value: float | None, digits: int = 2) -> str:
    """Returns a number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"
