"""The engine finds what brute force finds, at every stage of a point's life.

Method: a real server over a unix socket; a model of ids and vectors gets the same writes, and the
same queries are asked of both while points are fresh, being built, in several shards, rewritten and
deleted. Graph search is approximate, so exactness is asked with `exact` and Float32.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from mesh.local.engine.stubs import collections_pb2 as cpb
from mesh.local.engine.stubs import points_pb2 as ppb
from tests.integration.engine_process import Client, point_id, running, unit_vectors

LIMIT = 20


class Model:
    """What the collection must hold."""

    def __init__(self) -> None:
        self.points: dict[int, np.ndarray] = {}

    async def check(self, client: Client, seed: int = 99) -> None:
        queries = unit_vectors(seed, 12)
        ids = np.array(list(self.points), np.uint64)
        scores = queries @ np.array(list(self.points.values())).T
        found = await client.search(queries, LIMIT, exact=True)
        for row, hits in enumerate(found):
            order = np.argsort(-scores[row], kind="stable")[:LIMIT]
            assert len(hits) == min(LIMIT, len(ids))
            assert np.allclose([score for _, score in hits], scores[row][order], atol=1e-4)
            near_ties = scores[row] >= scores[row][order[-1]] - 1e-4
            assert {point for point, _ in hits} <= set(ids[near_ties].tolist())
        assert await client.count() == len(self.points)


async def test_congruent_with_brute_force_through_every_stage(tmp_path: Path) -> None:
    model, rng = Model(), np.random.default_rng(0)
    vectors = unit_vectors(1, 9000)
    settings = {"seal_points": 1000, "idle_seal_points": 1, "idle_seal_seconds": 0.3}
    async with running(tmp_path, **settings) as (engine, client):
        await client.create(
            optimizers_config=cpb.OptimizersConfigDiff(indexing_threshold=1, deleted_threshold=1.0)
        )

        async def write(ids: list[int], rows: np.ndarray) -> None:
            await client.upsert(ids, rows)
            model.points |= dict(zip(ids, rows, strict=True))

        async def delete(ids: list[int]) -> None:
            await client.delete(ids)
            for point in ids:
                model.points.pop(point, None)

        await write(list(range(300)), vectors[:300])
        await model.check(client)
        await write(list(range(300, 3000)), vectors[300:3000])
        await engine.wait_builder()
        building = 0
        for step in range(25):
            ids = rng.choice(5000, 40, replace=False).tolist()
            await write(ids, unit_vectors(1000 + step, 40))
            await delete(rng.choice(5000, 15).tolist())
            building += (await client.info()).status == cpb.Yellow
            await model.check(client, seed=step)
        assert building
        await client.wait_built()
        await model.check(client)
        await write(list(range(10_000, 10_400)), vectors[8000:8400])
        await client.wait_built()
        assert (await client.info()).segments_count >= 2
        await model.check(client)
        await delete(list(range(10_100, 10_300)))
        await write(list(range(10_000, 10_050)), vectors[8500:8550])
        await model.check(client)
        engine.stop()
        await engine.restart(client)
        await model.check(client)
        await delete(list(model.points))
        assert await client.count() == 0
        assert await client.search(vectors[:2]) == [[], []]


async def test_recall_of_the_recommended_collection(tmp_path: Path) -> None:
    vectors = unit_vectors(3, 6000)
    async with running(tmp_path, seal_points=3000, idle_seal_seconds=0.2) as (_, client):
        await client.create(
            datatype=cpb.Turbo4,
            hnsw_config=cpb.HnswConfigDiff(m=16, ef_construct=100),
            optimizers_config=cpb.OptimizersConfigDiff(indexing_threshold=1),
        )
        for start in range(0, 6000, 3000):
            await client.upsert(range(start, start + 3000), vectors[start : start + 3000])
        await client.wait_built()
        rows = np.arange(50, 6000, 200)
        noise = np.random.default_rng(4).standard_normal((len(rows), vectors.shape[1]))
        asked = vectors[rows] + 0.05 * noise.astype(np.float32)
        found = await client.search(asked, 100, hnsw_ef=100)
        scores = asked @ vectors.T
        recall = [
            len({point for point, _ in hits} & set(np.argsort(-scores[row])[:100].tolist())) / 100
            for row, hits in enumerate(found)
        ]
        assert np.mean(recall) > 0.85
        assert all(rows[row] in {point for point, _ in hits} for row, hits in enumerate(found))


async def test_fresh_points_are_found_at_once_and_read_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client):
        await client.create()
        vectors = unit_vectors(5, 4)
        ids = [0, 7, 2**63, 2**64 - 1]
        for point, vector in zip(ids, vectors, strict=True):
            await client.upsert([point], vector[None] * 3.0)
            ((hit, score),) = (await client.search(vector[None], limit=1))[0]
            assert (hit, round(score, 5)) == (point, 1.0)
        request = ppb.GetPoints(
            collection_name="a",
            ids=[point_id(point) for point in (7, 1, 2**64 - 1)],
            with_vectors=ppb.WithVectorsSelector(enable=True),
        )
        records = (await client.points.Get(request)).result
        assert [record.id.num for record in records] == [7, 2**64 - 1]
        assert np.allclose(records[0].vectors.vector.dense.data, vectors[1], atol=1e-6)
        page = await client.points.Scroll(ppb.ScrollPoints(collection_name="a", limit=3))
        assert [record.id.num for record in page.result] == ids[:3]
        assert page.next_page_offset.num == ids[3]


@pytest.mark.parametrize("length", [1, 200])
async def test_large_batches_answer_in_order(tmp_path: Path, length: int) -> None:
    vectors = unit_vectors(6, 400)
    async with running(tmp_path) as (_, client):
        await client.create()
        await client.upsert(range(400), vectors)
        found = await client.search(vectors[:length], limit=1)
        assert [hits[0][0] for hits in found] == list(range(length))
        answers = await asyncio.gather(*(client.search(vectors[:5], limit=2) for _ in range(20)))
        assert all(answer == answers[0] for answer in answers)
