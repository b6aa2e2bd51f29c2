"""PostgreSQL as user_svc sees it: the mesh's way there, with the reasons of this service."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from mesh.runtime import database
from mesh.runtime.database import Connection, Database, StoreFailures
from user_svc.errors import StorageFullError, StoreUnreachableError

__all__ = ["Connection", "Database", "open_database"]


def open_database(
    url: str, pool_size: int, timeout_seconds: float, patience_seconds: float
) -> AbstractAsyncContextManager[Database]:
    """Opens the pool as `mesh.runtime.database.open_database` does."""
    return database.open_database(
        url,
        pool_size,
        timeout_seconds,
        patience_seconds,
        service="user_svc",
        failures=StoreFailures(StoreUnreachableError, StorageFullError),
    )
