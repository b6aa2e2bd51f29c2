"""Real servers, one of each for all tests; every test gets a database of its own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from tests.integration import stores


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with stores.postgres() as (_, url):
        yield url


@pytest.fixture
async def postgres_dsn(postgres_server: str) -> AsyncIterator[str]:
    """URL of an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(postgres_server)
    await connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis that other tests use too: take keys of your own."""
    with stores.redis() as (_, url):
        yield url


@pytest.fixture(scope="session")
def engine_address() -> Iterator[str]:
    """Target of a vector engine that other tests use too: take collections of your own."""
    with stores.engine() as (_, target):
        yield target


@pytest.fixture
def own_name() -> str:
    """A name no other test uses, for collections and keys."""
    return f"t{uuid.uuid4().hex[:12]}"
