"""Starts all parts, keeps them running, and ends them in order.

A part that ends is started again, after a pause that grows. One that goes on ending is tried again
every 15 s: whatever it suffers from (a full disk) may pass, and the rest of the mesh goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mesh.local.child import Child, describe_exit
from mesh.local.errors import LaunchError, PartFailedError
from mesh.local.guard import Guard
from mesh.local.layout import Layout
from mesh.local.logs import bound_log, size, tail
from mesh.local.part import Layer, Part
from mesh.local.readiness import passes
from mesh.local.state import PartState, PartStatus

OnProgress = Callable[[str, str], None]

_READY_SECONDS_MAX = 60.0
_PROBE_PAUSE_SECONDS = 0.02
_KILL_SECONDS = 5.0
_WATCH_PAUSE_SECONDS = 0.1
_HOUSEKEEPING_SECONDS = 5.0
# After a quick first try, pauses double; more than five failures within a minute are a pattern.
_FIRST_PAUSE_SECONDS = 0.1
_FAILURE_WINDOW_SECONDS = 60.0
_FAILURE_COUNT_MAX = 5
_RETRY_PAUSE_SECONDS = 15.0
_log = logging.getLogger(__name__)


@dataclass
class _Watch:
    """A part and what is going on with it."""

    part: Part
    state: PartState = PartState.WAITING
    child: Child | None = None
    problem: str = ""
    restart_count: int = 0
    start_seconds: float | None = None
    log_offset: int = 0
    failures: list[float] = field(default_factory=list)
    was_ready: asyncio.Event = field(default_factory=asyncio.Event)

    def status(self) -> PartStatus:
        return PartStatus(
            name=self.part.name,
            state=self.state,
            address=self.part.address,
            pid=self.child.pid if self.child else None,
            started=self.child.started if self.child else None,
            start_seconds=self.start_seconds,
            restart_count=self.restart_count,
            problem=self.problem,
        )


class Supervisor:
    """The parts of one mesh."""

    def __init__(
        self, parts: Sequence[Part], layout: Layout, guard: Guard, on_change: OnProgress
    ) -> None:
        """Prepares to run the parts.

        Args:
            parts: in the order of their start.
            layout: where logs go.
            guard: told about every process.
            on_change: called with a part's name and new state.
        """
        self._watches = {part.name: _Watch(part) for part in parts}
        self._layout = layout
        self._guard = guard
        self._on_change = on_change
        self._tasks: list[asyncio.Task[None]] = []

    def statuses(self) -> tuple[PartStatus, ...]:
        """Returns all parts, in the order of their start."""
        return tuple(watch.status() for watch in self._watches.values())

    async def start(self) -> None:
        """Starts all parts and returns when each is ready, or is optional and has failed.

        Raises:
            LaunchError: a part could not be started; the caller stops the others.
        """
        keepers = [asyncio.create_task(self._keep(watch)) for watch in self._watches.values()]
        self._tasks = [*keepers, asyncio.create_task(self._housekeeping())]
        all_ready = asyncio.create_task(self._all_ready())
        try:
            await asyncio.wait((*self._tasks, all_ready), return_when=asyncio.FIRST_COMPLETED)
            for task in self._tasks:
                if task.done():
                    task.result()
        finally:
            all_ready.cancel()

    async def stop(self) -> None:
        """Ends all parts, those of the highest layer first; safe to call at any time."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for layer in sorted(Layer, reverse=True):
            watches = [watch for watch in self._watches.values() if watch.part.layer is layer]
            await asyncio.gather(*(self._end(watch) for watch in watches))

    def kill(self) -> None:
        """Ends all parts at once, without any order."""
        for watch in self._watches.values():
            if watch.child is not None:
                watch.child.kill()

    async def _all_ready(self) -> None:
        for watch in self._watches.values():
            await watch.was_ready.wait()

    async def _keep(self, watch: _Watch) -> None:
        """Runs one part for as long as the mesh lives."""
        for name in watch.part.after:
            await self._watches[name].was_ready.wait()
        try:
            await self._begin(watch)
        except LaunchError as error:
            if not watch.part.optional:
                raise
            self._note_failure(watch, error.message)
            watch.was_ready.set()
        while True:
            if watch.state is PartState.READY and watch.child is not None:
                await watch.child.ended(_WATCH_PAUSE_SECONDS)
                self._note_failure(watch, describe_exit(watch.child.exit_code() or 0))
            await asyncio.sleep(_pause_seconds(watch.failures))
            watch.restart_count += 1
            try:
                await self._begin(watch)
            except LaunchError as error:
                self._note_failure(watch, error.message)

    async def _begin(self, watch: _Watch) -> None:
        """Starts a part and waits until it is ready.

        Raises:
            LaunchError: it ended, or was not ready in time.
        """
        part = watch.part
        log = self._layout.log(part.name)
        self._change(watch, PartState.STARTING)
        try:
            if part.prepare is not None:
                await part.prepare(self._guard)
            watch.log_offset = size(log)
            watch.child = Child.spawn(
                part.command,
                environment=part.environment,
                log=log,
                guard=self._guard,
                account=part.account,
            )
        except OSError as error:
            raise PartFailedError(f"{part.name} cannot be started: {error}") from error
        await self._wait_ready(watch, watch.child)
        watch.start_seconds = time.time() - watch.child.started
        watch.problem = ""
        self._change(watch, PartState.READY)
        watch.was_ready.set()

    async def _wait_ready(self, watch: _Watch, child: Child) -> None:
        deadline = time.monotonic() + _READY_SECONDS_MAX
        problem = f"was not ready within {_READY_SECONDS_MAX:g} s"
        while time.monotonic() < deadline:
            if await passes(watch.part.ready):
                return
            code = child.exit_code()
            if code is not None:
                problem = describe_exit(code)
                break
            await asyncio.sleep(_PROBE_PAUSE_SECONDS)
        child.kill()
        await child.wait(_KILL_SECONDS)
        log = self._layout.log(watch.part.name)
        raise PartFailedError(
            f"{watch.part.name} {problem}",
            f"The end of {log}:\n{tail(log, watch.log_offset)}",
        )

    def _note_failure(self, watch: _Watch, problem: str) -> None:
        now = time.monotonic()
        recent = [when for when in watch.failures if now - when < _FAILURE_WINDOW_SECONDS]
        watch.failures = [*recent, now]
        watch.problem = problem
        _log.warning("%s: %s", watch.part.name, problem)
        failed = len(watch.failures) > _FAILURE_COUNT_MAX
        self._change(watch, PartState.FAILED if failed else PartState.RESTARTING)

    async def _end(self, watch: _Watch) -> None:
        if watch.child is not None:
            await watch.child.stop(watch.part.stop_signal, watch.part.stop_seconds)
            watch.child = None
        self._change(watch, PartState.STOPPED)

    def _change(self, watch: _Watch, state: PartState) -> None:
        watch.state = state
        self._on_change(watch.part.name, state)

    async def _housekeeping(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            # Without memory for a process or room for a file it is done the next time.
            with suppress(OSError):
                self._guard.ensure_alive()
            for log in self._layout.logs_dir.glob("*.log"):
                bound_log(log)


def _pause_seconds(failures: Sequence[float]) -> float:
    """Returns how long to wait after the last of the recent failures."""
    if len(failures) > _FAILURE_COUNT_MAX:
        return _RETRY_PAUSE_SECONDS
    return float(_FIRST_PAUSE_SECONDS * 2 ** (len(failures) - 1))
