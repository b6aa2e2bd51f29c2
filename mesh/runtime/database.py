"""Connections to PostgreSQL: bounded in number and time, their failures typed.

Owns the pool and the translation of driver errors; knows no table. What a failure is called is said
by the service. Session advisory locks are used, so a pooler in between has to pool sessions, not
transactions.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NamedTuple, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from opentelemetry.trace import SpanKind

from mesh.runtime import telemetry
from mesh.runtime.channels import remaining_seconds
from mesh.runtime.errors import ServiceError
from mesh.runtime.serve import StartError

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

_RETRY_SECONDS = 0.5
_UNREACHABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the driver's "connection is closed"
    asyncpg.InternalClientError,  # a farewell of the server met our next statement
    asyncpg.OperatorInterventionError,  # shutdown, start-up, cancelled by a time limit
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    OSError,  # TimeoutError is one
)
# What waiting does not cure.
_MISCONFIGURED = (
    asyncpg.ClientConfigurationError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
_log = logging.getLogger(__name__)


class StoreFailures(NamedTuple):
    """The errors of a service that stand for failures of its database.

    Attributes:
        unreachable: it does not answer in time.
        full: there is no room for what was to be stored.
    """

    unreachable: type[ServiceError]
    full: type[ServiceError]


class Database:
    """A pool of connections.

    Args:
        pool: opened by `open_database`.
        timeout_seconds: longest wait for a connection, and longest run of a statement.
        failures: what its methods raise.
    """

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        timeout_seconds: float,
        failures: StoreFailures,
    ) -> None:
        self._pool = pool
        self._timeout_seconds = timeout_seconds
        self._failures = failures

    @asynccontextmanager
    async def connection(self, operation: str) -> AsyncIterator[Connection]:
        """Yields a connection; all that is done with it has to end within the time left.

        Args:
            operation: names the span, e.g. `read_passages`.

        Raises:
            ServiceError: one of the failures.
        """
        with _span(operation), self._store_errors():
            async with asyncio.timeout(self._time_left()), self._acquired() as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self, operation: str) -> AsyncIterator[Connection]:
        """Yields a connection inside a transaction.

        It may be held while another store is written, so only its single statements are limited.

        Raises:
            ServiceError: one of the failures.
        """
        with _span(operation), self._store_errors():
            async with self._acquired() as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def exclusive(self, lock: int) -> AsyncIterator[bool]:
        """Holds a lock of the whole database; yields False at once when another holds it.

        Args:
            lock: number of the lock. It is given up with the connection, so by a crash too.
        """
        with self._store_errors():
            async with self._acquired() as connection:
                held = bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock))
                try:
                    yield held
                finally:
                    if held:
                        await _unlock(connection, lock)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire(timeout=self._time_left()) as connection:
            try:
                yield connection
            except asyncpg.InternalClientError:
                _terminate(connection)
                raise

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Turns what the driver raises into typed errors."""
        try:
            yield
        except asyncpg.DiskFullError as error:
            raise self._failures.full(
                f"PostgreSQL has no room left ({error}); nothing was stored",
                retry_after_seconds=60.0,
            ) from error
        except _UNREACHABLE as error:
            raise self._failures.unreachable(
                f"PostgreSQL does not answer: {error or 'timeout'}"
            ) from error

    def _time_left(self) -> float:
        left = remaining_seconds()
        return self._timeout_seconds if left is None else min(left, self._timeout_seconds)


@asynccontextmanager
async def open_database(
    url: str,
    pool_size: int,
    timeout_seconds: float,
    patience_seconds: float,
    *,
    service: str,
    failures: StoreFailures,
) -> AsyncIterator[Database]:
    """Opens the pool once PostgreSQL answers.

    Args:
        url: PostgreSQL URL.
        pool_size: most connections.
        timeout_seconds: for one statement or connection.
        patience_seconds: how long PostgreSQL may take to come up before the start fails.
        service: how PostgreSQL calls its sessions.
        failures: what stands for a failure of it.

    Raises:
        StartError: it did not, or refuses us.
    """
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=pool_size,
        command_timeout=timeout_seconds,
        timeout=timeout_seconds,
        # A connection that idles is soon a connection that a firewall has cut.
        max_inactive_connection_lifetime=60.0,
        server_settings={
            "application_name": service,
            "jit": "off",
            "idle_in_transaction_session_timeout": "120s",
        },
        # Nothing is left behind in a session, so it needs no extra round trip to be cleaned.
        reset=_leave_as_is,
    )
    async with pool:
        await _wait_until_up(pool, patience_seconds)
        yield Database(pool, timeout_seconds, failures)


async def _wait_until_up(pool: asyncpg.Pool[asyncpg.Record], patience_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    while True:
        try:
            await pool.fetchval("SELECT 1", timeout=patience_seconds)
        except _MISCONFIGURED as error:
            raise StartError(f"cannot use the database: {error}") from error
        except _UNREACHABLE as error:
            if loop.time() > deadline:
                raise StartError(f"PostgreSQL does not come up: {error or 'timeout'}") from error
            _log.info("waiting for PostgreSQL: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


async def _leave_as_is(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    pass


async def _unlock(connection: Connection, lock: int) -> None:
    """Gives up a session lock, with the session if nothing else works."""
    try:
        await connection.execute("SELECT pg_advisory_unlock($1)", lock)
    except BaseException:
        _terminate(connection)
        raise


def _terminate(connection: Connection) -> None:
    """Ends a session that is not to be used again."""
    with suppress(asyncpg.InterfaceError):  # it has ended by itself
        connection.terminate()


@contextmanager
def _span(operation: str) -> Iterator[None]:
    attributes = {"db.system.name": "postgresql", "db.operation.name": operation}
    with telemetry.span(f"postgresql.{operation}", SpanKind.CLIENT, **attributes):
        yield
