"""Counts within windows of the clock: in Redis for all replicas, in memory where there is none.

Windows begin at multiples of their length since 1970, so a day is a UTC day and every replica
means the same one without asking. A count is a cache of no store: a Redis that forgets begins anew.
Whose a count is cannot be read from its key, so what an erasure leaves here names nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from opentelemetry.trace import SpanKind
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from mesh.runtime import telemetry
from user_svc.errors import CountsUnreachableError

_PREFIX = "sonica:users:limits"
_CONNECTIONS = 32
# A replica whose clock is behind still finds the count of a window that is over for others.
_SKEW_SECONDS = 60
_T = TypeVar("_T")


class Counts:
    """Counts by subject and window.

    Args:
        storage: opened by `open_counts`.
        timeout_seconds: longest wait for one call.
    """

    def __init__(self, storage: Storage, timeout_seconds: float) -> None:
        self._storage = storage
        self._timeout_seconds = timeout_seconds

    async def add(self, subject: str, window_seconds: int, now: float) -> int:
        """Counts one more in the window of `now`, and returns how many there are with it.

        Raises:
            CountsUnreachableError.
        """
        return await self._within("count", self._changed(subject, window_seconds, now, 1))

    async def take_back(self, subject: str, window_seconds: int, now: float) -> None:
        """Counts one less, which `add` has counted.

        Raises:
            CountsUnreachableError.
        """
        await self._within("take_back", self._changed(subject, window_seconds, now, -1))

    async def read(self, subject: str, window_seconds: int, now: float) -> int:
        """Returns how many there are.

        Raises:
            CountsUnreachableError.
        """
        key = _key(subject, window_seconds, now)
        return await self._within("read", self._storage.get(key))

    def _changed(
        self, subject: str, window_seconds: int, now: float, amount: int
    ) -> Awaitable[int]:
        key = _key(subject, window_seconds, now)
        return self._storage.incr(key, window_seconds + _SKEW_SECONDS, amount)

    async def _within(self, operation: str, call: Awaitable[_T]) -> _T:
        attributes = {"db.system.name": "redis", "db.operation.name": operation}
        try:
            with telemetry.span(f"redis.{operation}", SpanKind.CLIENT, **attributes):
                async with asyncio.timeout(self._timeout_seconds):
                    return await call
        except (RedisError, OSError) as error:
            raise CountsUnreachableError(
                f"the counts of calls cannot be reached for now: {error or 'no answer in time'}"
            ) from error


def _key(subject: str, window_seconds: int, now: float) -> str:
    # Names of accounts hold 122 random bits: nobody can search them.
    whose = hashlib.sha256(subject.encode()).hexdigest()
    return f"{whose}:{window_seconds}:{int(now // window_seconds)}"


@asynccontextmanager
async def open_counts(url: str | None, timeout_seconds: float) -> AsyncIterator[Counts]:
    """Yields the counts in the Redis at `url`, or in memory; nothing is sent before their use."""
    if url is None:
        yield Counts(MemoryStorage(), timeout_seconds)
        return
    options: dict[str, Any] = {
        "max_connections": _CONNECTIONS,
        "timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
    }
    pool = BlockingConnectionPool.from_url(url, **options)
    storage = RedisStorage(
        "async+redis://",  # not connected to: the pool is
        implementation="redispy",
        key_prefix=_PREFIX,
        connection_pool=pool,  # type: ignore[arg-type] # its options are wider than it says
    )
    try:
        yield Counts(storage, timeout_seconds)
    finally:
        await pool.aclose()
