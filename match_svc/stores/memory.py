"""The vector index in memory: exact, brute force. The specification, and the double for tests."""

from __future__ import annotations

import numpy as np

from match_svc.errors import IndexUnreachableError
from match_svc.model import Generation
from match_svc.stores.port import (
    NEIGHBOUR_COUNT,
    NO_POINT,
    F32Array,
    GenerationMissingError,
    Neighbours,
    U64Array,
)


class MemoryIndex:
    """A `VectorIndex` that compares every vector with every other."""

    def __init__(self) -> None:
        self._generations: dict[Generation, dict[int, F32Array]] = {}
        self._serving: dict[int, Generation] = {}

    async def search(self, algorithm_version: int, vectors: F32Array) -> Neighbours:
        """Compares all vectors with all points; ties in the order of ids."""
        serving = self._serving.get(algorithm_version)
        if serving is None:
            raise IndexUnreachableError("no generation of the index answers")
        points = self._generations[serving]
        ids = np.full((len(vectors), NEIGHBOUR_COUNT), NO_POINT, dtype=np.uint64)
        scores = np.zeros((len(vectors), NEIGHBOUR_COUNT), dtype=np.float32)
        if points:
            known = np.array(sorted(points), dtype=np.uint64)
            cosines = vectors @ np.stack([points[int(i)] for i in known]).T
            best = np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBOUR_COUNT]
            ids[:, : best.shape[1]] = known[best]
            scores[:, : best.shape[1]] = np.take_along_axis(cosines, best, axis=1)
        return Neighbours(ids, scores)

    async def upsert(self, generation: Generation, ids: U64Array, vectors: F32Array) -> None:
        """Writes points."""
        if generation not in self._generations:
            raise GenerationMissingError(str(generation))
        self._generations[generation].update(zip(ids.tolist(), vectors, strict=True))

    async def delete(self, generation: Generation, ids: U64Array) -> None:
        """Removes points."""
        for point in ids.tolist():
            self._generations.get(generation, {}).pop(point, None)

    async def count(self, generation: Generation) -> int | None:
        """Counts points."""
        points = self._generations.get(generation)
        return None if points is None else len(points)

    async def generations(self) -> set[Generation]:
        """Lists generations."""
        return set(self._generations)

    async def create(self, generation: Generation) -> None:
        """Makes an empty generation."""
        self._generations[generation] = {}

    async def drop(self, generation: Generation) -> None:
        """Removes a generation."""
        self._generations.pop(generation, None)
        if self._serving.get(generation.algorithm_version) == generation:
            del self._serving[generation.algorithm_version]

    async def serving(self, algorithm_version: int) -> Generation | None:
        """Tells which generation answers."""
        return self._serving.get(algorithm_version)

    async def serve(self, generation: Generation) -> None:
        """Switches over."""
        if generation not in self._generations:
            raise GenerationMissingError(str(generation))
        self._serving[generation.algorithm_version] = generation

    async def is_settled(self, generation: Generation) -> bool:
        """Always: there is nothing to optimise."""
        return generation in self._generations
