"""A local vector engine that a test starts, kills and asks over the stock stubs."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import numpy as np
import psutil

from mesh.local.engine.stubs import collections_pb2 as cpb
from mesh.local.engine.stubs import (
    collections_service_pb2_grpc,
    points_service_pb2_grpc,
    qdrant_common_pb2,
)
from mesh.local.engine.stubs import points_pb2 as ppb

ROOT = Path(__file__).parents[2]
DIMENSION = 32
START_SECONDS = 120.0
CALL_SECONDS = 120.0


class Engine:
    """One data folder, and the process that serves it, if any."""

    def __init__(self, data_dir: Path, address: str | None = None, **settings: object) -> None:
        self.data_dir = data_dir
        # pytest's own folders have longer names than a socket may have.
        self._folder = tempfile.TemporaryDirectory(prefix="engine-")
        self.address = address or f"unix:{self._folder.name}/s"
        self._environment = dict(
            os.environ,
            SONICA_ENGINE_LISTEN=self.address,
            SONICA_ENGINE_DATA_DIR=str(data_dir),
            SONICA_ENGINE_REFLECTION="false",
            SONICA_ENGINE_LOG_LEVEL="WARNING",
            **{f"SONICA_ENGINE_{name.upper()}": str(value) for name, value in settings.items()},
        )
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "mesh.local.engine"], cwd=ROOT, env=self._environment
        )

    async def start(self) -> Client:
        """Starts the process and returns a client once it answers."""
        client = Client(self.address)
        await self._start(client)
        return client

    async def restart(self, client: Client) -> None:
        """Starts the process anew; `client` asks that one from now on."""
        await client.close()
        client.open()
        await self._start(client)

    async def _start(self, client: Client) -> None:
        self.process = self.spawn()
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.process.poll() is None, "the engine ended at its start"
            assert time.monotonic() < deadline, "the engine does not answer"
            if self._is_bound():
                await client.channel.channel_ready()
                return
            await asyncio.sleep(0.01)

    def _is_bound(self) -> bool:
        if self.address.startswith("unix:"):
            kind, address = socket.AF_UNIX, self.address.removeprefix("unix:")
        else:
            host, port = self.address.split(":")
            kind, address = socket.AF_INET, (host, int(port))
        with socket.socket(kind) as probe:
            return probe.connect_ex(address) == 0

    def builders(self) -> list[psutil.Process]:
        """Returns the build processes that work in the data folder, whoever started them."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or ())
            if "mesh.local.engine.builder" in line and str(self.data_dir) in line:
                found.append(process)
        return found

    async def wait_builder(self) -> psutil.Process:
        found: list[psutil.Process] = []

        def look() -> bool:
            found[:] = self.builders()
            return bool(found)

        await wait_until(look)
        return found[0]

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(120)

    def close(self) -> None:
        self.kill()
        self._folder.cleanup()


class Client:
    """The calls the tests make, on one channel."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.open()

    def open(self) -> None:
        self.channel = grpc.aio.insecure_channel(
            self._address, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self.collections = collections_service_pb2_grpc.CollectionsStub(self.channel)
        self.points = points_service_pb2_grpc.PointsStub(self.channel)

    async def create(self, name: str = "a", datatype: int = cpb.Float32, **fields: object) -> None:
        params = cpb.VectorParams(size=DIMENSION, distance=cpb.Cosine, datatype=datatype)
        request = cpb.CreateCollection(
            collection_name=name, vectors_config=cpb.VectorsConfig(params=params), **fields
        )
        await self.collections.Create(request, timeout=CALL_SECONDS)

    async def upsert(self, ids: Iterable[int], vectors: np.ndarray, name: str = "a") -> None:
        request = ppb.UpsertPoints(collection_name=name, wait=True, points=structs(ids, vectors))
        response = await self.points.Upsert(request, timeout=CALL_SECONDS)
        assert response.result.status == ppb.UpdateStatus.Completed

    async def delete(self, ids: Iterable[int], name: str = "a") -> None:
        listed = ppb.PointsIdsList(ids=[point_id(point) for point in ids])
        request = ppb.DeletePoints(
            collection_name=name, wait=True, points=ppb.PointsSelector(points=listed)
        )
        await self.points.Delete(request, timeout=CALL_SECONDS)

    async def search(
        self, vectors: np.ndarray, limit: int = 10, name: str = "a", **params: object
    ) -> list[list[tuple[int, float]]]:
        request = ppb.QueryBatchPoints(
            collection_name=name, query_points=queries(vectors, limit, name, **params)
        )
        response = await self.points.QueryBatch(request, timeout=CALL_SECONDS)
        return [[(hit.id.num, hit.score) for hit in batch.result] for batch in response.result]

    async def count(self, name: str = "a") -> int:
        request = ppb.CountPoints(collection_name=name, exact=True)
        return (await self.points.Count(request, timeout=CALL_SECONDS)).result.count

    async def info(self, name: str = "a") -> cpb.CollectionInfo:
        request = cpb.GetCollectionInfoRequest(collection_name=name)
        return (await self.collections.Get(request, timeout=CALL_SECONDS)).result

    async def wait_built(self, name: str = "a", seconds: float = START_SECONDS) -> None:
        """Waits until all points are in shards."""
        deadline = time.monotonic() + seconds
        while True:
            info = await self.info(name)
            if info.status == cpb.Green and info.indexed_vectors_count == info.points_count:
                return
            assert time.monotonic() < deadline, f"no index was built: {info}"
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        await self.channel.close()


def point_id(point: int) -> qdrant_common_pb2.PointId:
    return qdrant_common_pb2.PointId(num=int(point))


def structs(ids: Iterable[int], vectors: np.ndarray) -> list[ppb.PointStruct]:
    return [
        ppb.PointStruct(
            id=point_id(point),
            vectors=ppb.Vectors(vector=ppb.Vector(dense=ppb.DenseVector(data=vector))),
        )
        for point, vector in zip(ids, vectors.tolist(), strict=True)
    ]


def queries(
    vectors: np.ndarray, limit: int, name: str = "a", **params: object
) -> list[ppb.QueryPoints]:
    return [
        ppb.QueryPoints(
            collection_name=name,
            query=ppb.Query(nearest=ppb.VectorInput(dense=ppb.DenseVector(data=vector))),
            limit=limit,
            params=ppb.SearchParams(**params),
        )
        for vector in vectors.tolist()
    ]


def unit_vectors(seed: int, count: int) -> np.ndarray:
    """Returns clustered unit vectors: neighbours along a walk are alike, as segments of music."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((count, DIMENSION)).astype(np.float32)
    walk = np.empty_like(steps)
    walk[0] = steps[0]
    for row in range(1, count):
        walk[row] = 0.8 * walk[row - 1] + 0.6 * steps[row]
    return walk / np.linalg.norm(walk, axis=1, keepdims=True)


async def wait_until(condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Waits until a condition holds; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    data_dir: Path, address: str | None = None, **settings: object
) -> AsyncIterator[tuple[Engine, Client]]:
    """Runs an engine on a folder."""
    engine = Engine(data_dir, address, **settings)
    try:
        client = await engine.start()
        try:
            yield engine, client
        finally:
            await client.close()
    finally:
        engine.close()
