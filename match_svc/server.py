"""Puts the service together; what is opened here is closed here, in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import sonica_core
from sonica.catalog.v1 import (
    catalog_service_pb2_grpc,
    import_service_pb2_grpc,
    operation_service_pb2_grpc,
)
from sonica.matching.v1 import matching_service_pb2_grpc

from match_svc.filling import filling
from match_svc.finding import TrackFinder
from match_svc.hot import HotCache, Lifetimes
from match_svc.importing.service import Imports
from match_svc.importing.servicer import ImportServicer, OperationServicer
from match_svc.rebuild import IndexKeeper
from match_svc.recognition import Recognizer
from match_svc.reconciler import Reconciler
from match_svc.service import Catalog
from match_svc.servicer import CatalogServicer, MatchingServicer
from match_svc.settings import Settings
from match_svc.stores import ledger
from match_svc.stores.lru import LruCache
from match_svc.stores.migrate import migrate
from match_svc.stores.postgres import Database, open_database
from match_svc.stores.qdrant import ClusterOptions, QdrantIndex
from match_svc.stores.redis import open_redis
from match_svc.workers import open_workers
from match_svc.writer import TrackWriter
from mesh.runtime.channels import open_channel
from mesh.runtime.serve import Registration, StartError

_DATABASE_PATIENCE_SECONDS = 30.0


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Sequence[Registration]]:
    """Opens everything match_svc needs and yields its services.

    Raises:
        StartError: PostgreSQL does not come up, or what it holds is not ours.
    """
    async with AsyncExitStack() as stack:
        workers = stack.enter_context(open_workers(settings.worker_threads))
        database = await stack.enter_async_context(
            open_database(
                settings.database_url.get_secret_value(),
                settings.database_pool_size,
                settings.store_timeout_seconds,
                _DATABASE_PATIENCE_SECONDS,
            )
        )
        await migrate(database)
        await _begin_catalog(database)
        index = await stack.enter_async_context(_open_index(settings))
        hot = await stack.enter_async_context(_open_hot_cache(settings))
        writer = TrackWriter(database, index, workers, settings.database_pool_size // 2)
        keeper = IndexKeeper(database, index, workers)
        reconciler = Reconciler(
            database,
            writer,
            keeper,
            settings.reconcile_interval_seconds,
            settings.reconcile_grace_seconds,
        )
        await stack.enter_async_context(reconciler.running())
        await stack.enter_async_context(filling(database))
        imports = Imports(
            database,
            settings.import_idle_seconds,
            settings.import_kept_seconds,
            settings.import_sweep_interval_seconds,
        )
        await stack.enter_async_context(imports.sweeping())
        catalog = Catalog(database, index, writer, hot, workers)
        yield (
            Registration(
                matching_service_pb2_grpc.add_MatchingServiceServicer_to_server,
                MatchingServicer(Recognizer(database, index, hot, workers)),
                "sonica.matching.v1.MatchingService",
            ),
            Registration(
                catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server,
                CatalogServicer(catalog, TrackFinder(database, workers), keeper),
                "sonica.catalog.v1.CatalogService",
            ),
            Registration(
                import_service_pb2_grpc.add_ImportServiceServicer_to_server,
                ImportServicer(imports),
                "sonica.catalog.v1.ImportService",
            ),
            Registration(
                operation_service_pb2_grpc.add_OperationServiceServicer_to_server,
                OperationServicer(imports),
                "sonica.catalog.v1.OperationService",
            ),
        )


async def _begin_catalog(database: Database) -> None:
    """Gives a new catalogue the current version, and looks at that of an old one.

    Raises:
        StartError: this release cannot search it.
    """
    async with database.connection("begin_catalog") as connection:
        now = await ledger.begin_catalog(connection, sonica_core.CURRENT_ALGORITHM_VERSION)
    if now.algorithm_version not in sonica_core.ALGORITHM_VERSIONS:
        known = ", ".join(map(str, sonica_core.ALGORITHM_VERSIONS))
        raise StartError(
            f"the catalogue has algorithm_version {now.algorithm_version}; this release has "
            f"{known}: start the release that made it, or a later one"
        )


@asynccontextmanager
async def _open_index(settings: Settings) -> AsyncIterator[QdrantIndex]:
    key = settings.qdrant_api_key
    async with open_channel(settings.qdrant_address) as channel:
        yield QdrantIndex(
            channel,
            settings.collection,
            settings.index_timeout_seconds,
            ClusterOptions(
                key.get_secret_value() if key else None,
                settings.shard_number,
                settings.replication_factor,
            ),
        )


@asynccontextmanager
async def _open_hot_cache(settings: Settings) -> AsyncIterator[HotCache]:
    local = LruCache(settings.cache_bytes)
    lifetimes = Lifetimes(settings.answer_ttl_seconds, settings.song_ttl_seconds)
    if settings.redis_url is None:
        yield HotCache(settings.collection, local, None, lifetimes)
        return
    url = settings.redis_url.get_secret_value()
    async with open_redis(url, settings.redis_timeout_seconds) as shared:
        yield HotCache(settings.collection, local, shared, lifetimes)
