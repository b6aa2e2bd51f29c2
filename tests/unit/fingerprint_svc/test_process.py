"""Aim: a worker that was taken over can do no more than fail its own call.

Method: the test plays the worker on the other end of the socket; the process is a real one.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from fingerprint_svc import errors
from fingerprint_svc.model import Job, Part, Purpose, Summary
from fingerprint_svc.process import WorkerProcess
from fingerprint_svc.wire import HEAD, Kind, head

JOB = Job(Purpose.QUERY, None, 0.0, 15.0, refuse_longer=False, part_seconds=0.5)


class Impostor:
    """The other end of a worker's socket."""

    def __init__(self, worker: WorkerProcess, end: socket.socket) -> None:
        self.worker = worker
        self.end = end

    async def says(self, *messages: bytes) -> list[Part | Summary]:
        """Runs a job to whose first request come these messages."""
        self.end.sendall(b"".join(messages))
        return [result async for result in self.worker.run(JOB, _audio(), 120.0)]


async def _audio() -> AsyncIterator[bytes]:
    yield b"audio"
    await asyncio.sleep(600)


def message(kind: int, payload: bytes = b"") -> bytes:
    return head(Kind(kind), payload) + payload


@pytest.fixture
async def impostor() -> AsyncIterator[Impostor]:
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # noqa: ASYNC220 - quick
    worker = WorkerProcess(process, *await asyncio.open_connection(sock=ours))
    yield Impostor(worker, theirs)
    theirs.close()
    await worker.kill()


async def test_what_workers_say_is_read(impostor: Impostor) -> None:
    part = Part(0, 1.0, b"v", b"\1", b"", 1)
    summary = Summary("wav", "pcm_s16le", 1.0, 0.0, 0.0, 1)
    done = message(Kind.DONE, summary.to_json())
    assert await impostor.says(message(Kind.PART, part.to_bytes()), done) == [part, summary]
    assert impostor.worker.idle


@pytest.mark.parametrize(
    "nonsense",
    [
        HEAD.pack(99, 0),
        HEAD.pack(Kind.PART, 2**32 - 1),
        message(Kind.PART, b"short"),
        message(Kind.DONE, b"\xff"),
        message(Kind.DONE, b"[]"),
        message(Kind.DONE, b'{"container": 1}'),
        message(Kind.FAULT, b"null"),
        message(Kind.FAULT, b'{"reason": "AUDIO_EMPTY"}'),
        message(Kind.FAULT, b'{"reason": 1, "message": 2, "metadata": {"reason": 3}}'),
        message(Kind.FAULT, json.dumps([1] * 100).encode()),
    ],
)
async def test_nonsense_ends_the_worker(impostor: Impostor, nonsense: bytes) -> None:
    with pytest.raises(errors.DecoderDiedError) as caught:
        await impostor.says(nonsense)
    assert caught.value.metadata == {"exit": "nonsense"}
    assert not impostor.worker.idle
    assert not await impostor.worker.recover()


async def test_hang_up_is_a_death(impostor: Impostor) -> None:
    impostor.end.close()
    with pytest.raises(errors.DecoderDiedError) as caught:
        _ = [result async for result in impostor.worker.run(JOB, _audio(), 120.0)]
    assert caught.value.metadata == {"exit": "SIGKILL"}
