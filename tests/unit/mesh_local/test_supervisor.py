"""Aim: parts start together, come back when they end, end in order, and never outlive us.

Method: real processes that are small Python programs; the last tests kill a real supervisor.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mesh.local import supervisor as supervising
from mesh.local.child import Child
from mesh.local.errors import PartFailedError, ProgramMissingError
from mesh.local.guard import Guard
from mesh.local.layout import Layout
from mesh.local.lock import DataLock
from mesh.local.part import Layer, Part
from mesh.local.state import PartState
from mesh.local.supervisor import Supervisor

# Python from 3.12 on warns of what we avoid in earnest: the supervisor itself runs no threads.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")

ENVIRONMENT = {"PATH": os.environ["PATH"]}

# Says when it begins and ends; begins a worker that would outlive it.
PROGRAM = """
import pathlib, signal, subprocess, sys, time
mark, diary, name = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
def end(*_):
    with diary.open("a") as file: file.write(f"{name} ended\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
worker = subprocess.Popen(["sleep", "600"])
mark.write_text(str(worker.pid))
while True: time.sleep(0.05)
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout.of(tmp_path / "d")
    made.prepare()
    return made


@pytest.fixture
async def guard(layout: Layout) -> AsyncIterator[Guard]:
    held = await DataLock.acquire(layout.lock)
    made = Guard(held.descriptor)
    yield made
    made.close()
    held.release()


def working(layout: Layout, name: str, layer: Layer = Layer.SERVICES, **changes: object) -> Part:
    mark = layout.run_dir / name
    diary = layout.run_dir / "diary"

    async def ready() -> bool:
        return mark.exists() and mark.read_text() != ""

    async def prepare(_guard: Guard) -> None:
        mark.unlink(missing_ok=True)

    part = Part(
        name=name,
        command=(sys.executable, "-S", "-c", PROGRAM, mark, diary, name),
        ready=ready,
        address=str(mark),
        environment=ENVIRONMENT,
        layer=layer,
        prepare=prepare,
    )
    return replace(part, **changes)  # type: ignore[arg-type]  # field names are checked at run time


def failing(name: str, script: str, **changes: object) -> Part:
    async def ready() -> bool:
        return False

    part = Part(
        name=name,
        command=("sh", "-c", script),
        ready=ready,
        address="",
        environment=ENVIRONMENT,
        layer=Layer.SERVICES,
    )
    return replace(part, **changes)  # type: ignore[arg-type]  # as above


async def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - other processes make it hold
            await asyncio.sleep(0.02)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def worker_of(layout: Layout, name: str) -> psutil.Process:
    return psutil.Process(int((layout.run_dir / name).read_text()))


def silent(_name: str, _state: str) -> None:
    pass


async def test_end_is_in_the_order_of_layers(layout: Layout, guard: Guard) -> None:
    parts = [
        working(layout, "store", Layer.STORES),
        working(layout, "gateway", Layer.GATEWAY),
        working(layout, "service"),
    ]
    states: list[tuple[str, str]] = []
    supervisor = Supervisor(parts, layout, guard, lambda *change: states.append(change))
    await supervisor.start()
    assert {status.state for status in supervisor.statuses()} == {PartState.READY}
    workers = [worker_of(layout, part.name) for part in parts]
    await supervisor.stop()
    ended = (layout.run_dir / "diary").read_text().splitlines()
    assert ended == ["gateway ended", "service ended", "store ended"]
    await until(lambda: not alive(workers))
    assert ("store", "starting") in states
    assert states[-1] == ("store", "stopped")


async def test_part_waits_for_what_it_comes_after(layout: Layout, guard: Guard) -> None:
    states: list[tuple[str, str]] = []
    parts = [working(layout, "late", after=("early",)), working(layout, "early")]
    supervisor = Supervisor(parts, layout, guard, lambda *change: states.append(change))
    await supervisor.start()
    assert states.index(("early", "ready")) < states.index(("late", "starting"))
    await supervisor.stop()


async def test_killed_part_comes_back_without_its_old_workers(layout: Layout, guard: Guard) -> None:
    supervisor = Supervisor([working(layout, "part")], layout, guard, silent)
    await supervisor.start()
    before = supervisor.statuses()[0]
    assert before.pid is not None
    worker = worker_of(layout, "part")
    os.kill(before.pid, signal.SIGKILL)
    await until(lambda: supervisor.statuses()[0].restart_count == 1)
    await until(lambda: supervisor.statuses()[0].state is PartState.READY)
    assert supervisor.statuses()[0].pid != before.pid
    await until(lambda: not alive([worker]))
    await supervisor.stop()


async def test_part_that_fails_at_the_start_is_told_with_its_log(
    layout: Layout, guard: Guard
) -> None:
    parts = [working(layout, "good"), failing("bad", "echo the reason >&2; exit 3")]
    supervisor = Supervisor(parts, layout, guard, silent)
    with pytest.raises(PartFailedError, match="bad ended with code 3") as caught:
        await supervisor.start()
    assert "the reason" in caught.value.advice
    await supervisor.stop()
    assert all(status.pid is None for status in supervisor.statuses())


async def test_program_that_cannot_run_is_told(layout: Layout, guard: Guard) -> None:
    supervisor = Supervisor(
        [failing("bad", "", command=("/no/such/program",))], layout, guard, silent
    )
    with pytest.raises(ProgramMissingError, match="/no/such/program"):
        await supervisor.start()
    await supervisor.stop()


async def test_part_that_is_never_ready_is_given_up(
    layout: Layout, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "_READY_SECONDS_MAX", 0.2)
    supervisor = Supervisor([failing("slow", "exec sleep 600")], layout, guard, silent)
    with pytest.raises(PartFailedError, match=r"slow was not ready within 0\.2 s"):
        await supervisor.start()
    await supervisor.stop()


async def test_mesh_starts_without_an_optional_part(layout: Layout, guard: Guard) -> None:
    parts = [working(layout, "good"), failing("cache", "exit 1", optional=True)]
    supervisor = Supervisor(parts, layout, guard, silent)
    await supervisor.start()
    cache = supervisor.statuses()[1]
    assert cache.state in (PartState.RESTARTING, PartState.STARTING)
    await supervisor.stop()


async def test_part_that_keeps_ending_is_tried_seldom_and_said_to_have_failed(
    layout: Layout, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "_FIRST_PAUSE_SECONDS", 0.001)
    parts = [working(layout, "good"), failing("bad", "exit 7", optional=True)]
    supervisor = Supervisor(parts, layout, guard, silent)
    await supervisor.start()
    await until(lambda: supervisor.statuses()[1].state is PartState.FAILED)
    assert supervisor.statuses()[1].problem == "bad ended with code 7"
    count = supervisor.statuses()[1].restart_count
    await asyncio.sleep(0.5)
    assert supervisor.statuses()[1].restart_count == count
    assert supervisor.statuses()[0].state is PartState.READY
    await supervisor.stop()


async def test_part_that_does_not_listen_is_killed(layout: Layout, guard: Guard) -> None:
    deaf = working(layout, "deaf", stop_signal=signal.SIGUSR1, stop_seconds=0.2)
    deaf = replace(
        deaf,
        command=(
            *deaf.command[:2],
            "-c",
            "import signal; signal.signal(10, signal.SIG_IGN)\n" + PROGRAM,
            *deaf.command[4:],
        ),
    )
    supervisor = Supervisor([deaf], layout, guard, silent)
    await supervisor.start()
    await supervisor.stop()
    assert not (layout.run_dir / "diary").exists()


async def test_killed_guard_is_replaced_and_knows_everything(layout: Layout) -> None:
    held = await DataLock.acquire(layout.lock)
    guard = Guard(held.descriptor)
    child = Child.spawn(
        ("sleep", "600"), environment=ENVIRONMENT, log=layout.log("sleep"), guard=guard
    )
    old = guard.pid
    os.kill(old, signal.SIGKILL)
    await until(lambda: psutil.Process(old).status() == psutil.STATUS_ZOMBIE)
    guard.ensure_alive()
    assert guard.pid != old
    await asyncio.gather(
        asyncio.to_thread(guard.close), until(lambda: child.exit_code() == -signal.SIGKILL)
    )
    held.release()


SUPERVISE = """
import asyncio, pathlib, sys
sys.path[:0] = sys.argv[2].split(":")
sys.path.insert(0, str(pathlib.Path(sys.argv[3]).parent))
import test_supervisor as this
from mesh.local.guard import Guard
from mesh.local.layout import Layout
from mesh.local.lock import DataLock
from mesh.local.part import Layer
from mesh.local.supervisor import Supervisor
async def main():
    layout = Layout.of(pathlib.Path(sys.argv[1]))
    guard = Guard((await DataLock.acquire(layout.lock)).descriptor)
    parts = [this.working(layout, "one"), this.working(layout, "two", Layer.STORES)]
    await Supervisor(parts, layout, guard, this.silent).start()
    print("ready", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def supervise_elsewhere(layout: Layout) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SUPERVISE), str(layout.data_dir),
         os.pathsep.join(sys.path), __file__],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("guard_too", [False, True], ids=["supervisor", "supervisor and guard"])
async def test_killed_supervisor_leaves_nothing(layout: Layout, guard_too: bool) -> None:
    supervisor = await asyncio.to_thread(supervise_elsewhere, layout)
    family = psutil.Process(supervisor.pid).children(recursive=True)
    assert len(family) == 5  # the guard, two parts and a worker of each
    workers = [worker_of(layout, name) for name in ("one", "two")]
    if guard_too:
        # Without it only the kernel ends the parts; their workers are on their own.
        family = [child for child in family if child not in workers]
        next(child for child in family if "guard_process" in " ".join(child.cmdline())).kill()
    supervisor.kill()
    await asyncio.to_thread(supervisor.wait)
    if guard_too and sys.platform != "linux":
        pytest.skip("the kernel has no parent-death signal here")
    try:
        await until(lambda: not alive(family))
        (await DataLock.acquire(layout.lock)).release()
    finally:
        if guard_too:
            for worker in workers:
                worker.kill()
