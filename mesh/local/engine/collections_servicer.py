"""`qdrant.Collections`: collections and aliases."""

from __future__ import annotations

import time
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from typing_extensions import override

from mesh.local.engine.catalog import Catalog
from mesh.local.engine.collection import Collection
from mesh.local.engine.compactor import Compactor
from mesh.local.engine.refusal import refuses_the_rest
from mesh.local.engine.stubs import collections_pb2 as pb
from mesh.local.engine.stubs import collections_service_pb2, collections_service_pb2_grpc

SERVICE = collections_service_pb2.DESCRIPTOR.services_by_name["Collections"]


@refuses_the_rest(SERVICE)
class CollectionsServicer(collections_service_pb2_grpc.CollectionsServicer):
    """Answers as a Qdrant of one node."""

    def __init__(self, catalog: Catalog, compactor: Compactor) -> None:
        """Serves the collections of `catalog`."""
        self._catalog = catalog
        self._compactor = compactor

    @override
    async def Create(
        self, request: pb.CreateCollection, _context: Any
    ) -> pb.CollectionOperationResponse:
        """Creates a collection."""
        started = time.perf_counter()
        await self._catalog.create(request)
        return _done(started, changed=True)

    @override
    async def Delete(
        self, request: pb.DeleteCollection, _context: Any
    ) -> pb.CollectionOperationResponse:
        """Deletes a collection and its aliases; `result` is false when there was none."""
        started = time.perf_counter()
        name = request.collection_name
        changed = await self._catalog.delete(name, self._compactor.release)
        return _done(started, changed=changed)

    @override
    async def UpdateAliases(
        self, request: pb.ChangeAliases, _context: Any
    ) -> pb.CollectionOperationResponse:
        """Changes aliases, all at once."""
        started = time.perf_counter()
        self._catalog.change_aliases(request.actions)
        return _done(started, changed=True)

    @override
    async def Get(
        self, request: pb.GetCollectionInfoRequest, _context: Any
    ) -> pb.GetCollectionInfoResponse:
        """Returns the definition and the size of a collection."""
        started = time.perf_counter()
        info = _info(self._catalog.find(request.collection_name))
        return pb.GetCollectionInfoResponse(result=info, time=time.perf_counter() - started)

    @override
    async def List(
        self, _request: pb.ListCollectionsRequest, _context: Any
    ) -> pb.ListCollectionsResponse:
        """Returns the names of all collections."""
        names = self._catalog.names()
        return pb.ListCollectionsResponse(
            collections=[pb.CollectionDescription(name=name) for name in names]
        )

    @override
    async def CollectionExists(
        self, request: pb.CollectionExistsRequest, _context: Any
    ) -> pb.CollectionExistsResponse:
        """Returns whether a collection or an alias of this name exists."""
        name = request.collection_name
        exists = name in self._catalog.names() or name in self._catalog.aliases()
        return pb.CollectionExistsResponse(result=pb.CollectionExists(exists=exists))

    @override
    async def ListAliases(
        self, _request: pb.ListAliasesRequest, _context: Any
    ) -> pb.ListAliasesResponse:
        """Returns all aliases."""
        return pb.ListAliasesResponse(aliases=_described(self._catalog.aliases()))

    @override
    async def ListCollectionAliases(
        self, request: pb.ListCollectionAliasesRequest, _context: Any
    ) -> pb.ListAliasesResponse:
        """Returns the aliases of one collection."""
        self._catalog.find(request.collection_name)
        aliases = {
            alias: name
            for alias, name in self._catalog.aliases().items()
            if name == request.collection_name
        }
        return pb.ListAliasesResponse(aliases=_described(aliases))


def _done(started: float, *, changed: bool) -> pb.CollectionOperationResponse:
    return pb.CollectionOperationResponse(result=changed, time=time.perf_counter() - started)


def _described(aliases: dict[str, str]) -> list[pb.AliasDescription]:
    return [
        pb.AliasDescription(alias_name=alias, collection_name=name)
        for alias, name in sorted(aliases.items())
    ]


def _info(collection: Collection) -> pb.CollectionInfo:
    request = collection.request
    building = collection.building
    return pb.CollectionInfo(
        status=pb.CollectionStatus.Yellow if building else pb.CollectionStatus.Green,
        optimizer_status=pb.OptimizerStatus(ok=True),
        segments_count=collection.shard_count,
        points_count=len(collection),
        indexed_vectors_count=collection.indexed_count,
        created_at=Timestamp(seconds=collection.manifest.created_seconds),
        config=pb.CollectionConfig(
            params=pb.CollectionParams(
                shard_number=1, replication_factor=1, vectors_config=request.vectors_config
            ),
            hnsw_config=request.hnsw_config,
            optimizer_config=request.optimizers_config,
            wal_config=request.wal_config,
            quantization_config=(
                request.quantization_config if request.HasField("quantization_config") else None
            ),
        ),
    )
