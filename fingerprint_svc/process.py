"""One worker process as the server sees it: started, given a job, killed when it must be."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

from fingerprint_svc import errors
from fingerprint_svc.model import Job, JobError, Part, Summary, WorkerLimits
from fingerprint_svc.wire import HEAD, PAYLOAD_BYTES_MAX, Kind, head

# A worker needs tenths of a second; a machine that boots everything at once may take far longer.
_START_SECONDS_MAX = 30.0
_ABORT_SECONDS_MAX = 0.25
_EXIT_SECONDS_MAX = 0.5
_REAP_SECONDS_MAX = 5.0
_IMPORT_ROOT = str(Path(__file__).resolve().parents[1])
_log = logging.getLogger(__name__)
_Read = TypeVar("_Read")


class WorkerProcess:
    """A worker and the socket to it; does one job at a time.

    Attributes:
        job_count: jobs begun so far.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._working = False
        self.job_count = 0

    @classmethod
    async def start(cls, limits: WorkerLimits) -> Self:
        """Starts a process and waits until it is ready.

        Must be called in the main thread: the system ends a worker with the thread that made it.

        Raises:
            DecoderDiedError: it did not become ready.
        """
        ours, process = _spawn(limits)
        worker = None
        try:
            async with asyncio.timeout(_START_SECONDS_MAX):
                worker = cls(process, *await asyncio.open_connection(sock=ours))
                await worker._receive()
        except BaseException as error:
            process.kill()
            process.wait()
            ours.close()
            if worker is not None:
                await worker.kill()
            if isinstance(error, TimeoutError):
                raise errors.DecoderDiedError("a decoder did not start", exit="timeout") from error
            raise
        return worker

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def idle(self) -> bool:
        """Whether the process lives and has no job."""
        return not self._working and self._process.poll() is None

    async def run(
        self, job: Job, chunks: AsyncIterator[bytes], busy_seconds_max: float
    ) -> AsyncGenerator[Part | Summary]:
        """Does one job; yields its parts as they come and its summary last.

        After any failure, or when it is closed early, call `recover` before the next job.

        Args:
            job: what to do.
            chunks: the bytes of the audio; the next is taken only when the worker needs it.
            busy_seconds_max: time the worker may work, waiting for `chunks` not counted.

        Raises:
            FingerprintError: what the worker reports, its death, or the limit.
        """
        self._working = True
        self.job_count += 1
        busy = _Budget(busy_seconds_max)
        async with busy:
            await self._send(Kind.JOB, job.to_json())
            if job.pushed:
                async for chunk in chunks:
                    await self._send(Kind.DATA, chunk)
                await self._send(Kind.END)
        while True:
            async with busy:
                kind, payload = await self._receive()
            if kind is Kind.WANT:
                chunk = await self._next_chunk(chunks)
                async with busy:
                    await self._send(Kind.DATA if chunk else Kind.END, chunk)
            elif kind is Kind.PART:
                yield await self._read(Part.from_bytes, payload)
            elif kind is Kind.DONE:
                summary = await self._read(Summary.from_json, payload)
                self._working = False
                yield summary
                return
            else:
                fault = await self._read(JobError.from_json, payload)
                self._working = False
                if kind is not Kind.FAULT:
                    await self.kill()
                raise errors.from_fault(fault)

    async def recover(self) -> bool:
        """Ends the job that is left; returns whether the worker can take another."""
        if self._working and self._process.poll() is None:
            with suppress(TimeoutError, errors.FingerprintError):
                async with asyncio.timeout(_ABORT_SECONDS_MAX):
                    await self._send(Kind.ABORT)
                    while self._working:
                        kind, _ = await self._receive()
                        self._working = kind not in (Kind.DONE, Kind.FAULT)
        return self.idle

    async def kill(self) -> None:
        """Ends the process at once and waits until it is gone."""
        self._process.kill()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        await self._wait(_REAP_SECONDS_MAX)

    async def _wait(self, seconds_max: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, seconds_max)

    async def _next_chunk(self, chunks: AsyncIterator[bytes]) -> bytes:
        """Returns the caller's next bytes, empty at the end; fails if the worker dies meanwhile."""
        chunk = asyncio.ensure_future(anext(chunks, b""))
        # The worker waits too: whatever comes from it now is its end.
        unasked = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait((chunk, unasked), return_when=asyncio.FIRST_COMPLETED)
            if chunk.done():
                return chunk.result()
            await unasked
            raise await self._distrust()
        finally:
            chunk.cancel()
            unasked.cancel()
            await asyncio.gather(chunk, unasked, return_exceptions=True)

    async def _send(self, kind: Kind, payload: bytes = b"") -> None:
        try:
            self._writer.write(head(kind, payload))
            if payload:
                self._writer.write(payload)
            await self._writer.drain()
        except OSError as error:
            raise await self._death() from error

    async def _receive(self) -> tuple[Kind, bytes]:
        try:
            number, length = HEAD.unpack(await self._reader.readexactly(HEAD.size))
            if length > PAYLOAD_BYTES_MAX:
                raise ValueError(f"{length} bytes at once")
            return Kind(number), await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise await self._death() from error
        except ValueError as error:
            raise await self._distrust() from error

    async def _read(self, read: Callable[[bytes], _Read], payload: bytes) -> _Read:
        try:
            return read(payload)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            raise await self._distrust() from error

    async def _distrust(self) -> errors.FingerprintError:
        """Ends a worker that says what none of ours would say, and returns the error for it."""
        await self.kill()
        _log.error("decoder %d answered nonsense and was killed", self.pid)
        return errors.DecoderDiedError("the decoder answered nonsense; try again", exit="nonsense")

    async def _death(self) -> errors.FingerprintError:
        """Returns what the end of the process means."""
        await self._wait(_EXIT_SECONDS_MAX)
        await self.kill()
        code = self._process.returncode
        how = signal.Signals(-code).name if code is not None and code < 0 else f"code {code}"
        if how == "SIGXCPU":
            return errors.DecodeLimitReachedError(
                "decoding took more processor time than one piece of audio may",
                limit="cpu_seconds",
            )
        _log.warning("decoder %d died: %s", self.pid, how)
        return errors.DecoderDiedError(
            f"the decoder ended in the middle of the job ({how}); try again",
            retry_after_seconds=0.5,
            exit=how,
        )


def _spawn(limits: WorkerLimits) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Starts a worker; returns our end of its socket and the process. Takes about 2 ms."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [
                *(sys.executable, "-s", "-m", "fingerprint_svc.worker"),
                *(str(theirs.fileno()), str(os.getpid()), limits.to_json()),
            ],
            # Nothing of the server's environment is a decoder's business.
            env={"PYTHONPATH": _IMPORT_ROOT, "OPENBLAS_NUM_THREADS": "1"},
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    ours.setblocking(False)
    return ours, process


class _Budget:
    """Seconds that may be spent inside its blocks, all together."""

    def __init__(self, seconds: float) -> None:
        self._total = self._left = seconds
        self._began = 0.0
        self._timeout: asyncio.Timeout | None = None

    async def __aenter__(self) -> None:
        self._began = time.monotonic()
        self._timeout = asyncio.timeout(self._left)
        await self._timeout.__aenter__()

    async def __aexit__(self, *exception: object) -> None:
        assert self._timeout is not None  # noqa: S101 - set on entry
        self._left -= time.monotonic() - self._began
        try:
            await self._timeout.__aexit__(*exception)  # type: ignore[arg-type]  # the same triple
        except TimeoutError as error:
            raise errors.DecodeLimitReachedError(
                f"decoding took longer than {self._total:g} s, the most one piece of audio may",
                limit="wall_seconds",
                value=f"{self._total:g}",
            ) from error
