"""The filter of ListTracks, a subset of AIP-160: comparisons joined by AND.

Reads the text and makes conditions for `catalog.track` of it: names of columns come from the table
below, whatever the caller wrote travels as a value.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from match_svc.errors import FilterInvalidError

_TERMS_MAX = 10
_TERM = re.compile(
    r"""\s*(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)
        \s*(?P<operator><=|>=|!=|=|<|>)
        \s*(?:"(?P<quoted>(?:[^"\\]|\\["\\])*)"|(?P<bare>[\w.:+-]+))\s*""",
    re.VERBOSE,
)
_AND = re.compile(r"AND\b")
_TEXTS = ("artist", "album", "label", "language", "genre", "isrc", "external_id")
_OF_EXTERNAL_ID = "external_ids."
_EQUALITY = ("=", "!=")
_YEAR_MAX = 9999


@dataclass(frozen=True, slots=True)
class TrackFilter:
    """Which tracks, and in which order.

    Attributes:
        conditions: SQL about `catalog.track t`; their values are numbered from $3.
        values: of the conditions.
        descending: the track registered last comes first.
    """

    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    descending: bool = False

    def add(self, condition: str, value: object) -> None:
        """Adds a condition, in which `{}` stands for its value."""
        self.values.append(value)
        self.conditions.append(condition.format(f"${len(self.values) + 2}"))


def track_filter(text: str, *, descending: bool = False) -> TrackFilter:
    """Reads a filter; one of nothing but spaces lets every track through.

    Raises:
        FilterInvalidError: it says what is wrong, and where.
    """
    wanted = TrackFilter(descending=descending)
    position = 0
    while text.strip():
        term = _TERM.match(text, position)
        if term is None:
            raise FilterInvalidError(_expected(text, position), text, position)
        if len(wanted.values) == _TERMS_MAX:
            raise FilterInvalidError(f"more than {_TERMS_MAX} comparisons", text, position)
        _add(wanted, term, text)
        position = term.end()
        if position == len(text):
            break
        joint = _AND.match(text, position)
        if joint is None:
            what = "comparisons are joined by AND, nothing else"
            raise FilterInvalidError(what, text, position)
        position = joint.end()
    return wanted


def _add(wanted: TrackFilter, term: re.Match[str], text: str) -> None:
    name, operator = term["name"], term["operator"]
    value = term["bare"] or re.sub(r"\\(.)", r"\1", term["quoted"] or "")
    if "\0" in value:
        raise FilterInvalidError("a value holds a NUL character", text, term.start("operator"))
    is_text = name in _TEXTS or name.startswith(_OF_EXTERNAL_ID)
    if is_text and operator not in _EQUALITY:
        what = f"{name} can be compared by = and != only"
        raise FilterInvalidError(what, text, term.start("operator"))
    if name.startswith(_OF_EXTERNAL_ID):
        # Asked by containment, which the index serves.
        pair = json.dumps({name.removeprefix(_OF_EXTERNAL_ID): value})
        wanted.add(f"{_not(operator)}t.external_ids @> {{}}::jsonb", pair)
    elif name == "artist":
        wanted.add(f"{_not(operator)}(t.artist = {{0}}::text OR {{0}} = ANY(t.artists))", value)
    elif is_text:
        same = "=" if operator == "=" else "IS DISTINCT FROM"
        wanted.add(f"t.{name} {same} {{}}", value)
    elif name == "year":
        wanted.add(f"t.year {_sql(operator)} {{}}", _year(value, text, term))
    elif name == "create_time":
        wanted.add(f"t.create_time {_sql(operator)} {{}}", _time(value, text, term))
    else:
        known = ", ".join((*_TEXTS, f"{_OF_EXTERNAL_ID}NAME", "year", "create_time"))
        what = f"there is no field {name!r}, but {known}"
        raise FilterInvalidError(what, text, term.start("name"))


def _not(operator: str) -> str:
    return "NOT " if operator == "!=" else ""


def _sql(operator: str) -> str:
    return "<>" if operator == "!=" else operator


def _year(value: str, text: str, term: re.Match[str]) -> int:
    if not re.fullmatch("[0-9]{1,4}", value):
        what = f"{value!r} is no year from 0 to {_YEAR_MAX}"
        raise FilterInvalidError(what, text, term.end("operator"))
    return int(value)


def _time(value: str, text: str, term: re.Match[str]) -> datetime:
    try:
        time = datetime.fromisoformat(value)
        # A time of the first or last day may be none of the years 1 to 9999 in UTC.
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        what = f"{value!r} is no time as 2026-11-21T08:00:00Z or date as 2026-11-21"
        raise FilterInvalidError(what, text, term.end("operator")) from None


def _expected(text: str, position: int) -> str:
    rest = text[position:].strip()[:20]
    return f"a comparison such as year >= 1970 was expected, not {rest!r}"
