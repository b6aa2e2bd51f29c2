"""Aim: one mesh per data folder, and a lock that tells the living from the dead.

Method: real locks, held by this process, by another, or by one that was killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.local import lock
from mesh.local.errors import AlreadyRunningError, StopTimedOutError
from mesh.local.lock import DataLock

HOLD = """
import asyncio, pathlib, sys, time
from mesh.local.lock import DataLock
held = asyncio.run(DataLock.acquire(pathlib.Path(sys.argv[1])))
print("held", flush=True)
time.sleep(600)
"""


async def test_second_one_is_refused_and_told_the_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = await DataLock.acquire(path)
    assert lock.is_held(path)
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
        await DataLock.acquire(path)
    first.release()
    assert not lock.is_held(path)
    (await DataLock.acquire(path)).release()


def hold_elsewhere(path: Path) -> subprocess.Popen[bytes]:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert other.stdout is not None
    with other.stdout as output:
        output.readline()
    return other


def dead_process() -> int:
    gone = subprocess.Popen(["true"])
    gone.wait()
    return gone.pid


async def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    other = hold_elsewhere(path)
    assert lock.holder(path) == other.pid
    with pytest.raises(AlreadyRunningError, match=f"process {other.pid}"):
        await DataLock.acquire(path)
    other.send_signal(signal.SIGKILL)
    other.wait()
    (await DataLock.acquire(path)).release()


async def test_start_waits_for_the_remains_of_a_killed_mesh(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    remains = await DataLock.acquire(path)
    path.write_text(f"{dead_process()}\n")  # the supervisor is dead, its guard still holds the lock
    released = asyncio.Event()

    def release() -> None:
        remains.release()
        released.set()

    asyncio.get_running_loop().call_later(0.5, release)
    (await DataLock.acquire(path)).release()
    assert released.is_set()


async def test_waiting_for_an_end_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = await DataLock.acquire(path)
    with pytest.raises(StopTimedOutError, match="still running"):
        lock.wait_free(path, 0.1)
    held.release()
    lock.wait_free(path, 0.1)


def test_nothing_is_held_where_nothing_is(tmp_path: Path) -> None:
    assert not lock.is_held(tmp_path / "lock")
    assert lock.holder(tmp_path / "lock") is None
