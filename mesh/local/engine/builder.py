"""Builds one shard, in a process of its own: `python -m mesh.local.engine.builder TASK.json`.

Building a graph holds the interpreter for minutes, so it never happens in the process that
answers. The inputs are only read: shards are copied first, since the engine writes into what it
opens. The process dies with its parent; whatever it leaves is removed with the build folder.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import qdrant_edge as qe

from mesh.local.engine import schema
from mesh.local.engine.durable import read_json, sync_directory, write_json
from mesh.local.engine.hits import Ids, Vectors
from mesh.local.engine.manifest import Manifest, log_path
from mesh.local.engine.memtable import Memtable
from mesh.local.engine.write_log import replay

_BATCH_POINTS = 1_000
_COPY_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Task:
    """What to build.

    Attributes:
        collection: folder of the collection.
        shards: names of the shards to merge.
        logs: numbers of the write logs that follow them, ascending.
        workspace: empty folder to work in; `shard` in it is the outcome, unless there is no point.
        threads: for the graph, when the collection does not say.
        parent: process to die with.
    """

    collection: str
    shards: tuple[str, ...]
    logs: tuple[int, ...]
    workspace: str
    threads: int
    parent: int

    def save(self) -> Path:
        """Writes the task into its workspace and returns the file."""
        path = Path(self.workspace) / "task.json"
        write_json(path, asdict(self))
        return path


def outcome(workspace: Path) -> tuple[Path, int]:
    """Returns the directory of the shard built in `workspace` and its number of points."""
    return workspace / "shard", int(read_json(workspace / "outcome.json")["points"])


def main() -> None:
    """Runs the task named on the command line."""
    task = Task(**read_json(Path(sys.argv[1])))
    _die_with(task.parent)
    workspace = Path(task.workspace)
    points = build(task, workspace / "shard")
    _sync_tree(workspace)
    write_json(workspace / "outcome.json", {"points": points})


def build(task: Task, target: Path) -> int:
    """Builds the shard at `target`; returns its number of points, without any makes none."""
    folder = Path(task.collection)
    request = Manifest.load(folder).request()
    dimension = schema.dimension(request)
    fresh = Memtable(dimension)
    touched: set[int] = set()
    for number in task.logs:
        for ids, vectors in replay(log_path(folder, number), dimension):
            touched.update(ids.tolist())
            if vectors is None:
                fresh.delete(ids)
            else:
                fresh.upsert(ids, vectors)
    target.mkdir()
    shard = qe.EdgeShard.create(str(target), schema.engine_config(request, task.threads))
    count = 0
    for name in task.shards:
        for ids, vectors in _read_shard(folder / name, target.parent / name, touched):
            count += _insert(shard, ids, vectors, task.parent)
    count += _insert(shard, *fresh.points(), task.parent)
    if count:
        shard.optimize()
        shard.flush()
    shard.close()
    if not count:
        shutil.rmtree(target)
    return count


def _read_shard(source: Path, copy: Path, touched: set[int]) -> Iterator[tuple[Ids, Vectors]]:
    """Yields the points of a shard that no later write touched."""
    _copy(source, copy)
    shard = qe.EdgeShard.load(str(copy))
    offset = None
    while True:
        records, offset = shard.scroll(
            qe.ScrollRequest(
                offset=offset, limit=_BATCH_POINTS, with_payload=False, with_vector=True
            )
        )
        kept = [record for record in records if record.id not in touched]
        if kept:
            ids = np.array([record.id for record in kept], np.uint64)
            yield ids, np.array([record.vector for record in kept], np.float32)
        if offset is None:
            break
    shard.close()
    shutil.rmtree(copy)


def _insert(shard: qe.EdgeShard, ids: Ids, vectors: Vectors, parent: int) -> int:
    for start in range(0, len(ids), _BATCH_POINTS):
        if os.getppid() != parent:
            sys.exit("the engine is gone")
        part = slice(start, start + _BATCH_POINTS)
        points = zip(ids[part].tolist(), vectors[part].tolist(), strict=True)
        shard.update(
            qe.UpdateOperation.upsert_points([qe.Point(point, values) for point, values in points])
        )
    return len(ids)


def _copy(source: Path, target: Path) -> None:
    """Copies a directory; runs of zeros stay holes, of which the engine's files have many."""
    for folder, _, names in os.walk(source):
        into = target / Path(folder).relative_to(source)
        into.mkdir(parents=True, exist_ok=True)
        for name in names:
            with (Path(folder) / name).open("rb") as read, (into / name).open("wb") as write:
                while block := read.read(_COPY_BYTES):
                    if block.count(0) == len(block):
                        write.seek(len(block), os.SEEK_CUR)
                    else:
                        write.write(block)
                write.truncate()


def _sync_tree(path: Path) -> None:
    """Makes all files in `path` survive a loss of power, before anything depends on them."""
    for folder, _, names in os.walk(path):
        for name in names:
            with (Path(folder) / name).open("rb") as file:
                os.fsync(file.fileno())
        sync_directory(Path(folder))


def _die_with(parent: int) -> None:
    """Ends this process when `parent` ends, or at once when it has."""
    if sys.platform == "linux":
        # The kernel does it, as no Python code runs while a graph is built.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the engine is gone")


if __name__ == "__main__":
    main()
