"""Which failures pass by themselves, and how long to wait for that."""

from __future__ import annotations

import grpc
from sonica_client import SonicaError

# A part that is restarted is back within seconds; a busy machine takes longer.
PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
_BUSY = frozenset({"DECODERS_BUSY", "RATE_LIMITED", "SERVER_BUSY", "UPSTREAM_LIMIT_REACHED"})


def passes(error: SonicaError) -> bool:
    """Returns whether the same call may well succeed a little later."""
    return error.code is grpc.StatusCode.UNAVAILABLE or error.reason in _BUSY


def pause_seconds(error: SonicaError, attempt: int) -> float | None:
    """Returns how long to wait after failed attempt number `attempt`, counted from 1.

    None means that it has been tried often enough.
    """
    if attempt > len(PAUSES_SECONDS):
        return None
    return max(PAUSES_SECONDS[attempt - 1], error.retry_after_seconds or 0.0)
