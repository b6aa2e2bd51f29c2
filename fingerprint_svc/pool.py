"""The bounded set of workers: who gets one, who waits, who is told to come back.

Workers live long, because starting one takes tenths of a second; they are replaced after a number
of jobs and whenever one had to be killed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fingerprint_svc import errors
from fingerprint_svc.model import WorkerLimits
from fingerprint_svc.process import WorkerProcess

_BUSY_RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class WorkerPool:
    """Up to `worker_count` worker processes, started as needed, one job each.

    Args:
        limits: of each worker.
        worker_count: most workers at once.
        queue_length: most calls that wait for a worker; more are refused.
        jobs_per_worker: jobs after which a worker is replaced.
    """

    def __init__(
        self, limits: WorkerLimits, *, worker_count: int, queue_length: int, jobs_per_worker: int
    ) -> None:
        self._limits = limits
        self._worker_count = worker_count
        self._queue_length = queue_length
        self._jobs_per_worker = jobs_per_worker
        self._places = asyncio.Semaphore(worker_count)
        self._waiting = 0
        self._idle: list[WorkerProcess] = []
        self._workers: set[WorkerProcess] = set()
        self._recoveries: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def pids(self) -> frozenset[int]:
        """Process ids of all workers alive."""
        return frozenset(worker.pid for worker in self._workers)

    @asynccontextmanager
    async def running(self, warm_count: int) -> AsyncIterator[WorkerPool]:
        """Starts `warm_count` workers ahead of the first job; kills all at the end."""
        try:
            self._idle += await asyncio.gather(*(self._start() for _ in range(warm_count)))
            yield self
        finally:
            self._closing = True
            await asyncio.gather(*self._recoveries)
            await asyncio.gather(*(self._end(worker) for worker in tuple(self._workers)))

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[WorkerProcess]:
        """Lends one worker; waits for its turn.

        Raises:
            DecodersBusyError: too many are waiting.
            DecoderDiedError: a new worker could not be started.
        """
        await self._take_place()
        try:
            worker = await self._idle_or_new()
        except BaseException:
            self._places.release()
            raise
        try:
            yield worker
        finally:
            if worker.idle and worker.job_count < self._jobs_per_worker:
                self._idle.append(worker)
                self._places.release()
            else:
                # The caller is done and does not wait for this; the place stays taken meanwhile.
                task = asyncio.create_task(self._recover(worker))
                self._recoveries.add(task)
                task.add_done_callback(self._recoveries.discard)

    async def _take_place(self) -> None:
        if self._places.locked() and self._waiting >= self._queue_length:
            raise errors.DecodersBusyError(
                f"{self._worker_count} decoders are busy and {self._queue_length} calls wait; "
                "try again later",
                retry_after_seconds=_BUSY_RETRY_SECONDS,
                worker_count=str(self._worker_count),
                queue_length=str(self._queue_length),
            )
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    async def _idle_or_new(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.idle:
                return worker
            await self._end(worker)
        return await self._start()

    async def _recover(self, worker: WorkerProcess) -> None:
        """Makes a worker usable again or puts another in its place."""
        try:
            if await worker.recover() and worker.job_count < self._jobs_per_worker:
                self._idle.append(worker)
                return
            await self._end(worker)
            if not self._closing:
                self._idle.append(await self._start())
        except errors.FingerprintError:
            _log.exception("a decoder could not be replaced; the next call tries again")
        finally:
            self._places.release()

    async def _start(self) -> WorkerProcess:
        worker = await WorkerProcess.start(self._limits)
        self._workers.add(worker)
        return worker

    async def _end(self, worker: WorkerProcess) -> None:
        self._workers.discard(worker)
        await worker.kill()
