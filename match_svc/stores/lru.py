"""A cache in this process: bounded in bytes and in age."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

# What one entry costs beyond its key and value, about.
_ENTRY_BYTES = 200


class LruCache:
    """Keeps the entries used last.

    Args:
        capacity_bytes: keys, values and overhead together; 0 keeps nothing.
        clock: seconds; for tests.
    """

    def __init__(self, capacity_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity_bytes = capacity_bytes
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> bytes | None:
        """Returns an entry that is there and not too old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] < self._clock():
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """Keeps an entry; the ones unused for longest make room."""
        self.drop(key)
        self._entries[key] = (self._clock() + ttl_seconds, value)
        self._bytes += _size(key, value)
        while self._bytes > self._capacity_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, key: str) -> None:
        """Forgets an entry, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _size(key, entry[1])

    def drop_prefix(self, prefix: str) -> None:
        """Forgets all entries whose key begins so."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            self.drop(key)


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + _ENTRY_BYTES
