"""The engine speaks Qdrant's API: what it serves works, what it cannot do it says.

Method: a real server over a unix socket, asked with the stock stubs and once with the stock client;
tables of bad requests with the status code Qdrant gives; a full disk is a limit of the kernel.
"""

from __future__ import annotations

import asyncio
import resource
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest

from mesh.local.engine.stubs import collections_pb2 as cpb
from mesh.local.engine.stubs import points_pb2 as ppb
from mesh.local.engine.stubs import qdrant_common_pb2
from mesh.runtime.errors import from_rpc_error
from tests.integration.engine_process import (
    DIMENSION,
    Client,
    point_id,
    queries,
    running,
    structs,
    unit_vectors,
    wait_until,
)
from tests.ports import free_port

Code = grpc.StatusCode
VECTORS = unit_vectors(1, 50)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with running(tmp_path) as (_, client):
        await client.create()
        await client.upsert(range(50), VECTORS)
        yield client


def alias(name: str, collection: str) -> cpb.AliasOperations:
    create = cpb.CreateAlias(alias_name=name, collection_name=collection)
    return cpb.AliasOperations(create_alias=create)


async def change_aliases(client: Client, *actions: cpb.AliasOperations) -> None:
    await client.collections.UpdateAliases(cpb.ChangeAliases(actions=actions))


async def test_alias_moves_to_a_rebuilt_collection_under_search(client: Client) -> None:
    await client.create("b")
    await client.upsert(range(100, 150), VECTORS, "b")
    await change_aliases(client, alias("live", "a"))
    seen, stop = [], asyncio.Event()

    async def ask() -> None:
        while not stop.is_set():
            ((hit, _),) = (await client.search(VECTORS[:1], 1, "live"))[0]
            seen.append(hit)

    asking = asyncio.create_task(ask())
    await wait_until(lambda: len(seen) >= 3)
    remove = cpb.AliasOperations(delete_alias=cpb.DeleteAlias(alias_name="live"))
    await change_aliases(client, remove, alias("live", "b"))
    moved = len(seen)
    await wait_until(lambda: len(seen) >= moved + 3)
    stop.set()
    await asking
    assert seen == sorted(seen)
    assert {seen[0], seen[-1]} == {0, 100}
    await client.collections.Delete(cpb.DeleteCollection(collection_name="a"))
    assert (await client.search(VECTORS[:1], 1, "live"))[0][0][0] == 100


async def test_collections_and_aliases(client: Client) -> None:
    names = await client.collections.List(cpb.ListCollectionsRequest())
    assert [found.name for found in names.collections] == ["a"]
    await change_aliases(client, alias("x", "a"), alias("y", "a"))
    rename = cpb.RenameAlias(old_alias_name="y", new_alias_name="z")
    await change_aliases(client, cpb.AliasOperations(rename_alias=rename))
    listed = await client.collections.ListAliases(cpb.ListAliasesRequest())
    assert {(a.alias_name, a.collection_name) for a in listed.aliases} == {("x", "a"), ("z", "a")}
    for name, exists in (("a", True), ("x", True), ("y", False)):
        request = cpb.CollectionExistsRequest(collection_name=name)
        assert (await client.collections.CollectionExists(request)).result.exists is exists
    info = await client.info("x")
    assert info.config.params.vectors_config.params.size == DIMENSION
    assert info.points_count == 50
    with pytest.raises(grpc.aio.AioRpcError):
        await change_aliases(client, alias("w", "a"), alias("v", "missing"))
    listed = await client.collections.ListAliases(cpb.ListAliasesRequest())
    assert len(listed.aliases) == 2  # all or nothing
    gone = cpb.DeleteCollection(collection_name="a")
    assert (await client.collections.Delete(gone)).result is True
    assert (await client.collections.Delete(gone)).result is False
    assert not (await client.collections.ListAliases(cpb.ListAliasesRequest())).aliases
    await client.create("a")
    assert await client.count() == 0


def upsert(vectors: Any, **fields: Any) -> ppb.UpsertPoints:
    points = [
        ppb.PointStruct(
            id=point_id(row + 1000),
            vectors=ppb.Vectors(vector=ppb.Vector(dense=ppb.DenseVector(data=vector))),
        )
        for row, vector in enumerate(vectors)
    ]
    return ppb.UpsertPoints(**{"collection_name": "a", "points": points, **fields})


def query(**fields: Any) -> ppb.QueryBatchPoints:
    points = queries(VECTORS[:1], 5)
    for name, value in fields.items():
        field = getattr(points[0], name)
        if hasattr(field, "CopyFrom"):
            field.CopyFrom(value)
        else:
            setattr(points[0], name, value)
    return ppb.QueryBatchPoints(collection_name="a", query_points=points)


def dense(values: Any) -> ppb.Query:
    return ppb.Query(nearest=ppb.VectorInput(dense=ppb.DenseVector(data=values)))


GOOD, ONE = VECTORS[0].tolist(), [1.0] + [0.0] * (DIMENSION - 1)
UUID = qdrant_common_pb2.PointId(uuid="6a1f5f0e-0f5e-4b6e-9d5e-1f0e6a1f5f0e")
PAYLOAD = ppb.PointStruct(id=point_id(1), vectors=structs([1], VECTORS[:1])[0].vectors)
PAYLOAD.payload["title"].string_value = "x"
NAMED = ppb.Vectors(vectors=ppb.NamedVectors(vectors={"v": ppb.Vector(data=GOOD)}))
KEY_FILTER = qdrant_common_pb2.Filter(
    must=[qdrant_common_pb2.Condition(is_null=qdrant_common_pb2.IsNullCondition(key="k"))]
)
BAD: dict[str, tuple[str, Any, grpc.StatusCode]] = {
    "missing collection, upsert": ("Upsert", upsert([ONE], collection_name="no"), Code.NOT_FOUND),
    "missing collection, delete": (
        "Delete",
        ppb.DeletePoints(collection_name="no"),
        Code.NOT_FOUND,
    ),
    "missing collection, count": ("Count", ppb.CountPoints(collection_name="no"), Code.NOT_FOUND),
    "missing collection, get": ("Get", ppb.GetPoints(collection_name="no"), Code.NOT_FOUND),
    "missing collection, scroll": (
        "Scroll",
        ppb.ScrollPoints(collection_name="no"),
        Code.NOT_FOUND,
    ),
    "missing collection, query": (
        "QueryBatch",
        ppb.QueryBatchPoints(collection_name="no"),
        Code.NOT_FOUND,
    ),
    "short vector": ("Upsert", upsert([ONE, [1.0]]), Code.INVALID_ARGUMENT),
    "long vector": ("Upsert", upsert([ONE, [*ONE, 1.0]]), Code.INVALID_ARGUMENT),
    "empty vector": ("Upsert", upsert([ONE, []]), Code.INVALID_ARGUMENT),
    "NaN": ("Upsert", upsert([ONE, [float("nan")] * DIMENSION]), Code.INVALID_ARGUMENT),
    "infinity": ("Upsert", upsert([ONE, [float("inf")] * DIMENSION]), Code.INVALID_ARGUMENT),
    "zero vector": ("Upsert", upsert([ONE, [0.0] * DIMENSION]), Code.INVALID_ARGUMENT),
    "no id": ("Upsert", upsert([], points=[ppb.PointStruct()]), Code.UNIMPLEMENTED),
    "UUID": ("Upsert", upsert([], points=[ppb.PointStruct(id=UUID)]), Code.UNIMPLEMENTED),
    "payload": ("Upsert", upsert([], points=[PAYLOAD]), Code.UNIMPLEMENTED),
    "named vector": (
        "Upsert",
        upsert([], points=[ppb.PointStruct(id=point_id(1), vectors=NAMED)]),
        Code.UNIMPLEMENTED,
    ),
    "no vector": (
        "Upsert",
        upsert([], points=[ppb.PointStruct(id=point_id(1))]),
        Code.UNIMPLEMENTED,
    ),
    "insert only": ("Upsert", upsert([ONE], update_mode=1), Code.UNIMPLEMENTED),
    "delete nothing": ("Delete", ppb.DeletePoints(collection_name="a"), Code.INVALID_ARGUMENT),
    "delete by payload": (
        "Delete",
        ppb.DeletePoints(collection_name="a", points=ppb.PointsSelector(filter=KEY_FILTER)),
        Code.UNIMPLEMENTED,
    ),
    "query of another size": ("QueryBatch", query(query=dense([1.0])), Code.INVALID_ARGUMENT),
    "query with NaN": (
        "QueryBatch",
        query(query=dense([float("nan")] * DIMENSION)),
        Code.INVALID_ARGUMENT,
    ),
    "query by id": (
        "QueryBatch",
        query(query=ppb.Query(nearest=ppb.VectorInput(id=point_id(1)))),
        Code.UNIMPLEMENTED,
    ),
    "query of another collection": (
        "QueryBatch",
        query(collection_name="b"),
        Code.INVALID_ARGUMENT,
    ),
    "query with a filter": ("QueryBatch", query(filter=KEY_FILTER), Code.UNIMPLEMENTED),
    "limit 0": ("QueryBatch", query(limit=0), Code.INVALID_ARGUMENT),
    "limit too large": ("QueryBatch", query(limit=10_001), Code.INVALID_ARGUMENT),
    "too many queries": (
        "QueryBatch",
        ppb.QueryBatchPoints(collection_name="a", query_points=queries(VECTORS[:1], 1) * 1025),
        Code.INVALID_ARGUMENT,
    ),
    "scroll limit 0": (
        "Scroll",
        ppb.ScrollPoints(collection_name="a", limit=0),
        Code.INVALID_ARGUMENT,
    ),
    "other call": ("Recommend", ppb.RecommendPoints(collection_name="a"), Code.UNIMPLEMENTED),
    "payload call": ("SetPayload", ppb.SetPayloadPoints(collection_name="a"), Code.UNIMPLEMENTED),
}


async def test_bad_requests_are_typed_and_change_nothing(client: Client) -> None:
    for name, (method, request, code) in BAD.items():
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await getattr(client.points, method)(request)
        assert caught.value.code() is code, (name, caught.value.details())
        assert from_rpc_error(caught.value).domain == "sonica.engine", name
    taken = cpb.CreateCollection(collection_name="a")
    taken.vectors_config.params.size = 4
    taken.vectors_config.params.distance = cpb.Cosine
    for request, code in (
        (cpb.CreateCollection(), Code.INVALID_ARGUMENT),
        (taken, Code.ALREADY_EXISTS),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.collections.Create(request)
        assert caught.value.code() is code
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.collections.Update(cpb.UpdateCollection(collection_name="a"))
    assert caught.value.code() is Code.UNIMPLEMENTED
    assert await client.count() == 50
    assert (await client.search(VECTORS[:1], 1))[0][0][0] == 0


async def test_score_threshold_offset_and_single_query(client: Client) -> None:
    (whole,) = await client.search(VECTORS[:1], 10)
    request = queries(VECTORS[:1], 3)[0]
    request.offset = 2
    hits = (await client.points.Query(request)).result
    assert [hit.id.num for hit in hits] == [point for point, _ in whole[2:5]]
    request.offset, request.score_threshold = 0, whole[1][1]
    hits = (await client.points.Query(request)).result
    assert [hit.id.num for hit in hits] == [point for point, _ in whole[:2]]
    mixed = [*queries(VECTORS[:1], 2), *queries(VECTORS[1:2], 7)]
    batch = ppb.QueryBatchPoints(collection_name="a", query_points=mixed)
    assert [len(found.result) for found in (await client.points.QueryBatch(batch)).result] == [2, 7]


async def test_delete_and_count_by_filter_on_ids(client: Client) -> None:
    ids = qdrant_common_pb2.HasIdCondition(has_id=[point_id(point) for point in (3, 4, 999)])
    chosen = qdrant_common_pb2.Filter(must=[qdrant_common_pb2.Condition(has_id=ids)])
    count = ppb.CountPoints(collection_name="a", filter=chosen)
    assert (await client.points.Count(count)).result.count == 2
    selector = ppb.PointsSelector(filter=chosen)
    await client.points.Delete(ppb.DeletePoints(collection_name="a", points=selector))
    assert (await client.points.Count(count)).result.count == 0
    assert await client.count() == 48


async def test_large_and_small_vectors_keep_their_direction(client: Client) -> None:
    for point, factor in ((500, 3e37), (501, 1e-10)):
        await client.upsert([point], VECTORS[7:8] * np.float32(factor))
    found = await client.search(VECTORS[7:8] * np.float32(1e38), 3)
    assert {hit for hit, _ in found[0]} == {7, 500, 501}
    assert all(abs(score - 1.0) < 1e-5 for _, score in found[0])


async def test_deadline_and_cancellation_leave_the_engine_working(client: Client) -> None:
    rows = np.tile(VECTORS, (20, 1))
    request = ppb.QueryBatchPoints(collection_name="a", query_points=queries(rows, 50))
    calls = [client.points.QueryBatch(request, timeout=0.02) for _ in range(40)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    codes = {outcome.code() for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)}
    assert codes == {Code.DEADLINE_EXCEEDED}
    assert (await client.search(VECTORS[:1], 1))[0][0][0] == 0


async def test_writes_beyond_the_backlog_are_refused(tmp_path: Path) -> None:
    # No build makes room meanwhile, however long the calls take.
    settings = {"max_unindexed_points": 1000, "seal_points": 1_000_000, "write_wait_seconds": 0.1}
    async with running(tmp_path, idle_seal_seconds=3600.0, **settings) as (_, client):
        await client.create()
        await client.upsert(range(900), unit_vectors(1, 900))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.upsert(range(900, 1100), unit_vectors(2, 200))
        assert caught.value.code() is Code.RESOURCE_EXHAUSTED
        assert from_rpc_error(caught.value).reason == "ENGINE_WRITE_BACKLOG"
        assert await client.count() == 900


async def test_writes_wait_for_a_build(tmp_path: Path) -> None:
    settings = {"max_unindexed_points": 1000, "seal_points": 500, "write_wait_seconds": 120}
    async with running(tmp_path, **settings) as (_, client):
        await client.create()
        vectors = unit_vectors(1, 4000)
        for start in range(0, 4000, 400):
            await client.upsert(range(start, start + 400), vectors[start : start + 400])
        assert await client.count() == 4000


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="the limit of another process")
async def test_full_disk_is_typed_and_reading_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as (engine, client):
        await client.create()
        await client.upsert(range(50), VECTORS)
        process = psutil.Process(engine.process.pid)
        before = process.rlimit(resource.RLIMIT_FSIZE)
        process.rlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        calls: list[Callable[[], Any]] = [
            lambda: client.upsert(range(1000, 1500), unit_vectors(2, 500)),
            lambda: client.delete(range(10_000)),
        ]
        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call()
            assert caught.value.code() is Code.RESOURCE_EXHAUSTED
            assert from_rpc_error(caught.value).reason == "ENGINE_DISK_FULL"
        assert await client.count() == 50
        assert (await client.search(VECTORS[:1], 1))[0][0][0] == 0
        process.rlimit(resource.RLIMIT_FSIZE, before)
        await client.upsert(range(1000, 1500), unit_vectors(2, 500))
        engine.kill()
        await engine.restart(client)
        assert await client.count() == 550


async def test_stock_client(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client's own making
        from qdrant_client import AsyncQdrantClient, models
    port = free_port()
    async with running(tmp_path, f"127.0.0.1:{port}"):
        stock = AsyncQdrantClient(
            host="127.0.0.1", grpc_port=port, prefer_grpc=True, check_compatibility=False
        )
        await stock.create_collection(
            "s",
            models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE),
        )
        points = [
            models.PointStruct(id=row, vector=vector.tolist()) for row, vector in enumerate(VECTORS)
        ]
        await stock.upsert("s", points, wait=True)
        requests = [models.QueryRequest(query=v.tolist(), limit=3) for v in VECTORS[:4]]
        answers = await stock.query_batch_points("s", requests)
        assert [answer.points[0].id for answer in answers] == [0, 1, 2, 3]
        await stock.delete("s", models.PointIdsList(points=[0]), wait=True)
        assert (await stock.count("s")).count == 49
        await stock.close()
