"""Counts of failed attempts: in Redis for all replicas, in memory while there is none.

A count is not worth refusing anybody for: without Redis each replica goes on with its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from opentelemetry.trace import SpanKind
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from mesh.runtime import telemetry

_PREFIX = "sonica:users:attempts:"
_CONNECTIONS = 8
_KEYS_MAX = 10_000
# DECR alone would begin a count below 0, and without an end, where the window is over.
_TAKE_ONE = """
if tonumber(redis.call("GET", KEYS[1]) or "0") > 0 then
    redis.call("DECR", KEYS[1])
end
"""
_log = logging.getLogger(__name__)


class Count(NamedTuple):
    """How often something was tried in a window, and how long the window goes on.

    Attributes:
        attempts: with the one just counted.
        seconds_left: of the window.
        shared: whether the attempt was counted for all replicas too.
    """

    attempts: int
    seconds_left: float
    shared: bool = False


class Attempts(Protocol):
    """Counts attempts by key. Counting comes before the attempt, so many at once count too."""

    async def begin(self, key: str, window_seconds: int) -> Count:
        """Counts one more; the first opens the window."""
        ...

    async def give_back(self, key: str, count: Count) -> None:
        """Takes one away, where `begin` has counted it: the attempt came to nothing."""
        ...

    async def forget(self, key: str) -> None:
        """Begins anew: the attempt went well."""
        ...


class MemoryAttempts:
    """Counts of this process, of at most 10,000 keys; the least recent are forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def begin(self, key: str, window_seconds: int) -> Count:
        """Counts one more."""
        now = time.monotonic()
        attempts, end = self._counts.pop(key, (0, 0.0))
        if end <= now:
            attempts, end = 0, now + window_seconds
        self._counts[key] = (attempts + 1, end)
        if len(self._counts) > _KEYS_MAX:
            self._counts.popitem(last=False)
        return Count(attempts + 1, end - now)

    async def give_back(self, key: str, count: Count) -> None:
        """Takes one away."""
        del count  # what is here was counted here
        attempts, end = self._counts.get(key, (0, 0.0))
        if attempts > 0:
            self._counts[key] = (attempts - 1, end)

    async def forget(self, key: str) -> None:
        """Begins anew."""
        self._counts.pop(key, None)


class RedisAttempts:
    """Counts of all replicas.

    Args:
        client: opened by `open_attempts`.
        timeout_seconds: longest wait for one call.
    """

    def __init__(self, client: Redis, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._take_one = client.register_script(_TAKE_ONE)
        self._own = MemoryAttempts()
        self._failing = False

    async def begin(self, key: str, window_seconds: int) -> Count:
        """Counts one more; here too, so that a Redis that goes away takes no count with it."""
        own = await self._own.begin(key, window_seconds)
        name = _PREFIX + key
        try:
            with _span("count"):
                async with asyncio.timeout(self._timeout_seconds):
                    async with self._client.pipeline(transaction=True) as pipe:
                        pipe.set(name, 0, ex=window_seconds, nx=True)
                        pipe.incr(name)
                        pipe.pttl(name)
                        _, attempts, milliseconds = await pipe.execute()
        except (RedisError, OSError) as error:
            self._failed(error)
            return own
        self._failing = False
        return Count(int(attempts), max(0, int(milliseconds)) / 1000, shared=True)

    async def give_back(self, key: str, count: Count) -> None:
        """Takes one away here, and there if it was counted there: else it would be another's."""
        await self._own.give_back(key, count)
        if not count.shared:
            return
        try:
            with _span("give_back"):
                async with asyncio.timeout(self._timeout_seconds):
                    await self._take_one(keys=[_PREFIX + key])
        except (RedisError, OSError) as error:
            self._failed(error)

    async def forget(self, key: str) -> None:
        """Begins anew."""
        await self._own.forget(key)
        try:
            with _span("forget"):
                async with asyncio.timeout(self._timeout_seconds):
                    await self._client.unlink(_PREFIX + key)
        except (RedisError, OSError) as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        if not self._failing:
            _log.warning("Redis does not answer, counting here only: %s", error or "timeout")
        self._failing = True


def _span(operation: str) -> Any:
    attributes = {"db.system.name": "redis", "db.operation.name": operation}
    return telemetry.span(f"redis.{operation}", SpanKind.CLIENT, **attributes)


@asynccontextmanager
async def open_attempts(url: str | None, timeout_seconds: float) -> AsyncIterator[Attempts]:
    """Yields the counts in the Redis at `url`, or in memory; nothing is sent before their use."""
    if url is None:
        yield MemoryAttempts()
        return
    options: dict[str, Any] = {
        "max_connections": _CONNECTIONS,
        "timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
    }
    pool = BlockingConnectionPool.from_url(url, **options)
    client = Redis(connection_pool=pool)
    try:
        yield RedisAttempts(client, timeout_seconds)
    finally:
        await client.aclose()
        await pool.aclose()
