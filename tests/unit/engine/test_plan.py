"""Builds start when they are worth it and merge neighbours of like size."""

from __future__ import annotations

import math

import pytest

from mesh.local.engine.plan import Fresh, Rules, ShardSize, inputs

RULES = Rules(
    seal_points=1000,
    idle_seal_points=100,
    idle_seal_seconds=5.0,
    deleted_threshold=0.2,
    pressing_points=50_000,
)


def shards(*sizes: int) -> list[ShardSize]:
    return [ShardSize(size, size) for size in sizes]


@pytest.mark.parametrize(
    ("fresh", "existing", "expected"),
    [
        (Fresh(999, 0, 0.0), [], None),
        (Fresh(1000, 0, 0.0), [], []),
        (Fresh(100, 0, 4.9), [], None),
        (Fresh(100, 0, 5.0), [], []),
        (Fresh(0, RULES.log_bytes, 0.0), [], []),
        (Fresh(1000, 0, 0.0), shards(5000, 1000), [1]),
        (Fresh(1000, 0, 0.0), shards(1900, 1000), [0, 1]),
        (Fresh(1000, 0, 0.0), shards(1000, 5000), [0]),
        (Fresh(0, 0, 9.0), [ShardSize(8000, 10_000), ShardSize(90_000, 90_000)], [0]),
        (Fresh(0, 0, 9.0), [ShardSize(9000, 10_000)], None),
        (Fresh(0, 0, 0.0), [ShardSize(0, 10)], None),
        (Fresh(0, 0, 9.0), [ShardSize(0, 10)], [0]),
        (Fresh(50_000, 0, 0.0), shards(400_000, 30_000, 10_000, 50_000), [1, 2]),
        (Fresh(50_000, 0, 0.0), [ShardSize(60_000, 90_000)], []),
        (Fresh(0, 0, 9.0), shards(400_000, 50_000, 50_000), [1, 2]),
        (Fresh(0, 0, 9.0), shards(400_000, 100_000, 50_000), None),
        (Fresh(0, 0, 0.0), shards(400_000, 50_000, 50_000), None),
    ],
)
def test_inputs(fresh: Fresh, existing: list[ShardSize], expected: list[int] | None) -> None:
    assert inputs(fresh, existing, RULES) == expected


def test_a_growing_collection_has_few_shards_and_few_rewrites() -> None:
    sizes: list[int] = []
    rewritten = 0
    builds = 1024
    for _ in range(builds):
        chosen = inputs(Fresh(1000, 0, 0.0), shards(*sizes), RULES)
        assert chosen is not None
        merged = 1000 + sum(sizes[index] for index in chosen)
        rewritten += merged
        sizes = [size for index, size in enumerate(sizes) if index not in chosen] + [merged]
        assert len(sizes) <= math.log2(builds) + 1
    assert sum(sizes) == builds * 1000
    assert rewritten / sum(sizes) <= math.log2(builds) + 1
