"""Brings the schema `users` up to date at every start."""

from __future__ import annotations

from mesh.runtime.migrations import bring_up_to_date, migrations_of
from user_svc.stores.postgres import Database

# The number is arbitrary but ours.
_LOCK = 0x50_4E_49_43_41_00_02


async def migrate(database: Database) -> None:
    """Applies the migrations that are missing.

    Raises:
        MigrationChangedError: one that was applied has changed, or is not known here.
    """
    await bring_up_to_date(database, "users", migrations_of("user_svc"), _LOCK)
