"""Reads Qdrant's requests into arrays, and refuses what this server cannot do.

A request is read whole before anything is applied: the engine itself takes NaN and applies the
points before a bad one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import qdrant_edge as qe

from mesh.local.engine.errors import InvalidArgumentError, UnsupportedError
from mesh.local.engine.hits import Ids, Vectors
from mesh.local.engine.stubs import points_pb2 as pb
from mesh.local.engine.stubs import qdrant_common_pb2

LIMIT_MAX = 10_000
QUERIES_MAX = 1_024
HITS_MAX = 1_000_000
_LIMIT = 10
_NORM_MIN = 1e-12


@dataclass(frozen=True)
class Search:
    """One query, and what it asks for; queries of equal options are searched together."""

    vector: Sequence[float]
    options: SearchOptions


@dataclass(frozen=True)
class SearchOptions:
    """How to search and what to answer."""

    limit: int
    offset: int
    score_threshold: float | None
    hnsw_ef: int | None
    exact: bool
    indexed_only: bool
    ignore_quantization: bool
    rescore: bool | None
    oversampling: float | None

    def engine_params(self) -> qe.SearchParams:
        """Returns the options as the engine takes them."""
        return qe.SearchParams(
            hnsw_ef=self.hnsw_ef,
            exact=self.exact,
            indexed_only=self.indexed_only,
            quantization=qe.QuantizationSearchParams(
                ignore=self.ignore_quantization,
                rescore=self.rescore,
                oversampling=self.oversampling,
            ),
        )


def point_ids(ids: Iterable[qdrant_common_pb2.PointId]) -> Ids:
    """Returns numeric ids, shape (n,).

    Raises:
        UnsupportedError: an id is not a number.
    """
    listed = list(ids)
    if any(point.WhichOneof("point_id_options") != "num" for point in listed):
        raise UnsupportedError("point ids must be numbers; UUIDs are not served")
    return np.fromiter((point.num for point in listed), np.uint64, len(listed))


def selected_ids(selector: pb.PointsSelector) -> Ids:
    """Returns the ids a deletion selects: a list, or a filter on ids.

    Raises:
        InvalidArgumentError, UnsupportedError.
    """
    kind = selector.WhichOneof("points_selector_one_of")
    if kind == "points":
        return point_ids(selector.points.ids)
    if kind == "filter":
        return filtered_ids(selector.filter)
    raise InvalidArgumentError("no points are selected")


def filtered_ids(condition: qdrant_common_pb2.Filter) -> Ids:
    """Returns the ids of a filter that is exactly one `has_id` condition.

    Raises:
        UnsupportedError: it is anything else.
    """
    others = len(condition.should) + len(condition.must_not) + condition.HasField("min_should")
    if others or len(condition.must) != 1 or not condition.must[0].HasField("has_id"):
        raise UnsupportedError("the only filter served is one `must` of `has_id`")
    return point_ids(condition.must[0].has_id.has_id)


def points(request: pb.UpsertPoints, dimension: int) -> tuple[Ids, Vectors]:
    """Returns ids, shape (n,), and unit vectors, shape (n, dimension).

    Raises:
        InvalidArgumentError, UnsupportedError: some point cannot be stored.
    """
    if request.HasField("update_filter") or request.update_mode != pb.UpdateMode.Upsert:
        raise UnsupportedError("conditional upserts are not served")
    if any(point.payload for point in request.points):
        raise UnsupportedError("payloads are not served; keep them in the catalogue")
    ids = point_ids(point.id for point in request.points)
    vectors = [_dense(point.vectors) for point in request.points]
    return ids, unit_vectors(vectors, dimension)


def _dense(vectors: pb.Vectors) -> Sequence[float]:
    if vectors.WhichOneof("vectors_options") != "vector":
        raise UnsupportedError("a point has exactly one unnamed vector")
    vector = vectors.vector
    kind = vector.WhichOneof("vector")
    if kind == "dense":
        return vector.dense.data
    if kind is None and not vector.HasField("indices") and not vector.HasField("vectors_count"):
        return vector.data  # the older form of a dense vector
    raise UnsupportedError(f"{kind or 'sparse'} vectors are not served")


def unit_vectors(vectors: Sequence[Sequence[float]], dimension: int) -> Vectors:
    """Returns finite vectors of unit length, shape (n, dimension).

    Raises:
        InvalidArgumentError: a vector has another size, is not finite, or is zero.
    """
    for vector in vectors:
        if len(vector) != dimension:
            raise InvalidArgumentError(
                f"Wrong input: Vector dimension error: expected dim: {dimension}, got {len(vector)}"
            )
    matrix = np.array(vectors, np.float32).reshape(len(vectors), dimension)
    # In double precision, as the square of a large finite number overflows in single.
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
    bad = np.flatnonzero(~np.isfinite(norms) | (norms < _NORM_MIN))
    if len(bad):
        what = "zero" if norms[bad[0]] < _NORM_MIN else "not finite"
        raise InvalidArgumentError(f"Wrong input: vector {bad[0]} is {what}")
    unit: Vectors = (matrix / norms[:, None]).astype(np.float32)
    return unit


def searches(queries: Sequence[pb.QueryPoints]) -> list[Search]:
    """Returns what each query asks for.

    Raises:
        InvalidArgumentError, UnsupportedError.
    """
    if len(queries) > QUERIES_MAX:
        raise InvalidArgumentError(f"{len(queries)} queries; a batch has at most {QUERIES_MAX}")
    read = [_search(query) for query in queries]
    hits = sum(search.options.limit + search.options.offset for search in read)
    if hits > HITS_MAX:
        raise InvalidArgumentError(f"the batch asks for {hits} hits, the limit is {HITS_MAX}")
    return read


def _search(query: pb.QueryPoints) -> Search:
    nearest = query.query.nearest
    if query.prefetch or nearest.WhichOneof("variant") != "dense":
        raise UnsupportedError("the only query served is the nearest points of a dense vector")
    if query.using or query.HasField("filter") or query.HasField("lookup_from"):
        raise UnsupportedError("named vectors, filters and look-ups are not served in a query")
    if query.with_vectors.enable or query.with_vectors.HasField("include"):
        raise UnsupportedError("a query returns no vectors; use Get")
    params, quantization = query.params, query.params.quantization
    if params.HasField("acorn") or params.HasField("idf"):
        raise UnsupportedError("acorn and idf are not served")
    limit = query.limit if query.HasField("limit") else _LIMIT
    if not 1 <= limit <= LIMIT_MAX or query.offset > LIMIT_MAX or params.hnsw_ef > LIMIT_MAX:
        raise InvalidArgumentError(f"limit, offset and hnsw_ef are at most {LIMIT_MAX}, limit >= 1")
    rescore = quantization.rescore if quantization.HasField("rescore") else None
    oversampling = quantization.oversampling if quantization.HasField("oversampling") else None
    if oversampling is not None and not 1.0 <= oversampling <= 100.0:
        raise InvalidArgumentError(f"oversampling {oversampling} is not in 1 to 100")
    options = SearchOptions(
        limit=int(limit),
        offset=int(query.offset),
        score_threshold=query.score_threshold if query.HasField("score_threshold") else None,
        hnsw_ef=int(params.hnsw_ef) if params.HasField("hnsw_ef") else None,
        exact=params.exact,
        indexed_only=params.indexed_only,
        ignore_quantization=quantization.ignore,
        rescore=rescore,
        oversampling=oversampling,
    )
    return Search(nearest.dense.data, options)
