"""What match_svc asks of a vector index. Qdrant answers it; `memory` is its exact specification.

The index holds generations: whole copies of all vectors of one algorithm version. Of each version
one generation answers. A point is one active row of a fingerprint; its id is
`sonica_core.point_id`, and it carries nothing else.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from match_svc.model import Generation

F32Array: TypeAlias = npt.NDArray[np.float32]
U64Array: TypeAlias = npt.NDArray[np.uint64]

#: Neighbours asked for each query vector. With fewer, faint clips lose their votes.
NEIGHBOUR_COUNT = 100
#: Stands for "no neighbour".
NO_POINT = 2**64 - 1


class GenerationMissingError(Exception):
    """The generation written to does not exist, or not any more."""


class Neighbours(NamedTuple):
    """Neighbours of n vectors, best first; ids `NO_POINT` where there are fewer.

    Attributes:
        ids: point ids, shape (n, NEIGHBOUR_COUNT).
        scores: cosines, the same shape.
    """

    ids: U64Array
    scores: F32Array


class VectorIndex(Protocol):
    """The index of one catalogue.

    Every method raises IndexUnreachableError when the index does not answer in time.
    """

    async def search(self, algorithm_version: int, vectors: F32Array) -> Neighbours:
        """Searches the generation of a version that answers.

        Args:
            algorithm_version: of the vectors.
            vectors: shape (n, 128).

        Raises:
            IndexUnreachableError: also when no generation of that version answers.
        """
        ...

    async def upsert(self, generation: Generation, ids: U64Array, vectors: F32Array) -> None:
        """Writes points; they are found by any search that begins after the return.

        Raises:
            GenerationMissingError.
        """
        ...

    async def delete(self, generation: Generation, ids: U64Array) -> None:
        """Removes points, as far as they are there; so does the lack of the generation."""
        ...

    async def count(self, generation: Generation) -> int | None:
        """Returns the exact number of points; None when the generation does not exist."""
        ...

    async def generations(self) -> set[Generation]:
        """Returns the generations there are, of all versions."""
        ...

    async def create(self, generation: Generation) -> None:
        """Makes an empty generation."""
        ...

    async def drop(self, generation: Generation) -> None:
        """Removes a generation, if it is there."""
        ...

    async def serving(self, algorithm_version: int) -> Generation | None:
        """Returns the generation of a version that answers; None when none does."""
        ...

    async def serve(self, generation: Generation) -> None:
        """Makes a generation the one of its version that answers, at once for all searches."""
        ...

    async def is_settled(self, generation: Generation) -> bool:
        """Returns whether the generation has no work left that slows searches."""
        ...
