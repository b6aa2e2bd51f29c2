"""Aim: Qdrant and the exact index in memory behave alike through the port.

Method: the same random operations on both; answers compared, with room for quantisation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from match_svc.errors import IndexUnreachableError
from match_svc.model import Generation
from match_svc.stores.memory import MemoryIndex
from match_svc.stores.port import (
    NEIGHBOUR_COUNT,
    NO_POINT,
    F32Array,
    GenerationMissingError,
    U64Array,
    VectorIndex,
)
from match_svc.stores.qdrant import QdrantIndex
from mesh.runtime.channels import open_channel

Indexes = tuple[VectorIndex, VectorIndex]

VERSION = 3
ONE, TWELVE = Generation(VERSION, 1), Generation(VERSION, 12)


@pytest.fixture
async def indexes(engine_address: str, own_name: str) -> AsyncIterator[Indexes]:
    async with open_channel(engine_address) as channel:
        yield QdrantIndex(channel, own_name, 60.0), MemoryIndex()


def _walk(count: int, seed: int) -> F32Array:
    """Returns unit vectors of which neighbours are alike, as windows of music are."""
    random = np.random.default_rng(seed)
    steps = random.normal(size=(count, 128))
    for i in range(1, count):
        steps[i] = 0.8 * steps[i - 1] + 0.6 * steps[i]
    return (steps / np.linalg.norm(steps, axis=1, keepdims=True)).astype(np.float32)


def _ids(*numbers: int) -> U64Array:
    return np.array(numbers, dtype=np.uint64)


async def test_generations_come_and_go_alike(indexes: Indexes) -> None:
    for index in indexes:
        assert await index.generations() == set()
        assert await index.serving(VERSION) is None
        assert await index.count(ONE) is None
        with pytest.raises(IndexUnreachableError):
            await index.search(VERSION, _walk(1, 0))
        with pytest.raises(GenerationMissingError):
            await index.upsert(ONE, _ids(1), _walk(1, 0))
        await index.delete(ONE, _ids(1))
        await index.drop(ONE)

        await index.create(ONE)
        await index.create(TWELVE)
        assert await index.generations() == {ONE, TWELVE}
        await index.serve(ONE)
        assert await index.serving(VERSION) == ONE
        await index.upsert(TWELVE, _ids(5), _walk(1, 0))
        assert (await index.search(VERSION, _walk(1, 0))).ids[0, 0] == NO_POINT
        await index.serve(TWELVE)
        assert await index.serving(VERSION) == TWELVE
        assert (await index.search(VERSION, _walk(1, 0))).ids[0, 0] == 5
        await index.drop(ONE)
        assert await index.generations() == {TWELVE}
        assert await index.is_settled(TWELVE)


async def test_versions_answer_beside_each_other(indexes: Indexes) -> None:
    other = Generation(31, 2)
    for index in indexes:
        for generation, point in ((ONE, 5), (other, 6)):
            await index.create(generation)
            await index.serve(generation)
            await index.upsert(generation, _ids(point), _walk(1, 0))
        assert await index.generations() == {ONE, other}
        assert await index.serving(31) == other
        assert (await index.search(VERSION, _walk(1, 0))).ids[0, 0] == 5
        assert (await index.search(31, _walk(1, 0))).ids[0, 0] == 6
        await index.drop(ONE)
        assert await index.serving(VERSION) is None
        with pytest.raises(IndexUnreachableError):
            await index.search(VERSION, _walk(1, 0))
        assert (await index.search(31, _walk(1, 0))).ids[0, 0] == 6


async def test_searches_find_the_same(indexes: Indexes) -> None:
    vectors = _walk(3000, 1)
    ids = np.arange(3000, dtype=np.uint64) + (np.uint64(2**43 - 1) << np.uint64(20))
    dropped = ids[500:1500]
    queries = vectors[::100] + 0.02 * _walk(30, 2)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    for index in indexes:
        await index.create(ONE)
        await index.serve(ONE)
        await index.upsert(ONE, ids, vectors[::-1].copy())
        await index.upsert(ONE, ids, vectors)
        await index.delete(ONE, dropped)
        await index.delete(ONE, dropped)
        assert await index.count(ONE) == 2000
    found, exact = [await index.search(VERSION, queries) for index in indexes]
    assert found.ids.shape == exact.ids.shape == (30, NEIGHBOUR_COUNT)
    assert not np.isin(found.ids, dropped).any()
    assert np.array_equal(found.ids[:, 0], exact.ids[:, 0])
    shared = [len(np.intersect1d(a, b)) for a, b in zip(found.ids, exact.ids, strict=True)]
    assert np.mean(shared) > 0.85 * NEIGHBOUR_COUNT
    assert np.all(np.diff(found.scores, axis=1) <= 0)
    assert np.abs(found.scores - exact.scores).max() < 0.05


async def test_fewer_points_than_neighbours_are_all_found(indexes: Indexes) -> None:
    for index in indexes:
        await index.create(ONE)
        await index.serve(ONE)
        await index.upsert(ONE, _ids(7, 8, 9), _walk(3, 3))
        found = await index.search(VERSION, _walk(2, 3))
        assert set(found.ids[0, :3].tolist()) == {7, 8, 9}
        assert (found.ids[:, 3:] == NO_POINT).all()


async def test_an_index_that_is_down_is_a_typed_error() -> None:
    async with open_channel("127.0.0.1:1") as channel:
        index = QdrantIndex(channel, "t", 10.0)
        with pytest.raises(IndexUnreachableError):
            await index.search(VERSION, _walk(1, 0))
        with pytest.raises(IndexUnreachableError):
            await index.upsert(ONE, _ids(1), _walk(1, 0))
