"""Brings the schema `catalog` up to date at every start."""

from __future__ import annotations

from match_svc.stores.postgres import Database
from mesh.runtime.migrations import (
    Migration,
    MigrationChangedError,
    bring_up_to_date,
    migrations_of,
)

__all__ = ["MigrationChangedError", "migrate", "migrations"]

# The number is arbitrary but ours.
_LOCK = 0x50_4E_49_43_41_00_01


def migrations() -> list[Migration]:
    """Returns the migrations of this version, oldest first."""
    return migrations_of("match_svc")


async def migrate(database: Database) -> None:
    """Applies the migrations that are missing.

    Raises:
        MigrationChangedError: one that was applied has changed, or is not known here.
    """
    await bring_up_to_date(database, "catalog", migrations(), _LOCK)
