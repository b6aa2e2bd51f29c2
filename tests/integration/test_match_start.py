"""Aim: a start makes the schema exactly once, and says in one line why it cannot.

Method: real databases, several starts at once, tampered migrations, wrong settings.
"""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from match_svc.stores.migrate import MigrationChangedError, migrate, migrations
from match_svc.stores.postgres import Database, open_database
from mesh.runtime.serve import StartError
from tests.integration import stores
from tests.integration.match_service import make_settings, match_process, match_service

MISSING = "postgresql://sonica@/postgres?host=/nowhere"


async def test_replicas_that_start_at_once_migrate_once(
    postgres_dsn: str, engine_address: str, own_name: str
) -> None:
    settings = make_settings(postgres_dsn, engine_address, own_name)
    services = [match_service(settings) for _ in range(4)]
    clients = await asyncio.gather(*(service.__aenter__() for service in services))
    try:
        track = await clients[0].register(1)
        best = await clients[3].best(1)
        assert best is not None
        del track.algorithm_versions[:]  # an answer does not tell them
        assert best.track == track
    finally:
        await asyncio.gather(*(service.__aexit__(None, None, None) for service in services))
    connection = await asyncpg.connect(postgres_dsn)
    applied = await connection.fetch("SELECT name, sha256 FROM catalog.migration ORDER BY name")
    await connection.close()
    assert [tuple(row) for row in applied] == [(m.name, m.sha256) for m in migrations()]


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(migration.name.split("_")[0]) for migration in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE catalog.migration SET sha256 = 'x'",
        "INSERT INTO catalog.migration (name, sha256) VALUES ('9999_from_the_future', 'x')",
    ],
)
async def test_a_schema_that_is_not_ours_stops_the_start(postgres_dsn: str, tampering: str) -> None:
    async with open_database(postgres_dsn, 4, 60.0, 60.0) as database:
        await migrate(database)
        await migrate(database)
        await _execute(database, tampering)
        with pytest.raises(MigrationChangedError):
            await migrate(database)


async def _execute(database: Database, sql: str) -> None:
    async with database.connection("test") as connection:
        await connection.execute(sql)


@pytest.mark.parametrize(
    "change", [("sonica@", "nobody-we-know@"), ("/test_", "/missing_"), ("postgresql:", "mysql:")]
)
async def test_a_database_that_refuses_us_stops_the_start_at_once(
    postgres_dsn: str, change: tuple[str, str]
) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(StartError):
            async with open_database(postgres_dsn.replace(*change), 4, 60.0, 600.0):
                pass


async def test_a_database_that_does_not_come_up_stops_the_start() -> None:
    with pytest.raises(StartError, match="does not come up"):
        async with open_database(MISSING, 4, 1.0, 0.1):
            pass


def test_the_process_says_why_and_shows_no_secret(engine_address: str, own_name: str) -> None:
    dsn = "mysql://user:hunter2@localhost/x"
    settings = make_settings(dsn, engine_address, own_name)
    with stores.scratch_folder() as folder:
        with (
            pytest.raises(stores.ProcessFailedError) as caught,
            match_process(settings, folder),
        ):
            pass
        assert "cannot use the database" in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert "Traceback" not in str(caught.value)


def test_the_process_drains_on_sigterm(
    postgres_dsn: str, engine_address: str, own_name: str
) -> None:
    settings = make_settings(postgres_dsn, engine_address, own_name)
    with stores.scratch_folder() as folder, match_process(settings, folder) as (process, target):
        assert stores.answers(target)
        assert process.stop() == 0
        assert not stores.answers(target)
        assert '"stopped"' in process.log
