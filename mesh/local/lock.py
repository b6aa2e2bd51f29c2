"""The lock that makes one data folder the work of one mesh.

A `flock`, so the kernel frees it when the last process that holds it is gone. The guard inherits
it: after a killed supervisor the lock is free only once the parts it left are gone too.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from mesh.local.errors import AlreadyRunningError, DataDirUnusableError, StopTimedOutError

_POLL_SECONDS = 0.02
# How long a start waits for the remains of a killed mesh; and, whatever the lock says, for a
# `status` that looks at the lock just now.
_REMAINS_SECONDS = 5.0
_GLANCE_SECONDS = 0.1


class DataLock:
    """The lock of one data folder, held."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    async def acquire(cls, path: Path) -> DataLock:
        """Takes the lock and writes our process id into it.

        Raises:
            AlreadyRunningError: a living mesh holds it; the message names its process id.
            DataDirUnusableError: the file system has no locks.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        began = time.monotonic()
        while not _try_lock(descriptor):
            pid = holder(path)
            patience = _GLANCE_SECONDS if pid and _alive(pid) else _REMAINS_SECONDS
            if time.monotonic() - began > patience:
                os.close(descriptor)
                raise AlreadyRunningError(
                    f"a mesh is already running on {path.parent.parent} (process {pid})",
                    "Use it, stop it with `sonica down`, or choose another folder with --data.",
                )
            await asyncio.sleep(_POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Frees the lock, unless the guard still holds it."""
        # An empty file says that nobody is left, even while the guard is on its way out.
        with suppress(OSError):
            os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)


def holder(path: Path) -> int | None:
    """Returns the process id written in the lock; None when there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def is_held(path: Path) -> bool:
    """Returns whether some mesh holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def wait_free(path: Path, timeout_seconds: float) -> None:
    """Waits until the lock is free.

    Raises:
        StopTimedOutError: it is still held after `timeout_seconds`.
    """
    deadline = time.monotonic() + timeout_seconds
    while is_held(path):
        if time.monotonic() > deadline:
            raise StopTimedOutError(
                f"the mesh on {path.parent.parent} (process {holder(path)}) is still running "
                f"after {timeout_seconds:g} s"
            )
        time.sleep(_POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise DataDirUnusableError(
            f"the file system of the data folder has no locks: {error}",
            "Choose a folder on a local disk with --data or SONICA_DATA_DIR.",
        ) from error
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
