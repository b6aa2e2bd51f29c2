"""No acknowledged point is lost and no process or file is left, wherever the engine dies.

Method: SIGKILL of the server or of the build process at many moments, then a start on the same
folder, where everything acknowledged must be found and nothing unknown may lie about.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest

from mesh.local.engine.stubs import collections_pb2 as cpb
from tests.integration.engine_process import (
    Client,
    Engine,
    running,
    unit_vectors,
    wait_until,
)

BUILDING = {"seal_points": 1000, "idle_seal_points": 100, "idle_seal_seconds": 0.2}
INDEXED = {"optimizers_config": cpb.OptimizersConfigDiff(indexing_threshold=1)}


async def assert_holds(client: Client, vectors: np.ndarray, ids: list[int]) -> None:
    """Every point of `ids` is its own nearest neighbour."""
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        found = await client.search(vectors[part], limit=1, exact=True)
        assert [hits[0][0] for hits in found] == part


def assert_tidy(engine: Engine, shards: int) -> None:
    """The folder holds what the manifest names and nothing else."""
    (folder,) = (engine.data_dir / "collections").iterdir()
    names = sorted(path.name.split("-")[0] for path in folder.iterdir())
    assert names.count("shard") == shards
    assert set(names) <= {"shard", "log", "manifest.json"}


@pytest.mark.parametrize("written", [600, 9_000])
async def test_kill_while_writing(tmp_path: Path, written: int) -> None:
    vectors = unit_vectors(1, 40_000)
    acknowledged: list[int] = []

    async def write(client: Client) -> None:
        for start in range(0, len(vectors), 200):
            ids = range(start, start + 200)
            await client.upsert(ids, vectors[start : start + 200])
            acknowledged.extend(ids)

    async with running(tmp_path, **BUILDING) as (engine, client):
        await client.create(**INDEXED)
        writing = asyncio.create_task(write(client))
        await wait_until(lambda: len(acknowledged) >= written)
        engine.kill()
        with pytest.raises(grpc.aio.AioRpcError):
            await writing
        await wait_until(lambda: not engine.builders())
        await engine.restart(client)
        assert len(acknowledged) <= await client.count() <= len(acknowledged) + 200
        await assert_holds(client, vectors, acknowledged[:: max(1, len(acknowledged) // 2000)])


@pytest.mark.parametrize("victim", ["engine", "builder"])
@pytest.mark.parametrize("delay", [0.0, 0.25])
async def test_kill_while_building(tmp_path: Path, victim: str, delay: float) -> None:
    vectors = unit_vectors(2, 3000)
    ids = list(range(3000))
    async with running(tmp_path, **BUILDING) as (engine, client):
        await client.create(**INDEXED)
        await client.upsert(ids[:2000], vectors[:2000])
        builder = await engine.wait_builder()
        await client.upsert(ids[2000:], vectors[2000:])
        await client.delete(range(100))
        await asyncio.sleep(delay)
        if victim == "engine":
            engine.kill()
            await wait_until(lambda: not engine.builders())
            await engine.restart(client)
        else:
            with suppress(psutil.NoSuchProcess):  # it may be done
                builder.kill()
        assert await client.count() == 2900
        await assert_holds(client, vectors, ids[100::7])
        await client.wait_built()
        assert await client.count() == 2900
        await assert_holds(client, vectors, ids[100::7])
        assert engine.stop() == 0
        await engine.restart(client)
        assert_tidy(engine, (await client.info()).segments_count)
        assert await client.count() == 2900


@pytest.mark.skipif(sys.platform != "linux", reason="a stopped build is ended on Linux only")
async def test_build_dies_with_the_engine(tmp_path: Path) -> None:
    """A build that is stopped can neither end nor look after its parent: the kernel has to."""
    async with running(tmp_path, seal_points=12_000) as (engine, client):
        await client.create(hnsw_config=cpb.HnswConfigDiff(m=64, ef_construct=1000), **INDEXED)
        vectors = unit_vectors(6, 12_000)
        for start in range(0, 12_000, 3000):
            await client.upsert(range(start, start + 3000), vectors[start : start + 3000])
        builder = await engine.wait_builder()
        # It makes the shard's folder after it has tied itself to the engine.
        await wait_until(lambda: any(tmp_path.glob("collections/*/build/shard")))
        builder.suspend()
        engine.kill()
        await wait_until(lambda: not engine.builders())


async def test_stop_while_building_leaves_no_process(tmp_path: Path) -> None:
    async with running(tmp_path, **BUILDING) as (engine, client):
        await client.create(**INDEXED)
        await client.upsert(range(2000), unit_vectors(3, 2000))
        await engine.wait_builder()
        assert engine.stop() == 0
        assert engine.builders() == []


async def test_second_start_builds_nothing(tmp_path: Path) -> None:
    vectors = unit_vectors(4, 5000)
    async with running(tmp_path, **BUILDING) as (engine, client):
        await client.create(**INDEXED)
        await client.upsert(range(5000), vectors)
        await client.wait_built()
        engine.stop()
        before = shards(engine)
        await engine.restart(client)
        info = await client.info()
        assert (info.status, info.indexed_vectors_count) == (cpb.Green, 5000)
        assert await client.count() == 5000
        assert engine.builders() == []
        assert shards(engine) == before
        engine.stop()


def shards(engine: Engine) -> dict[str, int]:
    """Returns the shards of the one collection, and which folder each is."""
    (folder,) = (engine.data_dir / "collections").iterdir()
    return {path.name: path.stat().st_ino for path in folder.glob("shard*")}


async def test_second_server_on_the_folder_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client):
        await client.create()
        other = Engine(tmp_path)
        try:
            assert await asyncio.to_thread(other.spawn().wait, 120) == 1
        finally:
            other.close()
        assert await client.count() == 0


async def test_leftovers_of_a_crash_are_removed(tmp_path: Path) -> None:
    async with running(tmp_path) as (engine, client):
        await client.create()
        await client.upsert(range(10), unit_vectors(5, 10))
        engine.stop()
        (folder,) = (tmp_path / "collections").iterdir()
        for orphan in (folder / "build" / "shard", folder / "shard-00000099"):
            orphan.mkdir(parents=True)
        (folder / "manifest.json.new").write_text("{")
        (tmp_path / "collections" / "77").mkdir()
        await engine.restart(client)
        assert await client.count() == 10
        assert_tidy(engine, 0)
