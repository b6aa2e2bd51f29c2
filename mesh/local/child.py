"""One running program: how it is started, watched and ended.

Every child leads a session and process group of its own: Ctrl-C in a terminal reaches only the
supervisor, which then ends the parts in order, and a part is ended together with its workers.
A child dies with its supervisor: at once by the kernel's parent-death signal where there is one,
and with all its workers by the guard.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from mesh.local.account import Account
from mesh.local.errors import ProgramMissingError
from mesh.local.guard import Guard
from mesh.local.logs import open_log

_POLL_SECONDS = 0.02
_KILL_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class Child:
    """A started program and its process group."""

    def __init__(self, process: subprocess.Popen[bytes], guard: Guard) -> None:
        self._process = process
        self._guard = guard
        self.pid = process.pid
        self.started = time.time()
        self._code: int | None = None

    @classmethod
    def spawn(
        cls,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        log: Path,
        guard: Guard,
        account: Account | None = None,
        standard_input: IO[bytes] | None = None,
    ) -> Child:
        """Starts a program with its output in `log`.

        Args:
            command: program and arguments.
            environment: all of the program's environment.
            log: file that standard output and error are appended to.
            guard: told about the process group.
            account: user to run as; None is the current one.
            standard_input: file it reads; None is an empty one.

        Raises:
            ProgramMissingError: the program cannot be run.
        """
        with open_log(log) as output:
            try:
                process = subprocess.Popen(
                    [str(word) for word in command],
                    stdin=standard_input or subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(environment),
                    cwd="/",
                    start_new_session=True,
                    # Sockets and files are the owner's alone, whatever the person's mask.
                    umask=0o077,
                    preexec_fn=_before_exec(account),  # noqa: PLW1509 - we run no threads
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise ProgramMissingError(f"cannot run {command[0]}: {error}") from error
        guard.add(process.pid)
        return cls(process, guard)

    def exit_code(self) -> int | None:
        """Returns None while the program runs, then its exit code, negative for a signal.

        What is left of its process group ends with it.
        """
        if self._code is None:
            code = self._process.poll()
            if code is not None:
                # Once only: the number may be another group's later.
                self.kill()
                self._guard.remove(self.pid)
                self._code = code
        return self._code

    async def wait(self, timeout_seconds: float) -> bool:
        """Waits for the end of the program; returns whether it came in time."""
        deadline = time.monotonic() + timeout_seconds
        while self.exit_code() is None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def ended(self, poll_seconds: float) -> None:
        """Waits for the end of the program, looking every `poll_seconds`."""
        while self.exit_code() is None:  # noqa: ASYNC110 - processes end without an event
            await asyncio.sleep(poll_seconds)

    async def stop(self, number: signal.Signals, timeout_seconds: float) -> None:
        """Asks the program to end by a signal, and ends it after `timeout_seconds`."""
        if self.exit_code() is None:
            self._process.send_signal(number)
            if not await self.wait(timeout_seconds):
                self.kill()
                await self.wait(_KILL_SECONDS)

    def kill(self) -> None:
        """Kills the whole process group, if the program was not seen to end yet."""
        if self._code is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """Returns an exit code in words: `ended with code 1`, `was ended by SIGKILL`."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _before_exec(account: Account | None) -> Callable[[], None]:
    """Returns what a new process does before it becomes the program."""
    supervisor = os.getpid()

    def prepare() -> None:
        if account is not None:
            account.assume()
        # After the change of user, which would clear it.
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare
