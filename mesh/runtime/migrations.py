"""Brings a schema of a database up to date, at every start of the service that owns it.

Migrations are the files `migrations/NNNN_<verb>.sql` of a package, applied in order, each in one
transaction. A file that was applied once may never change again; its checksum is kept to notice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

import asyncpg

from mesh.runtime.database import Connection, Database
from mesh.runtime.serve import StartError

# A migration may rewrite a row of every track.
_SECONDS_MAX = 3600.0
_log = logging.getLogger(__name__)


class MigrationChangedError(StartError):
    """A migration differs from the one that was applied, so the schema is not what we think."""


class Migration(NamedTuple):
    """One file of `migrations/`."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Checksum of the SQL text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(package: str) -> list[Migration]:
    """Returns the migrations of this version of a package, oldest first."""
    found = (
        Migration(entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8"))
        for entry in files(package).joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    return sorted(found)


async def bring_up_to_date(
    database: Database, schema: str, known: Sequence[Migration], lock: int
) -> None:
    """Applies the migrations that are missing; makes the schema when there is none.

    Args:
        database: where to.
        schema: of the service; a plain lower-case word.
        known: all migrations, oldest first.
        lock: all replicas start at once; one migrates under this lock, the others wait.

    Raises:
        MigrationChangedError: one that was applied has changed, or is not known here.
        StartError: the database refuses us the right to.
    """
    try:
        await _migrate(database, schema, known, lock)
    except asyncpg.InsufficientPrivilegeError as error:
        raise StartError(
            f"the database does not let us set up the schema {schema}: {error}; have its owner run "
            f"CREATE SCHEMA {schema} AUTHORIZATION with our role, or GRANT CREATE ON the DATABASE "
            "to it"
        ) from error


async def _migrate(database: Database, schema: str, known: Sequence[Migration], lock: int) -> None:
    async with database.transaction("migrate") as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", lock, timeout=_SECONDS_MAX)
        # Asked first: to make one that is there takes the right to make one all the same.
        if not await connection.fetchval("SELECT to_regnamespace($1)", schema):
            await connection.execute(f"CREATE SCHEMA {schema}")
        await connection.execute(
            f"""
            CREATE TABLE IF NOT EXISTS {schema}.migration (
                name text PRIMARY KEY,
                sha256 text NOT NULL,
                apply_time timestamptz NOT NULL DEFAULT now()
            )
            """
        )
        await _apply(connection, schema, known)


async def _apply(connection: Connection, schema: str, known: Sequence[Migration]) -> None:
    table = f"{schema}.migration"
    rows = await connection.fetch(f"SELECT name, sha256 FROM {table}")  # noqa: S608 - our own name
    applied = {row["name"]: row["sha256"] for row in rows}
    unknown = applied.keys() - {migration.name for migration in known}
    if unknown:
        raise MigrationChangedError(
            f"the database has migrations this version does not know: {sorted(unknown)}; "
            "start the version that made them, or a later one"
        )
    for migration in known:
        before = applied.get(migration.name)
        if before == migration.sha256:
            continue
        if before is not None:
            raise MigrationChangedError(
                f"migration {migration.name} has changed since it was applied; "
                "write a new one instead"
            )
        await connection.execute(migration.sql, timeout=_SECONDS_MAX)
        await connection.execute(
            f"INSERT INTO {table} (name, sha256) VALUES ($1, $2)",  # noqa: S608 - our own name
            migration.name,
            migration.sha256,
        )
        _log.info("applied migration %s", migration.name)
