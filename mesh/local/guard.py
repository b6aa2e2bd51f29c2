"""The supervisor's side of the guard: tells it which process groups there are."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from mesh.local import guard_process


class Guard:
    """The process that ends our children should we be killed; see `mesh.local.guard_process`."""

    def __init__(self, lock_descriptor: int) -> None:
        """Starts it.

        Args:
            lock_descriptor: the lock of the data folder, which the guard keeps until its end.
        """
        self._lock_descriptor = lock_descriptor
        self._groups: set[int] = set()
        self._pipe: int | None = None
        self._start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def add(self, group: int) -> None:
        """Puts a process group under guard."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Forgets a process group that is gone."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def ensure_alive(self) -> None:
        """Replaces a guard that was itself killed."""
        if self._pipe is not None and self._process.poll() is not None:
            os.close(self._pipe)
            self._start()

    def close(self) -> None:
        """Lets the guard go; it kills what it still has."""
        if self._pipe is None:
            return
        os.close(self._pipe)
        self._pipe = None
        self._process.wait()

    def _start(self) -> None:
        # The write end is closed on exec, so that no child of ours keeps the guard waiting.
        read_end, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(guard_process.__file__))],
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(self._lock_descriptor,),
                start_new_session=True,
                cwd="/",
            )
        finally:
            os.close(read_end)
        for group in self._groups:
            self._tell(f"+{group}\n")

    def _tell(self, line: str) -> None:
        if self._pipe is None:
            return
        # Lines are shorter than PIPE_BUF, so each arrives whole; a dead guard is replaced by
        # `ensure_alive`, which tells it everything again.
        with suppress(BrokenPipeError):
            os.write(self._pipe, line.encode())
