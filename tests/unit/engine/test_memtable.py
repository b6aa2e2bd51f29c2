"""Fresh points answer exactly like brute force, whatever was written and deleted before.

Method: random writes on a Memtable and on a plain dict, then the same queries on both.
"""

from __future__ import annotations

import numpy as np
import pytest

from mesh.local.engine.memtable import Memtable

DIMENSION = 16


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    vectors = rng.standard_normal((count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
def test_equals_brute_force_after_random_writes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, expected = Memtable(DIMENSION), {}
    for _ in range(60):
        ids = rng.integers(0, 3000, rng.integers(1, 200)).astype(np.uint64)
        if rng.random() < 0.3:
            table.delete(ids)
            for point in ids.tolist():
                expected.pop(point, None)
        else:
            vectors = unit(rng, len(ids))
            table.upsert(ids, vectors)
            expected |= dict(zip(ids.tolist(), vectors, strict=True))
    assert len(table) == len(expected)
    ids, vectors = table.points()
    for point, vector in zip(ids.tolist(), vectors, strict=True):
        assert np.array_equal(vector, expected[point])
    queries = unit(rng, 7)
    stored_ids = np.array(list(expected), np.uint64)
    scores = queries @ np.array(list(expected.values())).T
    for limit in (1, 10, 100, 5000):
        hits = table.search(queries, limit, None)
        for row in range(len(queries)):
            order = np.argsort(-scores[row])[:limit]
            found = hits.scores[row] > -np.inf
            assert np.allclose(hits.scores[row][found], scores[row][order], atol=1e-5)
            assert set(hits.ids[row][found].tolist()) == set(stored_ids[order].tolist())


def test_floor_leaves_out_only_what_is_below_it() -> None:
    rng = np.random.default_rng(1)
    table = Memtable(DIMENSION)
    table.upsert(np.arange(500, dtype=np.uint64), unit(rng, 500))
    queries = unit(rng, 3)
    whole = table.search(queries, 50, None)
    floor = whole.scores[:, 20]
    cut = table.search(queries, 50, floor)
    assert np.array_equal(cut.ids[:, :21], whole.ids[:, :21])
    assert np.all(cut.scores[:, 21:] == -np.inf)


def test_equal_vectors_fill_the_limit_and_no_more() -> None:
    table = Memtable(DIMENSION)
    vector = np.eye(1, DIMENSION, dtype=np.float32)
    table.upsert(np.arange(2000, dtype=np.uint64), np.repeat(vector, 2000, axis=0))
    hits = table.search(vector, 100, None)
    assert hits.ids.shape == (1, 100)
    assert len(set(hits.ids[0].tolist())) == 100


def test_last_of_equal_ids_wins() -> None:
    table = Memtable(DIMENSION)
    vectors = np.eye(2, DIMENSION, dtype=np.float32)
    table.upsert(np.array([5, 5], np.uint64), vectors)
    assert len(table) == 1
    assert np.array_equal(table.get(5), vectors[1])
