"""The clips of an evaluation: read from `queries.csv`, and a part of them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip, with what is true of it.

    Attributes:
        query_id: `<excerpt>-<length>s`; the excerpt ends in its number within its cell.
        track_id: the registered track it was taken from; empty for an unknown clip.
        group: of the corpus.
        offset_seconds: time in the track at which the clip begins.
        length_seconds: of the clip.
        degradation: what was done to it.
        path: of the audio.
    """

    query_id: str
    track_id: str
    group: str
    offset_seconds: float
    length_seconds: float
    degradation: str
    path: Path

    @property
    def excerpt(self) -> str:
        """What the clips of all lengths were cut from."""
        return self.query_id.rpartition("-")[0]

    @property
    def number(self) -> int:
        """The excerpt's number within its cell, from 0."""
        return int(self.excerpt.rpartition("-")[2])


@dataclass(frozen=True, slots=True)
class Selection:
    """Which clips to ask for.

    Attributes:
        lengths: seconds; empty means all.
        degradations: of registered tracks; empty means all. Unknown clips are kept whatever was
            done to them: they set the thresholds.
        per_cell: most excerpts of a cell, evenly spaced through it; 0 means all.
    """

    lengths: frozenset[float] = frozenset()
    degradations: frozenset[str] = frozenset()
    per_cell: int = 0

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Selection()

    def of(self, clips: list[Clip]) -> list[Clip]:
        """Returns the chosen clips in their order."""
        wanted = [
            clip
            for clip in clips
            if (not self.lengths or clip.length_seconds in self.lengths)
            and (
                not self.degradations or not clip.track_id or clip.degradation in self.degradations
            )
        ]
        if not self.per_cell:
            return wanted
        cells: dict[tuple[bool, str], set[int]] = {}
        for clip in wanted:
            cells.setdefault((bool(clip.track_id), clip.degradation), set()).add(clip.number)
        kept = {cell: _spaced(sorted(numbers), self.per_cell) for cell, numbers in cells.items()}
        return [c for c in wanted if c.number in kept[bool(c.track_id), c.degradation]]


def _spaced(numbers: list[int], count: int) -> set[int]:
    """Returns `count` of the numbers, evenly spaced: a cell's excerpts are ordered by group."""
    if count >= len(numbers):
        return set(numbers)
    return {numbers[place * len(numbers) // count] for place in range(count)}


def read_clips(queries: Path) -> list[Clip]:
    """Returns the clips of a `queries.csv` in its order.

    Raises:
        OSError, KeyError, ValueError: it is not such a file.
    """
    with queries.open(newline="", encoding="utf-8") as file:
        return [
            Clip(
                query_id=row["query_id"],
                track_id=row["track_id"],
                group=row["group"],
                offset_seconds=float(row["offset_s"]),
                length_seconds=float(row["length_s"]),
                degradation=row["degradation"],
                path=queries.parent / row["file"],
            )
            for row in csv.DictReader(file)
        ]
