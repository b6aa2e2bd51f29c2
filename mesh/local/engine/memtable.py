"""Fresh points: searchable at once, exactly, until a build puts them into a shard.

Rows stay dense: a deleted row is filled with the last one, so a search never meets a gap.
"""

from __future__ import annotations

import numpy as np

from mesh.local.engine.hits import Hits, Ids, Vectors, empty, pack

_FIRST_CAPACITY = 1024


class Memtable:
    """An exact index of unit vectors, by point id. Not for use from two threads."""

    def __init__(self, dimension: int) -> None:
        """Makes an empty table of vectors with `dimension` numbers each."""
        self._ids = np.zeros(0, np.uint64)
        self._vectors = np.zeros((0, dimension), np.float32)
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def points(self) -> tuple[Ids, Vectors]:
        """Returns views of all ids, shape (n,), and vectors, shape (n, dimension)."""
        return self._ids[: len(self)], self._vectors[: len(self)]

    def upsert(self, ids: Ids, vectors: Vectors) -> None:
        """Adds points, replacing those of the same id; of equal ids in one call the last wins."""
        self._reserve(len(self) + len(ids))
        rows = self._rows
        places = np.fromiter(
            (rows.setdefault(point, len(rows)) for point in ids.tolist()), np.intp, len(ids)
        )
        self._ids[places] = ids
        self._vectors[places] = vectors

    def delete(self, ids: Ids) -> None:
        """Removes the points that are here; others are ignored."""
        for point in ids.tolist():
            row = self._rows.pop(point, None)
            if row is None:
                continue
            last = len(self._rows)
            if row != last:
                moved = int(self._ids[last])
                self._ids[row] = moved
                self._vectors[row] = self._vectors[last]
                self._rows[moved] = row

    def get(self, point: int) -> Vectors | None:
        """Returns the vector of one point, or None."""
        row = self._rows.get(point)
        return None if row is None else self._vectors[row]

    def search(self, queries: Vectors, limit: int, floor: Vectors | None) -> Hits:
        """Returns the best points of each query, exactly.

        Args:
            queries: shape (queries, dimension), unit length.
            limit: most hits of each query, at least 1.
            floor: scores, shape (queries,), below which a hit is of no use.
        """
        ids, vectors = self.points()
        count = len(ids)
        if not count:
            return empty(len(queries))
        scores = queries @ vectors.T
        if count > limit:
            # The limit-th largest maximum of blocks is never above the limit-th largest score, and
            # far cheaper to find; what passes it is a few times `limit` at most.
            width = max(1, count // (4 * limit))
            blocks = count // width
            peaks = scores[:, : blocks * width].reshape(len(queries), blocks, width).max(axis=2)
            least = np.partition(peaks, blocks - limit, axis=1)[:, blocks - limit]
            floor = least if floor is None else np.maximum(least, floor)
        if floor is None:
            floor = np.full(len(queries), -np.inf, np.float32)
        query_index, column = np.nonzero(scores >= floor[:, None])
        found = scores[query_index, column]
        return pack(query_index, ids[column], found, (len(queries), limit))

    def _reserve(self, count: int) -> None:
        capacity = len(self._ids)
        if count <= capacity:
            return
        grown = max(_FIRST_CAPACITY, count, capacity * 2)
        ids = np.zeros(grown, np.uint64)
        vectors = np.zeros((grown, self._vectors.shape[1]), np.float32)
        ids[: len(self)], vectors[: len(self)] = self.points()
        self._ids, self._vectors = ids, vectors
