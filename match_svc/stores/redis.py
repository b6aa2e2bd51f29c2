"""Redis as a cache that may fail at any time: it then has nothing, and is left alone a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from opentelemetry.trace import SpanKind
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from mesh.runtime import telemetry

T = TypeVar("T")

_CONNECTIONS = 16
_REST_SECONDS = 5.0
_SCAN_KEYS = 1000
_SCAN_SECONDS = 5.0
_log = logging.getLogger(__name__)


class RedisCache:
    """Bytes by key. No method raises for a Redis that is slow or gone.

    Args:
        client: opened by `open_redis`.
        timeout_seconds: longest wait for one call.
    """

    def __init__(self, client: Redis, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._rests_until = 0.0
        self._failing = False

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Returns the entries of some keys, None for each that is not there."""
        found: list[Any] | None = await self._try("get", lambda: self._client.mget(keys))
        return found or [None] * len(keys)

    async def put(self, entries: dict[str, bytes], ttl_seconds: float) -> None:
        """Keeps entries for some time."""

        async def write() -> None:
            async with self._client.pipeline(transaction=False) as pipe:
                for key, value in entries.items():
                    pipe.set(key, value, px=max(1, int(ttl_seconds * 1000)))
                await pipe.execute()

        await self._try("put", write)

    async def forget(self, key: str, prefix: str) -> None:
        """Forgets one entry, and all whose key begins with `prefix`."""

        async def write() -> None:
            await self._client.unlink(key)
            cursor = 0
            while True:
                cursor, found = await self._client.scan(
                    cursor, match=f"{prefix}*", count=_SCAN_KEYS
                )
                if found:
                    await self._client.unlink(*found)
                if not cursor:
                    return

        await self._try("forget", write, timeout_seconds=_SCAN_SECONDS)

    async def _try(
        self, operation: str, call: Callable[[], Awaitable[T]], timeout_seconds: float | None = None
    ) -> T | None:
        if time.monotonic() < self._rests_until:
            return None
        attributes = {"db.system.name": "redis", "db.operation.name": operation}
        try:
            with telemetry.span(f"redis.{operation}", SpanKind.CLIENT, **attributes):
                async with asyncio.timeout(timeout_seconds or self._timeout_seconds):
                    value = await call()
        except (RedisError, OSError) as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            if not self._failing:
                _log.warning("Redis does not answer, going on without: %s", error or "timeout")
            self._failing = True
            return None
        if self._failing:
            _log.info("Redis answers again")
        self._failing = False
        return value


@asynccontextmanager
async def open_redis(url: str, timeout_seconds: float) -> AsyncIterator[RedisCache]:
    """Yields the cache at `url`; nothing is sent before its first use."""
    options: dict[str, Any] = {
        "max_connections": _CONNECTIONS,
        "timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
    }
    pool = BlockingConnectionPool.from_url(url, **options)
    client = Redis(connection_pool=pool)
    try:
        yield RedisCache(client, timeout_seconds)
    finally:
        await client.aclose()
        await pool.aclose()
