"""Searching and writing go on while an index is built.

Method: one client asks without a pause, another writes, a third asks for health, during builds in
another process that take long; no answer may take as long as a build. A build in the serving
process would be a gap of all its seconds, on a machine of any speed.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.local.engine.stubs import collections_pb2 as cpb
from tests.integration.engine_process import CALL_SECONDS, running, unit_vectors

IDLE = {"idle_seal_points": 1, "idle_seal_seconds": 0.3}  # however the writes fall into builds


async def test_no_gap_while_building_and_writing(tmp_path: Path) -> None:
    vectors = unit_vectors(1, 4_500)
    gaps: dict[str, list[float]] = {"search": [], "write": [], "health": []}
    building: list[float] = []  # when a build under way was seen, since it began
    longest_build = 0.0
    async with running(tmp_path, seal_points=3_000, **IDLE) as (_, client):
        await client.create(
            datatype=cpb.Turbo4,
            hnsw_config=cpb.HnswConfigDiff(m=32, ef_construct=300),
            optimizers_config=cpb.OptimizersConfigDiff(indexing_threshold=1),
        )
        done = asyncio.Event()

        async def search() -> None:
            nonlocal longest_build
            while not done.is_set():
                started = time.monotonic()
                found = await client.search(vectors[:10], 20)
                gaps["search"].append(time.monotonic() - started)
                assert all(len(hits) == 20 for hits in found)
                if (await client.info()).status == cpb.Yellow:
                    building.append(time.monotonic())
                    longest_build = max(longest_build, building[-1] - building[0])
                else:
                    building.clear()
                await asyncio.sleep(0.005)

        async def write() -> None:
            for start in range(500, 4_500, 500):
                started = time.monotonic()
                await client.upsert(range(start, start + 500), vectors[start : start + 500])
                gaps["write"].append(time.monotonic() - started)
                await asyncio.sleep(0.05)
            await client.wait_built()
            done.set()

        async def health() -> None:
            stub = health_pb2_grpc.HealthStub(client.channel)
            request = health_pb2.HealthCheckRequest(service="qdrant.Points")
            while not done.is_set():
                started = time.monotonic()
                await stub.Check(request, timeout=CALL_SECONDS)
                gaps["health"].append(time.monotonic() - started)
                await asyncio.sleep(0.02)

        await client.upsert(range(500), vectors[:500])
        async with asyncio.TaskGroup() as group:
            for part in (search, write, health):
                group.create_task(part())
    worst = {name: max(values) for name, values in gaps.items()}
    print(f"\nlongest gaps {worst} in builds of up to {longest_build:.2f} s")
    assert max(worst.values()) < longest_build / 2, worst
