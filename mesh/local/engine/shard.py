"""One built shard of the engine: an immutable index but for deletions.

It has no log of its own. A deletion is in the collection's write log before it comes here and is
made durable by `flush`, so a crash in between only repeats it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import cast

import numpy as np
import qdrant_edge as qe

from mesh.local.engine.errors import StorageError
from mesh.local.engine.hits import Hits, Ids, Vectors

_DELETE_BATCH = 5_000
_READ_BYTES = 1 << 20
_BLOCK_BYTES = 512  # unit of st_blocks, whatever the file system
_id_of = attrgetter("id")
_score_of = attrgetter("score")


def warm(path: Path) -> None:
    """Reads a shard's files into the page cache, before it is opened.

    The engine maps its files for random access and then touches every page, which reads a cold
    file page by page with the interpreter lock held: 1.3 s where 0.01 s do after this.
    """
    for folder, _, names in os.walk(path):
        for name in names:
            _read_data(Path(folder) / name)


def _read_data(path: Path) -> None:
    """Reads the parts of a file that are not holes, of which the engine's files have many."""
    with path.open("rb", buffering=0) as file:
        left = path.stat().st_blocks * _BLOCK_BYTES
        while left > 0 and (block := file.read(min(left, _READ_BYTES))):
            left -= len(block)


class Shard:
    """A shard directory, open for searching. Every call holds the interpreter lock."""

    def __init__(self, path: Path, built_points: int) -> None:
        """Opens the shard at `path`, which held `built_points` when it was built.

        Raises:
            StorageError: the directory cannot be opened.
        """
        self.path = path
        self.built_points = built_points
        self._dirty = False
        with self._typed_errors("opened"):
            self._edge = qe.EdgeShard.load(str(path))

    def __len__(self) -> int:
        return self._edge.info().points_count

    @property
    def indexed_count(self) -> int:
        """Points that a graph finds; others are scanned."""
        info = self._edge.info()
        return min(info.indexed_vectors_count, info.points_count)  # the former counts deleted ones

    def search(self, queries: Vectors, limit: int, params: qe.SearchParams) -> Hits:
        """Returns the nearest points of each query; queries have shape (n, dimension)."""
        request = qe.QueryBatchRequest(
            [
                qe.QueryRequest(limit=limit, query=qe.Query.Nearest(query), params=params)
                for query in queries.tolist()
            ]
        )
        with self._typed_errors("searched"):
            found = self._edge.query_batch(request)
        ids = np.zeros((len(queries), limit), np.uint64)
        scores = np.full((len(queries), limit), -np.inf, np.float32)
        for row, points in enumerate(found):
            count = len(points)
            ids[row, :count] = np.fromiter(map(_id_of, points), np.uint64, count)
            scores[row, :count] = np.fromiter(map(_score_of, points), np.float32, count)
        return Hits(ids, scores)

    def delete(self, ids: Ids) -> None:
        """Removes the points that are here; others are ignored."""
        listed = ids.tolist()
        for start in range(0, len(listed), _DELETE_BATCH):
            batch = _point_ids(listed[start : start + _DELETE_BATCH])
            self._dirty = True
            with self._typed_errors("written"):
                self._edge.update(qe.UpdateOperation.delete_points(batch))

    def vectors(self, ids: list[int]) -> dict[int, list[float]]:
        """Returns the stored vectors of those ids that are here."""
        with self._typed_errors("read"):
            records = self._edge.retrieve(_point_ids(ids), False, True)
        return {cast(int, record.id): cast(list[float], record.vector) for record in records}

    def present(self, ids: list[int]) -> set[int]:
        """Returns those ids that are here."""
        with self._typed_errors("read"):
            records = self._edge.retrieve(_point_ids(ids), False, False)
        return {cast(int, record.id) for record in records}

    def ids_from(self, first: int, limit: int) -> list[int]:
        """Returns up to `limit` ids from `first` on, ascending."""
        request = qe.ScrollRequest(offset=first, limit=limit, with_payload=False, with_vector=False)
        with self._typed_errors("read"):
            records, _ = self._edge.scroll(request)
        return [cast(int, record.id) for record in records]

    def flush(self) -> None:
        """Makes deletions durable; without any this costs nothing.

        Raises:
            StorageError: they are not.
        """
        if not self._dirty:
            return
        with self._typed_errors("flushed"):
            self._edge.flush()
        self._dirty = False

    def close(self) -> None:
        """Closes the shard."""
        self._edge.close()

    @contextmanager
    def _typed_errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise StorageError(f"{self.path.name} could not be {verb}: {error}") from error


def _point_ids(ids: list[int]) -> list[qe.PointId]:
    """Returns ids as the engine's signatures want them; only numbers are ever stored here."""
    return cast("list[qe.PointId]", ids)
