"""Points in time as people write them: a day, a day and an hour, or so long ago."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

import typer

from sonica_cli.failures import MISUSED, CliError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([mhdw])")

Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only what was at this time or later: 2026-05-31, 2026-05-31T18:00, or 90m, 12h, 7d, "
        "4w ago.",
    ),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Only what was before this time."),
]


def moment(text: str | None) -> dt.datetime | None:
    """Returns the time meant, with a time zone: that of this machine where none is written.

    Raises:
        CliError: it is no time.
    """
    if text is None:
        return None
    now = dt.datetime.now(dt.UTC)
    if ago := _AGO.fullmatch(text):
        try:
            return now - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            raise _no_time(text) from None
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (OverflowError, ValueError):
        raise _no_time(text) from None


def shown(time: dt.datetime | None) -> str:
    """Returns a time for people, by the clock of this machine; nothing for None."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}" if time is not None else ""


def _no_time(text: str) -> CliError:
    return CliError(
        f"{text!r} is no time", "Write 2026-05-31, 2026-05-31T18:00, or 7d.", exit_code=MISUSED
    )
