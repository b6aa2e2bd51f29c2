"""The vector index in Qdrant, over its own gRPC API: the local engine and a cluster alike.

A generation is the collection `<prefix>_v<version>_<number>`; the one of a version that answers has
the alias `<prefix>_v<version>`. Of a batch of points Qdrant may apply a part before it refuses one,
and it accepts NaN: what comes here has been validated.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

from match_svc.errors import IndexUnreachableError, StorageFullError
from match_svc.model import Generation
from match_svc.stores.port import (
    NEIGHBOUR_COUNT,
    NO_POINT,
    F32Array,
    GenerationMissingError,
    Neighbours,
    U64Array,
)
from match_svc.stores.qdrant_collection import create_collection
from match_svc.stores.qdrant_stubs import (
    CollectionsStub,
    PointId,
    PointsStub,
    collections,
    points,
)
from mesh.runtime.errors import from_rpc_error

# Candidates the graph search keeps; as many as it returns is where recall stops paying.
_HNSW_EF = 100
# 2,000 vectors of 128 numbers are 1.1 MB a message.
_UPSERT_POINTS = 2000
_DELETE_POINTS = 4096
# What the local engine says; Qdrant has no reason of its own for it.
_DISK_FULL = "ENGINE_DISK_FULL"


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What only a Qdrant cluster needs.

    Attributes:
        api_key: None for none.
        shard_number: shards of a collection.
        replication_factor: copies of each shard.
    """

    api_key: str | None = None
    shard_number: int = 1
    replication_factor: int = 1


class QdrantIndex:
    """A `VectorIndex` in Qdrant.

    Args:
        channel: to Qdrant, with deadlines.
        prefix: what collection names begin with.
        timeout_seconds: longest wait for one call.
        cluster: what a cluster needs.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        prefix: str,
        timeout_seconds: float,
        cluster: ClusterOptions = ClusterOptions(),
    ) -> None:
        self._points = PointsStub(channel)
        self._collections = CollectionsStub(channel)
        self._prefix = prefix
        self._names = re.compile(rf"{re.escape(prefix)}_v([0-9]+)_([0-9]+)")
        self._options: dict[str, Any] = {"timeout": timeout_seconds}
        if cluster.api_key is not None:
            self._options["metadata"] = (("api-key", cluster.api_key),)
        self._cluster = cluster

    async def search(self, algorithm_version: int, vectors: F32Array) -> Neighbours:
        """Searches approximately: a graph over vectors of 4 bits a number."""
        # Some thousand hits are a few milliseconds of work on either side of the call.
        alias = self._alias(algorithm_version)
        request = await asyncio.to_thread(_search_request, alias, vectors)
        try:
            response = await self._call(self._points.QueryBatch(request, **self._options))
        except GenerationMissingError as error:
            raise IndexUnreachableError(
                "the vector index is not there; it is made anew from the catalogue",
                retry_after_seconds=5.0,
            ) from error
        return await asyncio.to_thread(_neighbours, response.result)

    async def upsert(self, generation: Generation, ids: U64Array, vectors: F32Array) -> None:
        """Writes points in bounded batches, each acknowledged."""
        for begin in range(0, len(ids), _UPSERT_POINTS):
            part = slice(begin, begin + _UPSERT_POINTS)
            request = await asyncio.to_thread(
                _upsert_request, self._name(generation), ids[part], vectors[part]
            )
            await self._call(self._points.Upsert(request, **self._options))

    async def delete(self, generation: Generation, ids: U64Array) -> None:
        """Removes points by their ids."""
        for begin in range(0, len(ids), _DELETE_POINTS):
            numbers = ids[begin : begin + _DELETE_POINTS].tolist()
            listed = points.PointsIdsList(ids=[PointId(num=number) for number in numbers])
            request = points.DeletePoints(
                collection_name=self._name(generation),
                wait=True,
                points=points.PointsSelector(points=listed),
            )
            try:
                await self._call(self._points.Delete(request, **self._options))
            except GenerationMissingError:
                return

    async def count(self, generation: Generation) -> int | None:
        """Counts points exactly."""
        request = points.CountPoints(collection_name=self._name(generation), exact=True)
        try:
            response = await self._call(self._points.Count(request, **self._options))
        except GenerationMissingError:
            return None
        return int(response.result.count)

    async def generations(self) -> set[Generation]:
        """Lists our collections."""
        request = collections.ListCollectionsRequest()
        response = await self._call(self._collections.List(request, **self._options))
        ours = (self._generation(found.name) for found in response.collections)
        return {generation for generation in ours if generation is not None}

    async def create(self, generation: Generation) -> None:
        """Makes the collection."""
        request = create_collection(
            self._name(generation), self._cluster.shard_number, self._cluster.replication_factor
        )
        await self._call(self._collections.Create(request, **self._options))

    async def drop(self, generation: Generation) -> None:
        """Removes the collection."""
        request = collections.DeleteCollection(collection_name=self._name(generation))
        try:
            await self._call(self._collections.Delete(request, **self._options))
        except GenerationMissingError:
            return

    async def serving(self, algorithm_version: int) -> Generation | None:
        """Reads the alias."""
        request = collections.ListAliasesRequest()
        response = await self._call(self._collections.ListAliases(request, **self._options))
        for alias in response.aliases:
            if alias.alias_name == self._alias(algorithm_version):
                return self._generation(alias.collection_name)
        return None

    async def serve(self, generation: Generation) -> None:
        """Moves the alias; Qdrant applies both actions as one."""
        name = self._alias(generation.algorithm_version)
        create = collections.AliasOperations(
            create_alias=collections.CreateAlias(
                collection_name=self._name(generation), alias_name=name
            )
        )
        delete = collections.AliasOperations(delete_alias=collections.DeleteAlias(alias_name=name))
        there = await self.serving(generation.algorithm_version) is not None
        request = collections.ChangeAliases(actions=[delete, create] if there else [create])
        await self._call(self._collections.UpdateAliases(request, **self._options))

    async def is_settled(self, generation: Generation) -> bool:
        """Tells whether Qdrant's optimizers are done."""
        request = collections.GetCollectionInfoRequest(collection_name=self._name(generation))
        response = await self._call(self._collections.Get(request, **self._options))
        return bool(response.result.status != collections.CollectionStatus.Yellow)

    def _alias(self, algorithm_version: int) -> str:
        return f"{self._prefix}_v{algorithm_version}"

    def _name(self, generation: Generation) -> str:
        return f"{self._alias(generation.algorithm_version)}_{generation.number}"

    def _generation(self, name: str) -> Generation | None:
        found = self._names.fullmatch(name)
        return Generation(int(found[1]), int(found[2])) if found else None

    async def _call(self, call: Awaitable[Any]) -> Any:
        """Awaits a call; its failures become ours."""
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise GenerationMissingError(error.details()) from error
            typed = from_rpc_error(error)
            if typed is not None and typed.reason == _DISK_FULL:
                raise StorageFullError(
                    f"the vector index has no room left: {typed.message}", retry_after_seconds=60.0
                ) from error
            raise IndexUnreachableError(
                f"the vector index does not answer: {error.code().name}: {error.details()}"
            ) from error


def _search_request(name: str, vectors: F32Array) -> Any:
    params = points.SearchParams(hnsw_ef=_HNSW_EF, exact=False)
    return points.QueryBatchPoints(
        collection_name=name,
        query_points=[
            points.QueryPoints(
                collection_name=name,
                query=points.Query(
                    nearest=points.VectorInput(dense=points.DenseVector(data=vector))
                ),
                params=params,
                limit=NEIGHBOUR_COUNT,
                with_payload=points.WithPayloadSelector(enable=False),
                with_vectors=points.WithVectorsSelector(enable=False),
            )
            for vector in vectors.tolist()
        ],
    )


def _upsert_request(name: str, ids: U64Array, vectors: F32Array) -> Any:
    return points.UpsertPoints(
        collection_name=name,
        wait=True,
        points=[
            points.PointStruct(
                id=PointId(num=number),
                vectors=points.Vectors(vector=points.Vector(dense=points.DenseVector(data=vector))),
            )
            for number, vector in zip(ids.tolist(), vectors.tolist(), strict=True)
        ],
    )


def _neighbours(batch: Any) -> Neighbours:
    """Copies the hits of a batch into arrays."""
    ids = np.full((len(batch), NEIGHBOUR_COUNT), NO_POINT, dtype=np.uint64)
    scores = np.zeros((len(batch), NEIGHBOUR_COUNT), dtype=np.float32)
    for row, hits in enumerate(batch):
        found = hits.result
        ids[row, : len(found)] = [hit.id.num for hit in found]
        scores[row, : len(found)] = [hit.score for hit in found]
    return Neighbours(ids, scores)
