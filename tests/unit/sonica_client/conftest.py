"""A real gRPC server that speaks the public contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from sonica_client import SonicaClient

from tests.unit.sonica_client.edge import Edge, edge_server


@pytest_asyncio.fixture
async def served() -> AsyncIterator[tuple[str, Edge]]:
    async with edge_server() as running:
        yield running


@pytest_asyncio.fixture
async def client(served: tuple[str, Edge]) -> AsyncIterator[SonicaClient]:
    async with SonicaClient(served[0]) as connected:
        yield connected
