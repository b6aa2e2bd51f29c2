"""Keeps the indexes of all collections built, one build process at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from mesh.local.engine import plan, schema
from mesh.local.engine.builder import Task, outcome
from mesh.local.engine.collection import BUILD_FOLDER, Build, Collection
from mesh.local.engine.errors import EngineError, StorageError, from_os_error
from mesh.local.engine.settings import Settings

_TICK_SECONDS = 0.25
_FIRST_PAUSE_SECONDS = 1.0
_LAST_PAUSE_SECONDS = 60.0
# A build of a million points takes minutes on two busy processors; this is for one that hangs.
_BUILD_SECONDS = 120.0
_BUILD_SECONDS_PER_POINT = 0.005
_log = logging.getLogger(__name__)


class Compactor:
    """Starts builds when they are worth it, and puts their outcome in place."""

    def __init__(self, settings: Settings, collections: Callable[[], Iterable[Collection]]) -> None:
        """Watches what `collections` returns at any time."""
        self._settings = settings
        self._collections = collections
        self._building: Collection | None = None
        self._job: asyncio.Task[None] | None = None
        self._pause_seconds = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Builds in the background while the context is open; leaves no process behind."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def release(self, collection: Collection) -> None:
        """Ends the build of a collection, if there is one."""
        if self._job is not None and self._building is collection:
            self._job.cancel()
            await asyncio.wait((self._job,))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            for collection in self._collections():
                if collection.closed:
                    continue
                chosen = collection.wanted_build(self._rules(collection))
                if chosen is not None:
                    await self._run_job(collection, chosen)

    async def _run_job(self, collection: Collection, chosen: list[int]) -> None:
        """Runs one build in a task of its own, so that it can be ended alone."""
        self._building = collection
        self._job = asyncio.create_task(self._build(collection, chosen))
        try:
            await asyncio.wait((self._job,))
            failure = None if self._job.cancelled() else self._job.exception()
        finally:
            self._job.cancel()
            await asyncio.wait((self._job,))
            self._building = None
        if failure is None:
            self._pause_seconds = 0.0
            return
        if not isinstance(failure, EngineError):
            _log.error("a build failed", exc_info=failure)
        pause = self._pause_seconds * 2 or _FIRST_PAUSE_SECONDS
        self._pause_seconds = min(_LAST_PAUSE_SECONDS, pause)
        _log.warning("no index was built: %s; trying again in %g s", failure, self._pause_seconds)
        await asyncio.sleep(self._pause_seconds)

    def _rules(self, collection: Collection) -> plan.Rules:
        return plan.Rules(
            seal_points=self._settings.seal_points,
            idle_seal_points=self._settings.idle_seal_points,
            idle_seal_seconds=self._settings.idle_seal_seconds,
            pressing_points=self._settings.max_unindexed_points // 2,
            deleted_threshold=schema.deleted_threshold(collection.request),
        )

    async def _build(self, collection: Collection, chosen: list[int]) -> None:
        started = time.monotonic()
        workspace = collection.folder / BUILD_FOLDER
        build = collection.begin_build(chosen)
        try:
            await self._run_builder(build, workspace)
            path, points = outcome(workspace)
            await collection.finish_build(build, path, points)
        finally:
            collection.abandon_build()
            await asyncio.to_thread(shutil.rmtree, workspace, ignore_errors=True)
        _log.info(
            "%s: indexed %d points of %d shards and %d logs in %.1f s",
            collection.request.collection_name,
            points,
            len(build.shards),
            len(build.logs),
            time.monotonic() - started,
        )

    async def _run_builder(self, build: Build, workspace: Path) -> None:
        """Runs the build process to its end.

        Raises:
            StorageError: it failed, or took too long.
        """
        task = Task(
            collection=str(build.folder),
            shards=build.shards,
            logs=build.logs,
            workspace=str(workspace),
            # They run at nice 9, so they take what searching leaves.
            threads=self._settings.build_threads or os.cpu_count() or 1,
            parent=os.getpid(),
        )
        path = _prepare(task, workspace)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mesh.local.engine.builder", str(path)
        )
        try:
            async with asyncio.timeout(_BUILD_SECONDS + build.points * _BUILD_SECONDS_PER_POINT):
                code = await process.wait()
        except TimeoutError:
            raise StorageError(f"building {build.points} points took too long") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code:
            raise StorageError(f"building {build.points} points failed with exit status {code}")


def _prepare(task: Task, workspace: Path) -> Path:
    """Makes an empty workspace and returns the file of the task in it."""
    try:
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir()
        return task.save()
    except OSError as error:
        raise from_os_error(error) from error
