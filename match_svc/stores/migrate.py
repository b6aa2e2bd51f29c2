"""Brings the schema `catalog` up to date at every start.

Migrations are the files `migrations/NNNN_<verb>.sql`, applied in order, each in one transaction. A
file that was applied once may never change again; its checksum is kept to notice.
"""

from __future__ import annotations

import hashlib
import logging
from importlib.resources import files
from typing import NamedTuple

from match_svc.stores.postgres import Connection, Database
from mesh.runtime.serve import StartError

# All replicas start at once; one migrates, the others wait. The number is arbitrary but ours.
_LOCK = 0x50_4E_49_43_41_00_01
# A migration may rewrite a row of every track.
_SECONDS_MAX = 3600.0
_LEDGER = """
CREATE SCHEMA IF NOT EXISTS catalog;
CREATE TABLE IF NOT EXISTS catalog.migration (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    apply_time timestamptz NOT NULL DEFAULT now()
);
"""
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


def migrations() -> list[Migration]:
    """Returns the migrations of this version, oldest first."""
    found = (
        Migration(entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8"))
        for entry in files("match_svc").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    return sorted(found)


async def migrate(database: Database) -> None:
    """Applies the migrations that are missing.

    Raises:
        MigrationChangedError: one that was applied has changed, or is not known here.
    """
    async with database.transaction("migrate") as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_SECONDS_MAX)
        await connection.execute(_LEDGER)
        await _apply(connection, migrations())


async def _apply(connection: Connection, known: list[Migration]) -> None:
    rows = await connection.fetch("SELECT name, sha256 FROM catalog.migration")
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
            "INSERT INTO catalog.migration (name, sha256) VALUES ($1, $2)",
            migration.name,
            migration.sha256,
        )
        _log.info("applied migration %s", migration.name)
