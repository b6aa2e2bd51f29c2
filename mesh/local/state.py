"""What a running mesh says of itself: `run/mesh.json`, written by the supervisor, read by all."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from mesh.local import lock
from mesh.local.layout import Layout

_FORMAT = 1


class PartState(StrEnum):
    """The life of a part."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


class MeshState(StrEnum):
    """The life of a mesh.

    `DEGRADED` means that at least one part is not ready.
    """

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    STOPPING = "stopping"


@dataclass(frozen=True)
class PartStatus:
    """One part now.

    Attributes:
        name: of the part.
        state: where it is in its life.
        address: where it answers.
        pid: of its process; None when there is none.
        started: seconds since 1970 at which the process began; None when there is none.
        start_seconds: time from the process's begin to its readiness; None before.
        restart_count: how often it was started again.
        rss_bytes: memory of its processes together; None when unknown.
        problem: why it is not ready; empty when it is.
    """

    name: str
    state: PartState
    address: str
    pid: int | None = None
    started: float | None = None
    start_seconds: float | None = None
    restart_count: int = 0
    rss_bytes: int | None = None
    problem: str = ""

    @property
    def uptime_seconds(self) -> float | None:
        """Age of the process."""
        return None if self.started is None else max(0.0, time.time() - self.started)


@dataclass(frozen=True)
class LocalMesh:
    """Where a running mesh is.

    Attributes:
        data_dir: its data.
        edge_address: host:port for gRPC, gRPC-Web and REST.
        is_open: whether nobody is asked for credentials there.
        admin_socket: of Envoy.
        spans_dir: OTLP-JSON files; see `read_trace`.
        logs_dir: one file a part.
        supervisor_pid: process that `down` asks to stop.
        pids: process of each part.
    """

    data_dir: Path
    edge_address: str
    is_open: bool
    admin_socket: Path
    spans_dir: Path
    logs_dir: Path
    supervisor_pid: int
    pids: dict[str, int]


@dataclass(frozen=True)
class MeshStatus:
    """A mesh now.

    Attributes:
        state: of the mesh as a whole.
        mesh: where it is; None when it is stopped.
        parts: in the order of their start; empty when it is stopped.
    """

    state: MeshState
    mesh: LocalMesh | None = None
    parts: tuple[PartStatus, ...] = field(default=())


def write_status(layout: Layout, status: MeshStatus) -> None:
    """Replaces the state file in one step.

    Raises:
        OSError: it cannot be written, e.g. on a full disk; the one before stays.
    """
    assert status.mesh is not None  # noqa: S101 - only a running mesh writes
    document = {
        "format": _FORMAT,
        "state": status.state,
        "mesh": asdict(status.mesh),
        "parts": [asdict(part) for part in status.parts],
    }
    fresh = layout.state.with_suffix(".new")
    fresh.write_text(json.dumps(document, indent=1, default=os.fspath))
    fresh.replace(layout.state)


def read_status(layout: Layout) -> MeshStatus:
    """Returns what the mesh of this layout last said; STOPPED when none runs."""
    if not lock.is_held(layout.lock):
        return MeshStatus(MeshState.STOPPED)
    try:
        document = json.loads(layout.state.read_text())
        if document["mesh"]["supervisor_pid"] != lock.holder(layout.lock):
            return MeshStatus(MeshState.STARTING)  # what a mesh before this one left
        return _decode(document)
    except (OSError, ValueError, KeyError, TypeError):
        return MeshStatus(MeshState.STARTING)


def _decode(document: dict[str, Any]) -> MeshStatus:
    mesh = document["mesh"]
    return MeshStatus(
        state=MeshState(document["state"]),
        mesh=LocalMesh(
            data_dir=Path(mesh["data_dir"]),
            edge_address=mesh["edge_address"],
            is_open=mesh["is_open"],
            admin_socket=Path(mesh["admin_socket"]),
            spans_dir=Path(mesh["spans_dir"]),
            logs_dir=Path(mesh["logs_dir"]),
            supervisor_pid=mesh["supervisor_pid"],
            pids=mesh["pids"],
        ),
        parts=tuple(
            PartStatus(**(part | {"state": PartState(part["state"])})) for part in document["parts"]
        ),
    )
