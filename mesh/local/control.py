"""Commands on a mesh from another process: `up`, `down`, `status`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mesh.local import lock
from mesh.local.errors import BY_NAME, LaunchError, PartFailedError
from mesh.local.interpreter import import_path, python
from mesh.local.layout import Layout
from mesh.local.logs import open_log, size, tail
from mesh.local.running import DEFAULT_HOST, DEFAULT_PORT
from mesh.local.settings import LocalSettings
from mesh.local.state import LocalMesh, MeshStatus, PartStatus, read_status

SUPERVISOR = "supervisor"
_STOP_SECONDS = 30.0
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02


def up(
    data_dir: Path | None = None,
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    is_open: bool = False,
    on_progress: Callable[[str, str], None] = lambda _part, _state: None,
) -> LocalMesh:
    """Starts a mesh that goes on without this process; returns when it is ready.

    Args:
        data_dir: None means SONICA_DATA_DIR or the platform's usual place.
        host: address of the edge listener.
        port: of the edge listener; 0 means any free one.
        is_open: ask nobody for credentials and limit nothing, as with SONICA_OPEN=true.
        on_progress: called with the name of a part and its new state.

    Raises:
        LaunchError: see `mesh.local.errors`; nothing is left running.
    """
    layout = _layout(data_dir)
    layout.prepare()
    log = layout.log(SUPERVISOR)
    since = size(log)
    reports, supervisor_end = os.pipe()
    with os.fdopen(reports) as lines:
        try:
            _start_supervisor(layout, host, port, supervisor_end, is_open=is_open)
        finally:
            os.close(supervisor_end)
        mesh = read_status(layout).mesh if _follow(lines, on_progress) else None
    if mesh is None:
        raise PartFailedError("the supervisor ended without a word", tail(log, since))
    return mesh


def down(data_dir: Path | None = None, timeout_seconds: float = _STOP_SECONDS) -> None:
    """Stops a mesh and returns when it is gone; at once when none runs.

    Args:
        data_dir: as for `up`.
        timeout_seconds: how long an orderly end may take; then everything is killed.

    Raises:
        StopTimedOutError: it is still there.
    """
    path = _layout(data_dir).lock
    supervisor = lock.holder(path)
    if supervisor is None or not lock.is_held(path):
        return
    _signal(supervisor, signal.SIGTERM)
    try:
        lock.wait_free(path, timeout_seconds)
    except LaunchError:
        # Its guard then kills the parts.
        _signal(supervisor, signal.SIGKILL)
        lock.wait_free(path, _KILL_SECONDS)
    _wait_gone(supervisor)


def status(data_dir: Path | None = None) -> MeshStatus:
    """Returns how the mesh of a data folder is, the memory of its parts included.

    Args:
        data_dir: as for `up`.
    """
    found = read_status(_layout(data_dir))
    return replace(found, parts=tuple(_with_memory(part) for part in found.parts))


def _layout(data_dir: Path | None) -> Layout:
    return Layout.of(LocalSettings.from_environment(data_dir).data_dir)


def _start_supervisor(
    layout: Layout, host: str, port: int, report_to: int, *, is_open: bool
) -> None:
    """Starts a supervisor that is no child of ours, so that nobody has to wait for its end."""
    command = python(
        "mesh.local",
        "--data", str(layout.data_dir),
        "--host", host,
        "--port", str(port),
        "--report-to", str(report_to),
        "--detach",
        *(["--open"] if is_open else []),
    )  # fmt: skip
    with open_log(layout.log(SUPERVISOR)) as output:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(report_to,),
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": import_path()},
            check=False,
        )


def _follow(lines: Iterable[str], on_progress: Callable[[str, str], None]) -> bool:
    """Reads what the supervisor reports, until it is ready or gone; returns whether it is ready.

    Raises:
        LaunchError: what the supervisor failed with.
    """
    supervisor: int | None = None
    try:
        for line in lines:
            match json.loads(line):
                case {"pid": int(supervisor)}:
                    pass
                case {"part": part, "state": state}:
                    on_progress(part, state)
                case {"ready": _}:
                    return True
                case {"error": kind, "message": message, "advice": advice}:
                    raise BY_NAME[kind](message, advice)
    except BaseException as error:
        if supervisor is not None:
            # Ctrl-C while it starts: it must not go on without us.
            if not isinstance(error, LaunchError):
                _signal(supervisor, signal.SIGTERM)
            _wait_gone(supervisor)
        raise
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise LaunchError(
            f"the mesh belongs to another user (process {pid})", "Stop it as that user."
        ) from error


def _wait_gone(pid: int) -> None:
    """Waits a moment for the end of the process that freed the lock: its log is still open."""
    import psutil

    deadline = time.monotonic() + _KILL_SECONDS
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _with_memory(part: PartStatus) -> PartStatus:
    """Adds the memory of a part's process and its workers; pages they share count for each."""
    import psutil

    if part.pid is None:
        return part
    try:
        process = psutil.Process(part.pid)
        family = [process, *process.children(recursive=True)]
        return replace(part, rss_bytes=sum(_memory_bytes(member) for member in family))
    except psutil.Error:
        return part


def _memory_bytes(process: Any) -> int:
    """Returns the proportional set size where the system tells it, else the resident set size."""
    import psutil

    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.Error:
        return int(process.memory_info().rss)
