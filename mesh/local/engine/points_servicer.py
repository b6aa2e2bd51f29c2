"""`qdrant.Points`: writing, searching and reading points."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from typing_extensions import override

from mesh.local.engine.catalog import Catalog
from mesh.local.engine.collection import Collection
from mesh.local.engine.errors import DeadlineError, InvalidArgumentError, UnsupportedError
from mesh.local.engine.refusal import refuses_the_rest
from mesh.local.engine.requests import (
    LIMIT_MAX,
    Search,
    filtered_ids,
    point_ids,
    points,
    searches,
    selected_ids,
    unit_vectors,
)
from mesh.local.engine.stubs import points_pb2 as pb
from mesh.local.engine.stubs import points_service_pb2, points_service_pb2_grpc, qdrant_common_pb2

SERVICE = points_service_pb2.DESCRIPTOR.services_by_name["Points"]
# Searched without a pause: 15 ms or so of a loop that writes and health checks wait for.
_QUERIES_AT_ONCE = 32
_ANSWER_SECONDS = 0.05
_SCROLL_LIMIT = 10


@refuses_the_rest(SERVICE)
class PointsServicer(points_service_pb2_grpc.PointsServicer):
    """Answers as a Qdrant of one node; writes are as durable and visible as with `wait`."""

    def __init__(self, catalog: Catalog, write_wait_seconds: float) -> None:
        """Serves the points of `catalog`; a write waits up to `write_wait_seconds` for room."""
        self._catalog = catalog
        self._write_wait_seconds = write_wait_seconds
        self._operation = 0
        # One batch after the other: two at once would only make each other late.
        self._turn = asyncio.Lock()

    @override
    async def Upsert(self, request: pb.UpsertPoints, context: Any) -> pb.PointsOperationResponse:
        """Writes points; they are found when this returns."""
        started = time.perf_counter()
        collection = self._catalog.find(request.collection_name)
        ids, vectors = points(request, collection.dimension)
        wait = self._write_wait_seconds
        remaining = context.time_remaining()
        if remaining is not None:
            wait = min(wait, remaining - _ANSWER_SECONDS)
        await collection.upsert(ids, vectors, wait)
        return self._completed(started)

    @override
    async def Delete(self, request: pb.DeletePoints, _context: Any) -> pb.PointsOperationResponse:
        """Removes points; they are not found when this returns."""
        started = time.perf_counter()
        collection = self._catalog.find(request.collection_name)
        await collection.delete(selected_ids(request.points))
        return self._completed(started)

    @override
    async def QueryBatch(self, request: pb.QueryBatchPoints, context: Any) -> pb.QueryBatchResponse:
        """Returns the nearest points of each query."""
        started = time.perf_counter()
        for query in request.query_points:
            if query.collection_name not in ("", request.collection_name):
                raise InvalidArgumentError("the queries of a batch ask the collection of the batch")
        rows = await self._search(request.collection_name, request.query_points, context)
        response = pb.QueryBatchResponse()
        for row in rows:
            response.result.add().MergeFromString(row)
        response.time = time.perf_counter() - started
        return response

    @override
    async def Query(self, request: pb.QueryPoints, context: Any) -> pb.QueryResponse:
        """Returns the nearest points of one query."""
        started = time.perf_counter()
        rows = await self._search(request.collection_name, [request], context)
        response = pb.QueryResponse.FromString(rows[0])
        response.time = time.perf_counter() - started
        return response

    async def _search(
        self, name: str, queries: Sequence[pb.QueryPoints], context: Any
    ) -> list[bytes]:
        """Returns the encoded hits of each query."""
        wanted = searches(queries)
        dimension = self._catalog.find(name).dimension
        vectors = unit_vectors([search.vector for search in wanted], dimension)
        rows: list[bytes] = []
        async with self._turn:
            for part in _runs(wanted):
                remaining = context.time_remaining()
                if remaining is not None and remaining <= 0:
                    raise DeadlineError("the deadline passed before the search was done")
                # An alias may have moved on since the last pause; then the rest is asked there.
                collection = self._catalog.find(name)
                if collection.dimension != dimension:
                    raise InvalidArgumentError("the collection was replaced by one of another size")
                options = wanted[part.start].options
                hits = collection.search(
                    vectors[part], options.limit + options.offset, options.engine_params()
                )
                rows += [
                    hits.row(index, options.offset, options.score_threshold)
                    for index in range(part.stop - part.start)
                ]
                await asyncio.sleep(0)
        return rows

    @override
    async def Count(self, request: pb.CountPoints, _context: Any) -> pb.CountResponse:
        """Returns the number of points; with a filter on ids, of those that exist."""
        started = time.perf_counter()
        collection = self._catalog.find(request.collection_name)
        if request.HasField("filter"):
            ids = filtered_ids(request.filter)
            _check_id_count(len(ids))
            count = len(collection.present(ids.tolist()))
        else:
            count = len(collection)
        return pb.CountResponse(
            result=pb.CountResult(count=count), time=time.perf_counter() - started
        )

    @override
    async def Get(self, request: pb.GetPoints, _context: Any) -> pb.GetResponse:
        """Returns those points that exist, in the order asked for."""
        started = time.perf_counter()
        collection = self._catalog.find(request.collection_name)
        _check_id_count(len(request.ids))
        ids = list(dict.fromkeys(point_ids(request.ids).tolist()))
        records = _records(collection, ids, request.with_vectors)
        return pb.GetResponse(result=records, time=time.perf_counter() - started)

    @override
    async def Scroll(self, request: pb.ScrollPoints, _context: Any) -> pb.ScrollResponse:
        """Returns points by ascending id."""
        started = time.perf_counter()
        collection = self._catalog.find(request.collection_name)
        if request.HasField("filter") or request.HasField("order_by"):
            raise UnsupportedError("filters and orders are not served in a scroll")
        limit = request.limit if request.HasField("limit") else _SCROLL_LIMIT
        if not 1 <= limit <= LIMIT_MAX:
            raise InvalidArgumentError(f"limit {limit} is not in 1 to {LIMIT_MAX}")
        first = point_ids([request.offset])[0] if request.HasField("offset") else 0
        ids = collection.ids_from(int(first), limit + 1)
        response = pb.ScrollResponse(
            result=_records(collection, ids[:limit], request.with_vectors),
            time=time.perf_counter() - started,
        )
        if len(ids) > limit:
            response.next_page_offset.num = ids[limit]
        return response

    def _completed(self, started: float) -> pb.PointsOperationResponse:
        self._operation += 1
        return pb.PointsOperationResponse(
            result=pb.UpdateResult(operation_id=self._operation, status=pb.UpdateStatus.Completed),
            time=time.perf_counter() - started,
        )


def _check_id_count(count: int) -> None:
    if count > LIMIT_MAX:
        raise InvalidArgumentError(f"{count} ids; at most {LIMIT_MAX} at a time")


def _runs(wanted: Sequence[Search]) -> list[slice]:
    """Returns runs of neighbouring queries that can be searched together."""
    runs = []
    start = 0
    for _, group in groupby(wanted, key=lambda search: search.options):
        stop = start + sum(1 for _ in group)
        runs += [
            slice(first, min(first + _QUERIES_AT_ONCE, stop))
            for first in range(start, stop, _QUERIES_AT_ONCE)
        ]
        start = stop
    return runs


def _records(
    collection: Collection, ids: list[int], with_vectors: pb.WithVectorsSelector
) -> list[pb.RetrievedPoint]:
    if with_vectors.HasField("include"):
        raise UnsupportedError("named vectors are not served")
    if not with_vectors.enable:
        present = collection.present(ids)
        return [
            pb.RetrievedPoint(id=qdrant_common_pb2.PointId(num=point))
            for point in ids
            if point in present
        ]
    vectors = collection.vectors(ids)
    return [
        pb.RetrievedPoint(
            id=qdrant_common_pb2.PointId(num=point),
            vectors=pb.VectorsOutput(
                vector=pb.VectorOutput(dense=pb.DenseVector(data=vectors[point]))
            ),
        )
        for point in ids
        if point in vectors
    ]
