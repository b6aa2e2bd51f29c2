"""Aim: catalogue and accounts each have a role, also in data that was made before accounts were.

Method: the launcher's real PostgreSQL alone, under a real supervisor.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from mesh.local import programs
from mesh.local.errors import PartFailedError
from mesh.local.guard import Guard
from mesh.local.layout import Layout
from mesh.local.lock import DataLock
from mesh.local.postgres import Postgres
from mesh.local.settings import LocalSettings
from mesh.local.supervisor import Supervisor

pytestmark = [
    pytest.mark.slow,
    # Python from 3.12 on warns of what we avoid in earnest: the supervisor itself runs no threads.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]


@pytest.fixture
async def guard(tmp_path: Path) -> AsyncIterator[Guard]:
    layout = Layout.of(tmp_path / "d")
    layout.prepare()
    held = await DataLock.acquire(layout.lock)
    made = Guard(held.descriptor)
    yield made
    made.close()
    held.release()


@pytest.fixture
def postgres(tmp_path: Path) -> Postgres:
    folder = programs.postgres_bin_dir(LocalSettings.from_environment(tmp_path, {}))
    return Postgres.of(Layout.of(tmp_path / "d"), folder, {"PATH": os.environ["PATH"]})


async def test_data_made_before_accounts_gets_their_role(
    postgres: Postgres, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def made_nothing(_self: Postgres, _guard: Guard) -> None:
        pass

    monkeypatch.setattr(Postgres, "_make_users_role", made_nothing)
    await postgres.prepare(guard)
    monkeypatch.undo()
    supervisor = Supervisor((postgres.part(),), postgres.layout, guard, lambda *_: None)
    await supervisor.start()
    try:
        connection = await asyncpg.connect(postgres.users_dsn)
        assert await connection.fetchval("SELECT current_user") == "sonica_users"
        await connection.execute("CREATE TABLE users.x (y int)")
        for sql in ("CREATE SCHEMA z", "CREATE ROLE z", "SELECT * FROM pg_authid"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)
        await connection.close()
        connection = await asyncpg.connect(postgres.dsn)
        assert await connection.fetchval("SELECT current_user") == "sonica"
        await connection.close()
    finally:
        await supervisor.stop()
    # A start that was cut after the statements and before the mark does them again.
    postgres._has_users_role.unlink()
    await postgres.prepare(guard)
    assert postgres._has_users_role.exists()


async def test_a_statement_that_fails_is_not_taken_for_done(
    postgres: Postgres, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mesh.local.postgres._MAKE_USERS_ROLE", "SELECT 1 / 0\n")
    with pytest.raises(PartFailedError, match="division by zero"):
        await postgres.prepare(guard)
    monkeypatch.undo()
    assert not postgres._has_users_role.exists()
    await postgres.prepare(guard)
    assert postgres._has_users_role.exists()
