"""What stand-ins for services have in common: they remember their calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any


class Remembering:
    """Remembers the calls of a servicer, and whether one was cut off."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.metadata: dict[str, str] = {}
        self.remaining_seconds: float | None = None
        self.entered_at = 0.0
        self.entered = asyncio.Event()
        self.cancelled = asyncio.Event()

    def enter(self, name: str, context: Any) -> None:
        self.calls[name] += 1
        self.entered.set()
        self.metadata = dict(context.invocation_metadata())
        self.remaining_seconds = context.time_remaining()
        self.entered_at = asyncio.get_running_loop().time()
