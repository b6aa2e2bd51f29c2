"""Cells of the evaluation: the clips of one degradation and length, and which were right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.evaluation.judged import RULES, Judged


@dataclass(frozen=True, slots=True)
class Cell:
    """One degradation at one length.

    Attributes:
        degradation: what was done to the clips.
        length_seconds: of the clips.
        asked: numbers of the clips.
        right: for each rule, the numbers of those answered rightly.
    """

    degradation: str
    length_seconds: float
    asked: frozenset[int]
    right: dict[str, frozenset[int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the cell is called in text."""
        return f"{self.degradation} {self.length_seconds:g} s"

    def as_json(self) -> dict[str, object]:
        """Returns counts to read, and the clips themselves as bit masks in hexadecimal."""
        counts = {rule: len(self.right[rule]) for rule in RULES}
        masks = {rule: _mask(self.right[rule]) for rule in RULES}
        return {
            "degradation": self.degradation,
            "length_s": self.length_seconds,
            "n": len(self.asked),
            **counts,
            "clips": {"asked": _mask(self.asked), **masks},
        }

    @classmethod
    def from_json(cls, value: dict[str, object]) -> Cell:
        """Returns what `as_json` made the value of.

        Raises:
            KeyError, TypeError, ValueError: it is no such value.
        """
        masks = value["clips"]
        if not isinstance(masks, dict):
            raise TypeError("clips must be an object")
        return cls(
            str(value["degradation"]),
            float(str(value["length_s"])),
            _numbers(str(masks["asked"])),
            {rule: _numbers(str(masks[rule])) for rule in RULES},
        )


def cells(judged: Iterable[Judged]) -> list[Cell]:
    """Returns the cells of the registered clips, in the order of the clips."""
    found: dict[tuple[float, str], list[Judged]] = {}
    for one in judged:
        if one.known:
            found.setdefault((one.clip.length_seconds, one.clip.degradation), []).append(one)
    return [
        Cell(
            degradation,
            length,
            frozenset(one.clip.number for one in some),
            {
                rule: frozenset(one.clip.number for one in some if one.right_by(rule))
                for rule in RULES
            },
        )
        for (length, degradation), some in sorted(found.items(), key=lambda item: item[0][0])
    ]


def _mask(numbers: Iterable[int]) -> str:
    return f"{sum(1 << number for number in numbers):x}"


def _numbers(mask: str) -> frozenset[int]:
    value = int(mask, 16)
    return frozenset(number for number in range(value.bit_length()) if value >> number & 1)
