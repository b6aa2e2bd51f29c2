"""What the mesh answered, kept in a CSV file so that an interrupted run goes on."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Answer:
    """The best candidate for one clip, accepted or not.

    Attributes:
        query_id: the clip.
        track_id: external id of the candidate; empty without one.
        offset_seconds: time in the track at which the clip begins.
        score: the candidate's probability.
        accepted: whether the service answers with it.
        ambiguous: whether another recording shares the passage.
        latency_ms: time of the call.
        error: reason of the error that came instead; empty without one.
    """

    query_id: str
    track_id: str = ""
    offset_seconds: float = 0.0
    score: float = 0.0
    accepted: bool = False
    ambiguous: bool = False
    latency_ms: float = 0.0
    error: str = ""


COLUMNS = tuple(field.name for field in fields(Answer))


class AnswerFile:
    """Answers on disk, appended to as they come; use it as a context manager.

    Attributes:
        known: the answers so far, by query.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known = _read(path)

    def __enter__(self) -> Self:
        fresh = not self._path.exists() or not self._path.stat().st_size
        self._file = self._path.open("a", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, COLUMNS)
        if fresh:
            self._writer.writeheader()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, answer: Answer) -> None:
        """Keeps one answer; it is on disk when this returns."""
        self._writer.writerow(
            {name: int(v) if isinstance(v, bool) else v for name, v in asdict(answer).items()}
        )
        self._file.flush()
        self.known[answer.query_id] = answer


def _read(path: Path) -> dict[str, Answer]:
    """Returns the answers of a file, after cutting off a line that was never finished."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
    with path.open(newline="", encoding="utf-8") as file:
        return {row["query_id"]: _answer(row) for row in csv.DictReader(file)}


def _answer(row: dict[str, str]) -> Answer:
    return Answer(
        query_id=row["query_id"],
        track_id=row["track_id"],
        offset_seconds=float(row["offset_seconds"]),
        score=float(row["score"]),
        accepted=row["accepted"] == "1",
        ambiguous=row["ambiguous"] == "1",
        latency_ms=float(row["latency_ms"]),
        error=row["error"],
    )
