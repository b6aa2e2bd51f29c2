"""Hits become Qdrant's messages bit for bit, and merging keeps the best of all sources."""

from __future__ import annotations

import numpy as np

from mesh.local.engine.hits import Hits, merge
from mesh.local.engine.stubs import points_pb2


def test_row_decodes_to_the_same_points() -> None:
    ids = np.array([[0, 127, 128, 2**32, 2**63, 2**64 - 1, 9]], np.uint64)
    scores = np.array([[1.0, 0.5, 0.25, 0.0, -0.5, -1.0, -np.inf]], np.float32)
    batch = points_pb2.BatchResult.FromString(Hits(ids, scores).row(0))
    assert [hit.id.num for hit in batch.result] == ids[0, :-1].tolist()
    assert [hit.score for hit in batch.result] == scores[0, :-1].tolist()
    # Written in the shortest form again, it is what protobuf itself would have written.
    same = points_pb2.BatchResult(result=batch.result)
    assert points_pb2.BatchResult.FromString(same.SerializeToString()) == batch


def test_offset_and_threshold() -> None:
    hits = Hits(np.array([[1, 2, 3]], np.uint64), np.array([[0.9, 0.5, 0.1]], np.float32))
    rows = points_pb2.BatchResult.FromString(hits.row(0, 1, 0.5))
    assert [hit.id.num for hit in rows.result] == [2]
    assert hits.row(0, 3) == b""


def test_merge_keeps_the_best_of_every_source() -> None:
    rng = np.random.default_rng(0)
    parts = []
    for start in (0, 100, 200):
        scores = -np.sort(-rng.random((4, 20)).astype(np.float32), axis=1)
        parts.append(Hits(np.arange(start, start + 20, dtype=np.uint64)[None].repeat(4, 0), scores))
    merged = merge(parts, 10)
    everything = np.concatenate([part.scores for part in parts], axis=1)
    assert np.array_equal(merged.scores, -np.sort(-everything, axis=1)[:, :10])
