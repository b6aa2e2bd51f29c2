"""Disk, memory, recall and cost of the local vector engine, by how vectors are stored.

Run: `python -m tests.bench.engine_footprint [tracks]`; a track is 480 vectors. Vectors are made,
not music: a random walk a track in 48 dimensions with an offset of its own, projected to 128; a
query is a stored vector with noise (cosine 0.78). One fresh server for each way of storing; memory
is what it has more than a server of 5 tracks that answered the same queries.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from mesh.local.engine.stubs import collections_pb2 as cpb
from tests.integration.engine_process import Client, running

SIZE, LATENT, ROWS, CLIP, LIMIT, CLIPS = 128, 48, 480, 30, 100, 40
HOUR = 3600 / 0.512
TURBO = cpb.QuantizationConfig(turboquant=cpb.TurboQuantization(bits=cpb.Bits4, memory=cpb.Pinned))
STORED = {
    "Turbo4": {"datatype": cpb.Turbo4},
    "Turbo4, m 12, ef 200": {"datatype": cpb.Turbo4, "hnsw_config": cpb.HnswConfigDiff(m=12)},
    "Turbo8": {"datatype": cpb.Turbo8},
    "Float16 cold + TurboQuant 4 bit": {
        "datatype": cpb.Float16,
        "memory": cpb.Cold,
        "quantization_config": TURBO,
    },
}
# Candidates the graph search keeps, where not 100.
EF = {"Turbo4, m 12, ef 200": 200}


def catalogue(tracks: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids and unit vectors of so many tracks."""
    rng = np.random.default_rng(1)
    walk = np.empty((tracks, ROWS, LATENT), np.float32)
    walk[:, 0] = rng.standard_normal((tracks, LATENT))
    for row in range(1, ROWS):
        step = rng.standard_normal((tracks, LATENT))
        walk[:, row] = 0.9 * walk[:, row - 1] + np.sqrt(1 - 0.81) * step
    walk += 0.8 * rng.standard_normal((tracks, 1, LATENT))
    vectors = walk.reshape(-1, LATENT) @ rng.standard_normal((LATENT, SIZE)).astype(np.float32)
    ids = (np.arange(tracks)[:, None] << 20 | np.arange(ROWS)[None]).ravel()
    return ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def clips(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns noisy queries, shape (CLIPS * CLIP, SIZE), and the rows they are made from."""
    rng = np.random.default_rng(2)
    rows = rng.integers(0, len(vectors), CLIPS * CLIP)
    noise = rng.standard_normal((len(rows), SIZE)).astype(np.float32)
    return vectors[rows] + 0.8 * noise / np.linalg.norm(noise, axis=1, keepdims=True), rows


async def load(client: Client, ids: np.ndarray, vectors: np.ndarray, stored: dict) -> None:
    """Creates the collection, writes all points and waits until they are in shards."""
    params = cpb.VectorParams(size=SIZE, distance=cpb.Cosine, **stored)
    config = cpb.VectorsConfig(params=params)
    optimizers = cpb.OptimizersConfigDiff(indexing_threshold=1)
    await client.collections.Create(
        cpb.CreateCollection(
            collection_name="a", vectors_config=config, optimizers_config=optimizers
        )
    )
    for start in range(0, len(ids), 1000):
        await client.upsert(ids[start : start + 1000], vectors[start : start + 1000])
    await client.wait_built(seconds=600)


def on_disk(folder: Path) -> int:
    """Returns the bytes that files really take; holes take none."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


@dataclass
class Figures:
    """What one server took and gave."""

    disk: int
    memory: int
    recall: float
    true: float
    cpu_seconds: float
    wall_seconds: float
    load_seconds: float


async def measure(name: str, ids: np.ndarray, vectors: np.ndarray) -> Figures:
    """Loads a fresh server, starts it again and asks it all clips."""
    asked, rows = clips(vectors)
    exact = [
        set(ids[np.argpartition(-(vectors @ query), LIMIT)[:LIMIT]].tolist()) for query in asked
    ]
    settings = {"idle_seal_seconds": 0.5, "max_unindexed_points": 10_000_000}
    with tempfile.TemporaryDirectory(prefix="engine-bench-") as folder:
        async with running(Path(folder), **settings) as (engine, client):
            started = time.monotonic()
            await load(client, ids, vectors, STORED[name])
            load_seconds = time.monotonic() - started
            engine.stop()
            await engine.restart(client)
            disk = on_disk(Path(folder))
            process = psutil.Process(engine.process.pid)
            recall, true, walls = [], [], []
            before = sum(process.cpu_times()[:2])
            for clip in range(CLIPS):
                part = slice(clip * CLIP, (clip + 1) * CLIP)
                began = time.perf_counter()
                answer = await client.search(asked[part], LIMIT, hnsw_ef=EF.get(name, 100))
                walls.append(time.perf_counter() - began)
                for row, hits in enumerate(answer, clip * CLIP):
                    found = {point for point, _ in hits}
                    recall.append(len(found & exact[row]) / LIMIT)
                    true.append(int(ids[rows[row]]) in found)
            cpu = sum(process.cpu_times()[:2]) - before
            memory = process.memory_info().rss
    return Figures(
        disk=disk,
        memory=memory,
        recall=float(np.mean(recall)),
        true=float(np.mean(true)),
        cpu_seconds=cpu / CLIPS,
        wall_seconds=sorted(walls)[CLIPS // 2],
        load_seconds=load_seconds,
    )


async def line(name: str, ids: np.ndarray, vectors: np.ndarray) -> str:
    """Returns the line of one way of storing."""
    few = 5 * ROWS
    small = await measure(name, ids[:few], vectors[:few])
    large = await measure(name, ids, vectors)
    disk = large.disk / len(ids)
    memory = (large.memory - small.memory) / (len(ids) - few)
    return (
        f"| {name} | {disk:.0f} | {disk * HOUR / 1e6:.2f} | {memory:.0f} "
        f"| {memory * HOUR / 1e6:.2f} | {large.recall:.3f} | {large.true:.3f} "
        f"| {large.cpu_seconds * 1e3:.1f} | {large.wall_seconds * 1e3:.1f} "
        f"| {large.load_seconds:.0f} |"
    )


def main() -> None:
    """Prints one line a way of storing."""
    tracks = int(sys.argv[1]) if len(sys.argv) > 1 else 146
    ids, vectors = catalogue(tracks)
    print(f"{len(ids)} vectors, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(
        "| stored | disk B/vector | MB/h | memory B/vector | MB/h | recall@100 | true in 100 "
        "| cpu ms/clip | p50 ms | s to load |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for name in STORED:
        print(asyncio.run(line(name, ids, vectors)), flush=True)


if __name__ == "__main__":
    main()
