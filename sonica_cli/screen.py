"""What a person sees: tables, failures and progress; plain text when nobody watches a terminal.

Answers go to standard output, everything else to standard error.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

_PLAIN_WIDTH = 1_000
_PLAIN_PAUSE_SECONDS = 10.0


def console(stream: IO[str]) -> Console:
    """Returns a console on `stream` that shows text as it is and wraps only in a terminal."""
    from rich.console import Console

    width = None if stream.isatty() else _PLAIN_WIDTH
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width)


def say(*lines: str) -> None:
    """Writes lines to standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def note(text: str) -> None:
    """Writes a remark to standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def say_failure(message: str, advice: str = "") -> None:
    """Writes what went wrong, and what to do, to standard error."""
    err = console(sys.stderr)
    err.print("error:", style="bold red", end=" ")
    err.print(message)
    if advice:
        err.print(advice, style="dim")


def show_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[RenderableType]],
    *,
    right: Sequence[str] = (),
    stream: IO[str] | None = None,
) -> None:
    """Writes a table; without lines and colours outside a terminal.

    Args:
        columns: headings.
        rows: cells, as many a row as there are columns.
        right: headings of the columns that hold numbers.
        stream: where to; standard output by default.
    """
    from rich import box
    from rich.table import Table

    out = console(stream or sys.stdout)
    shape = box.SIMPLE_HEAD if out.is_terminal else None
    table = Table(box=shape, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def clock(seconds: float) -> str:
    """Returns a time in a recording as `m:ss.s`, with a sign when it is negative."""
    tenths = round(abs(seconds) * 10)
    sign = "-" if seconds < 0 and tenths else ""
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{sign}{whole}:{rest / 10:04.1f}"


class Gauge:
    """Progress of one long work; see `gauge`."""

    def __init__(self, label: str, bar: Progress | None, task: TaskID | None) -> None:
        self._label = label
        self._bar = bar
        self._task = task
        self._shown = time.monotonic()

    def show(self, done: float, total: float | None, text: str) -> None:
        """Shows that `done` of `total` is done, and `text` beside the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, text=text)
        elif time.monotonic() - self._shown >= _PLAIN_PAUSE_SECONDS:
            self._shown = time.monotonic()
            share = f"{100 * done / total:.0f} %, " if total else ""
            note(f"{self._label}: {share}{text}")


@contextmanager
def gauge(label: str, *, quiet: bool = False) -> Iterator[Gauge]:
    """Shows a bar with text and remaining time while the body runs.

    Outside a terminal it writes a line every 10 s instead; with `quiet` nothing.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    err = console(sys.stderr)
    if quiet or not err.is_terminal:
        yield Gauge(label, None, None)
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(compact=True),
        console=err,
        transient=True,
    ) as bar:
        yield Gauge(label, bar, bar.add_task(label, total=None, text=""))
