"""Makes the C library give freed memory back.

Fresh points come and go by the ten thousand, and each build frees what it replaces. Left to itself
glibc keeps much of that, in an arena for each thread: a third as much again as the index itself.
"""

from __future__ import annotations

import ctypes

# malloc.h of glibc.
_M_TRIM_THRESHOLD = -1
_M_ARENA_MAX = -8

_TRIM_BYTES = 128 * 1024
_ARENAS = 2


def give_freed_memory_back() -> None:
    """Bounds what malloc keeps; call it before threads begin. Without glibc it does nothing."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        return
    libc.mallopt(_M_ARENA_MAX, _ARENAS)
    # Setting it also keeps malloc from raising the size from which memory is mapped by itself.
    libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
