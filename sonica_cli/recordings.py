"""What there is to register: files below folders, or the rows of a manifest."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sonica_cli.failures import MISUSED, CliError
from sonica_cli.media import AUDIO_SUFFIXES

# Columns of a manifest besides `file`, and the most characters each may have.
COLUMNS = {
    "external_id": 200,
    "title": 500,
    "artist": 500,
    "album": 500,
    "isrc": 15,
    "language": 35,
    "genre": 100,
    "year": 4,
}
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_YEARS = range(1860, 2201)


@dataclass(frozen=True, slots=True)
class Recording:
    """One file to register.

    Attributes:
        path: of the file; it may turn out not to be there.
        fields: what is stated about it, by the names of `COLUMNS`; tags fill in the rest.
    """

    path: Path
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, folder or row that could not be done.

    Attributes:
        name: which one.
        message: why not.
        advice: what to do about it; may be empty.
    """

    name: str
    message: str
    advice: str = ""


def named(paths: Iterable[Path], manifest: Path | None) -> tuple[list[Recording], list[Problem]]:
    """Returns what a command line names: files and folders, or a manifest.

    Raises:
        CliError: both are named, or there is no audio file.
    """
    paths = list(paths)
    if paths and manifest is not None:
        message = "name files or folders, or a --manifest, but not both"
        raise CliError(message, exit_code=MISUSED)
    found, problems = below(paths) if manifest is None else from_manifest(manifest)
    if not found and not problems:
        places = ", ".join(map(str, paths or (manifest,)))
        raise CliError(f"there are no audio files in {places}")
    return found, problems


def below(paths: Iterable[Path]) -> tuple[list[Recording], list[Problem]]:
    """Returns the audio files at and below `paths`, in order of name, and what cannot be read.

    A file that is named is taken whatever its suffix is; below folders only known suffixes count.
    """
    found: dict[Path, Recording] = {}
    problems: list[Problem] = []
    for path in paths:
        if path.is_dir():
            for file in _walk(path, problems):
                found.setdefault(file, Recording(file))
        elif path.exists():
            found.setdefault(path, Recording(path))
        else:
            problems.append(Problem(str(path), "there is no such file or folder"))
    return list(found.values()), problems


def _walk(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        reason = error.strerror or str(error)
        problems.append(Problem(str(error.filename), reason, "Check its permissions."))

    for place, folders, files in os.walk(folder, onerror=refused):
        folders.sort()
        for name in sorted(files):
            file = Path(place, name)
            # macOS leaves `._song.mp3` beside songs on foreign disks; they hold no audio.
            if file.suffix.lower() in AUDIO_SUFFIXES and not name.startswith("._"):
                yield file


def from_manifest(manifest: Path) -> tuple[list[Recording], list[Problem]]:
    """Reads a CSV file with a column `file` and any of `COLUMNS`.

    Returns:
        The recordings, and the rows that state something impossible.

    Raises:
        CliError: the file cannot be read, or its columns are wrong.
    """
    recordings: list[Recording] = []
    problems: list[Problem] = []
    for number, row in read_table(manifest, {"file"}, set(COLUMNS)):
        name = row.pop("file").strip()
        where = f"{manifest.name}, line {number}"
        if not name:
            problems.append(Problem(where, "the column `file` is empty"))
            continue
        fields = {key: value.strip() for key, value in row.items() if value.strip()}
        wrong = _wrong(fields)
        if wrong:
            problems.append(Problem(f"{name} ({where})", wrong))
            continue
        recordings.append(Recording(manifest.parent / name, fields))
    return recordings, problems


def _wrong(fields: dict[str, str]) -> str:
    """Returns what is wrong with a row, and brings the ISRC to its one form."""
    for name, value in fields.items():
        if len(value) > COLUMNS[name]:
            return f"{name} has {len(value)} characters; at most {COLUMNS[name]} are stored"
    if "isrc" in fields:
        fields["isrc"] = bare_isrc(fields["isrc"])
        if not _ISRC.fullmatch(fields["isrc"]):
            return f"isrc {fields['isrc']!r} is not of the form CCXXXYYNNNNN"
    year = fields.get("year", "1900")
    if not (year.isascii() and year.isdigit() and int(year) in _YEARS):
        return f"year {year!r} is not between {_YEARS[0]} and {_YEARS[-1]}"
    return ""


def bare_isrc(text: str) -> str:
    """Returns an ISRC without hyphens, blanks and small letters."""
    return re.sub(r"[\s-]", "", text).upper()


def acceptable(read: dict[str, str]) -> dict[str, str]:
    """Returns tags as the catalogue takes them: cut to length, without impossible values."""
    fields = {name: value[: COLUMNS[name]] for name, value in read.items()}
    if not _ISRC.fullmatch(bare_isrc(fields.get("isrc", ""))):
        fields.pop("isrc", None)
    else:
        fields["isrc"] = bare_isrc(fields["isrc"])
    year = fields.get("year", "")
    if not (year.isascii() and year.isdigit() and int(year) in _YEARS):
        fields.pop("year", None)
    return fields


def read_table(
    path: Path, required: set[str], optional: set[str] | None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields (line number, row) of a CSV file after checking its columns.

    Args:
        path: of the file.
        required: columns that must be there.
        optional: columns that may; None means any.

    Raises:
        CliError: the file is not there, is not text, or has wrong columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            _check_columns(path, list(rows.fieldnames or ()), required, optional)
            for row in rows:
                if None in row or None in row.values():
                    message = f"{path}, line {rows.line_num}: not as many cells as columns"
                    raise CliError(message, exit_code=MISUSED)
                yield rows.line_num, row
    except OSError as error:
        raise CliError(f"{path}: {error.strerror or error}", exit_code=MISUSED) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CliError(
            f"{path}: not a CSV file in UTF-8 ({error})",
            "Save it as CSV, separated by commas.",
            exit_code=MISUSED,
        ) from None


def _check_columns(
    path: Path, columns: list[str], required: set[str], optional: set[str] | None
) -> None:
    allowed = ", ".join([*sorted(required), *sorted(optional or ())])
    unknown = [name for name in columns if optional is not None and name not in required | optional]
    missing = sorted(required - set(columns))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    for wrong, names in (
        ("unknown column", unknown),
        ("missing column", missing),
        ("column given twice", twice),
    ):
        if names:
            listed = ", ".join(repr(name) for name in names)
            plural = "s" if len(names) > 1 and wrong != "column given twice" else ""
            raise CliError(
                f"{path}: {wrong}{plural} {listed}", f"Columns: {allowed}.", exit_code=MISUSED
            )
