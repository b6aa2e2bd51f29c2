"""The WHERE of a statement, made of those conditions that a call has asked for.

A condition that is not wanted is not in the statement: PostgreSQL plans each combination by its own
index, which `$1 IS NULL OR ...` would hide from it.
"""

from __future__ import annotations


class Conditions:
    """Collects conditions and the values of their placeholders."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self._texts: list[str] = []

    def add(self, text: str, *values: object) -> None:
        """Adds a condition of ours, in whose text each `{}` stands for one of the values."""
        self._texts.append(text.format(*map(self.place, values)))

    def place(self, value: object) -> str:
        """Returns the placeholder of a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    @property
    def where(self) -> str:
        """The clause; empty when there is no condition."""
        return f"WHERE {' AND '.join(self._texts)}" if self._texts else ""
