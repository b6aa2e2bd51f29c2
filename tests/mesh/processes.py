"""The processes of a running mesh, as the system sees them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil

from mesh import local


def family(mesh: local.LocalMesh) -> list[psutil.Process]:
    """Returns everything the supervisor of a mesh has started, workers included."""
    return psutil.Process(mesh.supervisor_pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Returns those that still run; a dead one that nobody has asked about does not."""
    return [process for process in processes if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def seconds_until_gone(processes: list[psutil.Process], patience_seconds: float = 60.0) -> float:
    """Waits until none runs any more; returns how long that took. None would end by itself."""
    began = time.monotonic()
    while left := alive(processes):
        took = time.monotonic() - began
        assert took < patience_seconds, f"still running: {[process.cmdline() for process in left]}"
        time.sleep(0.02)
    return time.monotonic() - began


async def until_ready(data_dir: Path, restarted: str, patience_seconds: float = 240.0) -> None:
    """Waits until a mesh is whole again after a part was ended."""
    async with asyncio.timeout(patience_seconds):
        while True:
            status = await asyncio.to_thread(local.status, data_dir)
            counts = {part.name: part.restart_count for part in status.parts}
            if status.state is local.MeshState.READY and counts.get(restarted, 0) > 0:
                return
            await asyncio.sleep(0.05)
