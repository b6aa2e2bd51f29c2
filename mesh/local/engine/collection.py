"""One collection: shards that are indexed, and points too fresh for that.

    write → write log → fresh points → (build, in another process) → shard
    search = shards + points being built + fresh points, merged

Every method that reads runs without a pause, so it sees each point exactly once whatever a build
does meanwhile. No point is in two places: writing an id removes it everywhere else first.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import qdrant_edge as qe

from mesh.local.engine import plan, schema
from mesh.local.engine.durable import sync_directory
from mesh.local.engine.errors import (
    CollectionMissingError,
    WriteBacklogError,
    from_os_error,
)
from mesh.local.engine.hits import Hits, Ids, Vectors, merge
from mesh.local.engine.manifest import (
    Manifest,
    ShardEntry,
    log_numbers,
    log_path,
    remove_leftovers,
    shard_name,
)
from mesh.local.engine.memtable import Memtable
from mesh.local.engine.shard import Shard, warm
from mesh.local.engine.write_log import WriteLog, replay

BUILD_FOLDER = "build"
_CHUNK_POINTS = 1_000
_WAITING_WRITES_MAX = 32


@dataclass(frozen=True)
class Build:
    """What a build makes one shard of.

    Attributes:
        folder: of the collection.
        shards: names of the shards to merge.
        logs: numbers of the write logs to read, ascending.
        points: how many points that is, about.
    """

    folder: Path
    shards: tuple[str, ...]
    logs: tuple[int, ...]
    points: int


class Collection:
    """An open collection. All methods belong to one event loop.

    Attributes:
        folder: where it is.
        manifest: what is on disk.
        request: what it was created with.
        dimension: numbers of a vector.
        fresh: points that no build has taken yet.
        closed: whether it is gone; it must not be used any more.
    """

    def __init__(self, folder: Path, max_unindexed_points: int) -> None:
        """Opens the collection in `folder` and removes what a crash left there.

        Raises:
            EngineError, OSError, ValueError: it cannot be opened.
        """
        self.folder = folder
        self.manifest = Manifest.load(folder)
        self.request = self.manifest.request()
        self.dimension = schema.dimension(self.request)
        self._max_unindexed = max_unindexed_points
        self.closed = False
        self._reserved = 0
        self._waiting = 0
        self._changed = asyncio.Event()
        self._last_write = time.monotonic()
        self._frozen: Memtable | None = None
        self._since_freeze: list[Ids] = []
        self.fresh = Memtable(self.dimension)
        remove_leftovers(folder, self.manifest)
        self._shards: list[Shard] = []
        for entry in self.manifest.shards:
            warm(folder / entry.name)
            self._shards.append(Shard(folder / entry.name, entry.built_points))
        numbers = log_numbers(folder)
        for number in numbers:
            for ids, vectors in replay(log_path(folder, number), self.dimension):
                self._apply(ids, vectors)
        self._log_number = max([self.manifest.first_log, *numbers])
        self._frozen_logs = [WriteLog(log_path(folder, number)) for number in numbers[:-1]]
        self._log = WriteLog(log_path(folder, self._log_number))

    def __len__(self) -> int:
        return self.unindexed + sum(len(shard) for shard in self._shards)

    @property
    def unindexed(self) -> int:
        """Points that are in no shard."""
        return len(self.fresh) + len(self._frozen or ())

    @property
    def building(self) -> bool:
        """Whether a build is running."""
        return self._frozen is not None

    @property
    def shard_count(self) -> int:
        """How many shards there are."""
        return len(self._shards)

    @property
    def indexed_count(self) -> int:
        """Points that a graph finds."""
        return sum(shard.indexed_count for shard in self._shards)

    # Reading.

    def search(self, queries: Vectors, limit: int, params: qe.SearchParams) -> Hits:
        """Returns the nearest points of each query, at once; shape (queries, dimension)."""
        parts = [shard.search(queries, limit, params) for shard in self._shards]
        floor = None
        if parts:
            parts = [merge(parts, limit)]
            floor = parts[0].scores[:, -1]
        if not params.indexed_only:
            for table in (self._frozen, self.fresh):
                if table:
                    parts.append(table.search(queries, limit, floor))
        if not parts:
            parts = [self.fresh.search(queries, limit, None)]
        return merge(parts, limit)

    def vectors(self, ids: list[int]) -> dict[int, list[float]]:
        """Returns the vectors of those ids that exist; as stored, so maybe quantised."""
        found: dict[int, list[float]] = {}
        for table in (self.fresh, self._frozen):
            for point in ids if table else ():
                vector = table.get(point) if table else None
                if vector is not None:
                    found[point] = vector.tolist()
        for shard in self._shards:
            found |= shard.vectors([point for point in ids if point not in found])
        return found

    def present(self, ids: list[int]) -> set[int]:
        """Returns those ids that exist."""
        found = {
            point
            for table in (self.fresh, self._frozen)
            if table
            for point in ids
            if table.get(point) is not None
        }
        for shard in self._shards:
            found |= shard.present([point for point in ids if point not in found])
        return found

    def ids_from(self, first: int, limit: int) -> list[int]:
        """Returns up to `limit` ids from `first` on, ascending."""
        found: list[int] = []
        for table in (self.fresh, self._frozen):
            if table:
                ids = table.points()[0]
                found += np.sort(ids[ids >= np.uint64(first)])[:limit].tolist()
        for shard in self._shards:
            found += shard.ids_from(first, limit)
        return sorted(found)[:limit]

    # Writing.

    async def upsert(self, ids: Ids, vectors: Vectors, wait_seconds: float) -> None:
        """Writes points; on return they are found and survive a crash.

        Args:
            ids: shape (n,).
            vectors: shape (n, dimension), unit length.
            wait_seconds: how long it may wait for room.

        Raises:
            WriteBacklogError: no room; nothing was written.
            DiskFullError, StorageError: some points may have been written; a retry is harmless.
        """
        await self._make_room(len(ids), wait_seconds)
        try:
            await self._write(ids, vectors)
        finally:
            self._reserved -= len(ids)

    async def delete(self, ids: Ids) -> None:
        """Removes points; on return they are gone and stay so. Unknown ids are ignored.

        Raises:
            DiskFullError, StorageError: some may have been removed; a retry is harmless.
        """
        await self._write(ids, None)

    async def _make_room(self, count: int, wait_seconds: float) -> None:
        """Reserves room for `count` fresh points."""
        deadline = time.monotonic() + wait_seconds
        while self.unindexed + self._reserved + count > max(self._max_unindexed, count):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._waiting >= _WAITING_WRITES_MAX:
                raise WriteBacklogError(
                    f"{self.unindexed} points wait for their index, the limit is "
                    f"{self._max_unindexed}; retry later",
                    retry_after_seconds=2.0,
                    unindexed_points=str(self.unindexed),
                    max_unindexed_points=str(self._max_unindexed),
                )
            self._waiting += 1
            try:
                async with asyncio.timeout(remaining):
                    await self._changed.wait()
            except TimeoutError:
                continue
            finally:
                self._waiting -= 1
        self._reserved += count

    async def _write(self, ids: Ids, vectors: Vectors | None) -> None:
        logs: dict[WriteLog, None] = {}
        for start in range(0, len(ids), _CHUNK_POINTS):
            if start:
                await asyncio.sleep(0)  # a large write lets searches pass
            self._check_open()
            part = slice(start, start + _CHUNK_POINTS)
            chunk = None if vectors is None else vectors[part]
            self._log.append(ids[part], chunk)
            self._apply(ids[part], chunk)
            logs[self._log] = None
            self._last_write = time.monotonic()
        for log in logs:
            await log.sync()

    def _check_open(self) -> None:
        if self.closed:
            name = self.request.collection_name
            raise CollectionMissingError(f"Collection `{name}` doesn't exist!", collection=name)

    def _apply(self, ids: Ids, vectors: Vectors | None) -> None:
        if vectors is None:
            self.fresh.delete(ids)
        else:
            self.fresh.upsert(ids, vectors)
        if self._frozen is not None:
            self._frozen.delete(ids)
            self._since_freeze.append(ids)
        for shard in self._shards:
            shard.delete(ids)

    # Building.

    def wanted_build(self, rules: plan.Rules) -> list[int] | None:
        """Returns which shards to merge with the fresh points, or None for no build."""
        fresh = plan.Fresh(
            points=len(self.fresh),
            log_bytes=self._log.size + sum(log.size for log in self._frozen_logs),
            idle_seconds=time.monotonic() - self._last_write,
        )
        sizes = [plan.ShardSize(len(shard), shard.built_points) for shard in self._shards]
        return plan.inputs(fresh, sizes, rules)

    def begin_build(self, chosen: list[int]) -> Build:
        """Sets the fresh points aside for a build; writing goes on in a new log.

        Raises:
            DiskFullError, StorageError: nothing has changed.
        """
        if self._log.size:
            log = WriteLog(log_path(self.folder, self._log_number + 1))
            self._frozen_logs.append(self._log)
            self._log, self._log_number = log, self._log_number + 1
        self._frozen, self.fresh = self.fresh, Memtable(self.dimension)
        self._since_freeze = []
        return Build(
            folder=self.folder,
            shards=tuple(self._shards[index].path.name for index in chosen),
            logs=tuple(range(self.manifest.first_log, self._log_number)),
            points=len(self._frozen) + sum(len(self._shards[index]) for index in chosen),
        )

    def abandon_build(self) -> None:
        """Takes back the points of a build that did not finish; after one that did, nothing."""
        if self._frozen is None:
            return
        self._frozen.upsert(*self.fresh.points())
        self.fresh, self._frozen = self._frozen, None
        self._since_freeze = []
        self._notify()

    async def finish_build(self, build: Build, built: Path, points: int) -> None:
        """Puts a built shard in the place of what it was made of.

        Args:
            build: what it was made of.
            built: its directory.
            points: how many points it holds; with 0 there is no directory.

        Raises:
            EngineError: the build must be abandoned.
        """
        if points:
            await asyncio.to_thread(warm, built)
        removed = [old for old in self._shards if old.path.name in build.shards]
        kept = [old for old in self._shards if old not in removed]
        try:
            self._adopt(kept, built if points else None, points)
        except OSError as error:
            raise from_os_error(error) from error
        logs, self._frozen_logs = self._frozen_logs, []
        self._notify()
        for old in removed:
            old.close()
            await asyncio.to_thread(shutil.rmtree, old.path, ignore_errors=True)
        for log in logs:
            await log.close()
            log.path.unlink(missing_ok=True)

    def _adopt(self, kept: list[Shard], built: Path | None, points: int) -> None:
        """Makes `kept` and the built shard the shards, first on disk, then for searches."""
        shards = list(kept)
        number = self.manifest.next_shard
        if built is not None:
            path = self.folder / shard_name(number)
            # An attempt that failed after this point left its shard here.
            shutil.rmtree(path, ignore_errors=True)
            shards.append(Shard(built.rename(path), points))
            for ids in self._since_freeze:
                shards[-1].delete(ids)
            sync_directory(self.folder)
        # From now on no log repeats the deletions in them.
        for shard in kept:
            shard.flush()
        manifest = replace(
            self.manifest,
            first_log=self._log_number,
            next_shard=number + 1,
            shards=tuple(ShardEntry(shard.path.name, shard.built_points) for shard in shards),
        )
        manifest.save(self.folder)
        self.manifest, self._shards = manifest, shards
        self._frozen = None
        self._since_freeze = []

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def close(self) -> None:
        """Closes all files; what is not flushed is in the write log."""
        self.closed = True
        for shard in self._shards:
            shard.close()
        for log in (*self._frozen_logs, self._log):
            await log.close()
