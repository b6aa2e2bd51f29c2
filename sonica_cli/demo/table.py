"""The table of the demonstration, written row by row, and the sentence below it."""

from __future__ import annotations

import enum
import statistics
import sys
from dataclasses import dataclass

from sonica_cli.screen import clock, console, say

_WIDTHS = (34, 11, 38, 8, 6, 8)
# Fewer right answers than this, or more wrong ones, mean that something is broken.
_RIGHT_SHARE_MIN = 0.7
_WRONG_COUNT_MAX = 1


class Verdict(enum.Enum):
    """Whether an answer is right: (mark, colour)."""

    RIGHT = ("✓", "green")
    ELSEWHERE = ("≈", "yellow")
    MISSED = ("-", "yellow")
    WRONG = ("✗", "bold red")
    FAILED = ("!", "bold red")


@dataclass(frozen=True, slots=True)
class Row:
    """One clip.

    Attributes:
        clip: title of what it was taken from.
        at_seconds: where in it the clip begins.
        kind: degradation.
        answer: recording named, or `no match`.
        offset_error_seconds: answered less true offset; None without the right recording.
        score: of the answer; None without one.
        took_seconds: time of the call.
        verdict: whether that is right.
    """

    clip: str
    at_seconds: float
    kind: str
    answer: str
    offset_error_seconds: float | None
    score: float | None
    took_seconds: float
    verdict: Verdict


def heading() -> None:
    """Writes the first line of the table."""
    cells = ("Clip", "Heard as", "Answer", "Offset", "Score", "Time")
    console(sys.stdout).print(_line(cells), style="bold")


def show(row: Row) -> None:
    """Writes one line."""
    error = row.offset_error_seconds
    cells = (
        f"{_short(row.clip, 25)} {clock(row.at_seconds)}",
        row.kind,
        row.answer,
        "" if error is None else f"{error * 1000:+.0f} ms",
        "" if row.score is None else f"{row.score:.2f}",
        f"{row.took_seconds * 1000:.0f} ms",
    )
    mark, colour = row.verdict.value
    out = console(sys.stdout)
    out.print(_line(cells), end="  ")
    out.print(mark, style=colour)
    sys.stdout.flush()


def _line(cells: tuple[str, ...]) -> str:
    texts = [_short(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)]
    left = [text.ljust(width) for text, width in zip(texts[:3], _WIDTHS[:3], strict=True)]
    right = [text.rjust(width) for text, width in zip(texts[3:], _WIDTHS[3:], strict=True)]
    return " ".join([*left, *right])


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def summary(rows: list[Row]) -> bool:
    """Writes what it came to; returns whether it is as it should be."""
    unknown = [row for row in rows if row.clip.endswith("(unknown)")]
    known = [row for row in rows if row not in unknown]
    named = sum(row.verdict in {Verdict.RIGHT, Verdict.ELSEWHERE} for row in known)
    placed = sum(row.verdict is Verdict.RIGHT for row in known)
    empty = sum(row.verdict is Verdict.RIGHT for row in unknown)
    wrong = sum(row.verdict in {Verdict.WRONG, Verdict.FAILED} for row in rows)
    errors = [
        abs(row.offset_error_seconds)
        for row in known
        if row.verdict is Verdict.RIGHT and row.offset_error_seconds is not None
    ]
    clean_missed = sum(
        row.kind == "clean" and row.verdict not in {Verdict.RIGHT, Verdict.ELSEWHERE}
        for row in known
    )
    say(
        "",
        f"{named} of {len(known)} clips recognised, {placed} at the right place"
        + (f" (median error {statistics.median(errors) * 1000:.0f} ms)" if errors else "")
        + f"; {empty} of {len(unknown)} unknown clips came back empty; "
        f"median time {statistics.median(row.took_seconds for row in rows) * 1000:.0f} ms.",
    )
    if any(row.verdict is Verdict.ELSEWHERE for row in known):
        say("≈ the right recording at another place: the passage comes back in it.")
    fine = wrong <= _WRONG_COUNT_MAX and not clean_missed and named >= _RIGHT_SHARE_MIN * len(known)
    if not fine:
        say("That is not as it should be.")
    return fine
