"""Aim: no audio, caller or accident harms the next call, and nothing stays behind.

Method: the real service; its worker processes are found by their command line, stopped and killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
from sonica.fingerprint.v1 import fingerprint_service_pb2 as pb
from sonica.fingerprint.v1.fingerprint_service_pb2_grpc import FingerprintServiceStub

from fingerprint_svc.errors import DecodeLimitReachedError
from fingerprint_svc.model import Job, Purpose
from fingerprint_svc.process import WorkerProcess
from fingerprint_svc.settings import Settings
from tests.flow_control import written_until_held_back
from tests.integration.fingerprint_rig import (
    PCM,
    QUERY,
    REFERENCE,
    chunks,
    eventually,
    failure_of,
    fingerprint_service,
    opening,
    whole,
    worker_processes,
)
from tests.unit.fingerprint_svc.recordings import encode, pcm16, piece, wav

ROOT = Path(__file__).resolve().parents[2]
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
CLIP = wav(pcm16(piece(8_000, 2.0)))
MIB = 1 << 20
_ENDLESS_CHUNKS = 500


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """20 minutes of silence in 0.2 MiB."""
    silence = np.zeros(8_000 * 1_200, dtype=np.float32)
    return encode("flac", "flac", silence, rate_hz=8_000, channel_count=1, sample_format="s16")


async def works(stub: FingerprintServiceStub, purpose: int = QUERY) -> bool:
    response = await stub.ExtractFingerprint(whole(CLIP, purpose))
    return len(response.fingerprint.active_windows) > 0


async def outcome(stub: FingerprintServiceStub) -> grpc.StatusCode:
    call = stub.ExtractFingerprint(whole(CLIP))
    code: grpc.StatusCode = await call.code()
    return code


async def waiting_stream(stub: FingerprintServiceStub) -> grpc.aio.StreamStreamCall:
    """Returns a call whose worker waits for more audio."""
    call = stub.StreamFingerprint()
    await call.write(opening(audio_format=PCM))
    await call.write(pb.StreamFingerprintRequest(chunk=pcm16(piece(8_000, 2.0))))
    async with asyncio.timeout(60):
        await call.read()
    return call


async def test_killed_worker_fails_its_call_only() -> None:
    async with fingerprint_service(worker_count=1) as stub:
        call = await waiting_stream(stub)
        (worker,) = worker_processes()
        worker.kill()
        failure = await failure_of(call)
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "DECODER_DIED")
        assert failure.metadata == {"exit": "SIGKILL"}
        assert failure.retry_seconds is not None
        assert await works(stub)


def has_ended(process: psutil.Process) -> bool:
    """Whether the process can be waited for: one that is still exiting is not listed either."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_worker_killed_while_idle_is_not_noticed() -> None:
    async with fingerprint_service(worker_count=1) as stub:
        assert await works(stub)
        worker = worker_processes()[0]
        worker.kill()
        await eventually(lambda: has_ended(worker))
        assert await works(stub)


async def test_wall_limit(bomb: bytes) -> None:
    async with fingerprint_service(worker_count=1, reference_wall_seconds_max=0.1) as stub:
        failure = await failure_of(stub.ExtractFingerprint(whole(bomb * 10, REFERENCE)))
        assert (failure.code, failure.reason) == (EXHAUSTED, "DECODE_LIMIT_REACHED")
        assert failure.metadata == {"limit": "wall_seconds", "value": "0.1"}
        assert await works(stub)


async def test_stopped_worker_meets_the_wall_limit_too() -> None:
    """A decoder that hangs is like one that does not run."""
    async with fingerprint_service(worker_count=1, query_wall_seconds_max=0.3) as stub:
        worker_processes()[0].suspend()
        failure = await failure_of(stub.ExtractFingerprint(whole(CLIP)))
        assert failure.reason == "DECODE_LIMIT_REACHED"
        # Of the other purpose: a busy machine may need so long for a query that goes well.
        assert await works(stub, REFERENCE)


async def test_processor_limit_holds_without_the_server(bomb: bytes) -> None:
    async def content() -> object:
        for _ in range(40):
            yield bomb

    limits = replace(Settings().worker_limits(), cpu_seconds=1)
    worker = await WorkerProcess.start(limits)
    job = Job(Purpose.REFERENCE, None, 0, 1e6, refuse_longer=False, part_seconds=1e6)
    try:
        with pytest.raises(DecodeLimitReachedError) as caught:
            _ = [result async for result in worker.run(job, content(), 200)]  # type: ignore[arg-type]  # bytes
        assert caught.value.metadata["limit"] == "cpu_seconds"
    finally:
        await worker.kill()


async def test_memory_limit() -> None:
    """A cover picture of 12 MiB does not fit, and then nothing of its file is decoded."""
    picture = struct.pack(">II", 3, 0) + bytes(20) + struct.pack(">I", 12 * MIB) + bytes(12 * MIB)
    flac = encode("flac", "flac", sample_format="s16")
    block = b"\x06" + struct.pack(">I", len(picture))[1:] + picture
    content = flac[:42] + block + flac[42:]
    async with fingerprint_service(worker_count=1, memory_bytes_max=32 * MIB) as stub:
        failure = await failure_of(stub.ExtractFingerprint(whole(content)))
        assert (failure.code, failure.reason) == (EXHAUSTED, "DECODE_LIMIT_REACHED")
        assert failure.metadata == {"limit": "memory_bytes", "value": str(32 * MIB)}
        assert await works(stub)
    async with fingerprint_service(worker_count=1) as stub:
        assert (await stub.ExtractFingerprint(whole(content))).fingerprint.active_windows


async def test_busy_is_said_at_once() -> None:
    async with fingerprint_service(worker_count=1, queue_length=0) as stub:
        call = await waiting_stream(stub)
        failure = await failure_of(stub.ExtractFingerprint(whole(CLIP)))
        assert (failure.code, failure.reason) == (EXHAUSTED, "DECODERS_BUSY")
        assert failure.metadata == {"worker_count": "1", "queue_length": "0"}
        assert failure.retry_seconds == 1.0
        call.cancel()
        async with asyncio.timeout(60):
            while (await outcome(stub)) is EXHAUSTED:  # noqa: ASYNC110 - the service changes it
                await asyncio.sleep(0.01)
        assert await works(stub)


async def test_calls_wait_their_turn() -> None:
    async with fingerprint_service(worker_count=2, queue_length=30) as stub:
        assert all(await asyncio.gather(*(works(stub) for _ in range(24))))
        assert len(worker_processes()) == 2


async def test_cancelled_waiting_call_leaves_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine it may not get around to its answer in a quarter of a second.
    monkeypatch.setattr("fingerprint_svc.process._ABORT_SECONDS_MAX", 60.0)
    async with fingerprint_service(worker_count=1) as stub:
        pids = {worker.pid for worker in worker_processes()}
        call = await waiting_stream(stub)
        call.cancel()
        assert await works(stub)
        assert {worker.pid for worker in worker_processes()} == pids


async def test_cancelled_working_call_gives_its_worker_up(bomb: bytes) -> None:
    async with fingerprint_service(worker_count=1) as stub:
        pids = {worker.pid for worker in worker_processes()}
        call = stub.StreamFingerprint(iter([opening(REFERENCE), *chunks(bomb * 20, MIB)]))
        await call.read()
        call.cancel()
        assert await works(stub)
        assert {worker.pid for worker in worker_processes()}.isdisjoint(pids)


async def test_deadline_ends_the_work(bomb: bytes) -> None:
    async with fingerprint_service(worker_count=1) as stub:
        call = stub.ExtractFingerprint(whole(bomb * 20, REFERENCE), timeout=0.2)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await works(stub)


async def test_idle_caller_is_cut_off() -> None:
    async with fingerprint_service(worker_count=1, idle_seconds_max=2) as stub:
        call = await waiting_stream(stub)
        failure = await failure_of(call)
        assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert (failure.reason, failure.metadata) == ("STREAM_IDLE", {"idle_seconds_max": "2"})
        assert await works(stub)


async def test_endless_upload_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """An mp4 whose header would come last has to be kept, but only up to the limit."""
    head = b"\0\0\0\x10ftypM4A \0\0\0\0" + b"\0\0\0\1mdat" + (2**40).to_bytes(8)
    taken = 0

    def requests() -> object:
        nonlocal taken
        yield opening()
        yield pb.StreamFingerprintRequest(chunk=head)
        for taken in range(_ENDLESS_CHUNKS):  # noqa: B007 - read after the call
            yield pb.StreamFingerprintRequest(chunk=bytes(MIB))

    async with fingerprint_service(
        query_bytes_max=20 * MIB, spool_folder=str(tmp_path), spool_memory_bytes=MIB
    ) as stub:
        failure = await failure_of(stub.StreamFingerprint(requests()))
        assert (failure.code, failure.reason) == (EXHAUSTED, "AUDIO_TOO_LARGE")
        assert failure.metadata == {"byte_count_max": str(20 * MIB)}
        # Beyond the limit there is what was on its way already, however much a machine takes.
        assert taken < _ENDLESS_CHUNKS - 1
        assert os.listdir(tmp_path) == []  # noqa: PTH208 - quick, in a test
        assert await works(stub)
        await eventually(lambda: files_held(tmp_path) == 0)


def files_held(folder: Path) -> int:
    """Returns how many files of a folder the workers hold open, nameless ones too."""
    links = [link for w in worker_processes() for link in Path(f"/proc/{w.pid}/fd").iterdir()]
    return sum(str(link.readlink()).startswith(str(folder)) for link in links)


async def test_caller_is_held_back_while_the_worker_is_busy() -> None:
    """The service reads no further than its worker, so a stopped worker stops the caller."""
    async with fingerprint_service(worker_count=1, query_wall_seconds_max=200) as stub:
        call = await waiting_stream(stub)
        worker_processes()[0].suspend()
        chunk = pb.StreamFingerprintRequest(chunk=bytes(MIB))
        await written_until_held_back(lambda: call.write(chunk), 256)
        worker_processes()[0].resume()
        call.cancel()
        assert await works(stub)


async def test_worker_is_replaced_after_its_jobs() -> None:
    async with fingerprint_service(worker_count=1, jobs_per_worker=2) as stub:
        pids = []
        for _ in range(9):
            pids += [worker.pid for worker in worker_processes()]
            assert await works(stub)
        assert len(set(pids)) >= 3


async def test_nothing_stays_after_the_service(tmp_path: Path) -> None:
    async with fingerprint_service(worker_count=3, spool_folder=str(tmp_path)) as stub:
        assert all(await asyncio.gather(*(works(stub) for _ in range(12))))
        await waiting_stream(stub)
        workers = worker_processes()
        assert workers
    assert not any(worker.is_running() for worker in workers)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - quick, in a test


@pytest.mark.skipif(sys.platform != "linux", reason="workers die with their parent on Linux only")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_orphan_when_the_service_process_dies(number: int, tmp_path: Path) -> None:
    service = subprocess.Popen(
        [sys.executable, "-m", "fingerprint_svc"],
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk/python'}",
            "SONICA_FINGERPRINT_LISTEN": f"unix:{tmp_path}/s",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert service.stderr is not None
        assert "ready" in service.stderr.readline()
        workers = psutil.Process(service.pid).children(recursive=True)
        assert len(workers) == 2
        service.send_signal(number)
        assert service.wait(120) == (0 if number == signal.SIGTERM else -number)
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert not alive
    finally:
        service.kill()
        service.wait(60)
        service.stderr.close()
