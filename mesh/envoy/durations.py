"""Durations as protobuf's JSON form writes them."""

from __future__ import annotations


def seconds(value: float) -> str:
    """Returns e.g. `0.25s`, to the millisecond."""
    return f"{round(value, 3):g}s" if value < 1e5 else f"{round(value)}s"
