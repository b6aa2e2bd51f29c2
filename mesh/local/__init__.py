"""The launcher: the whole mesh on one machine, from ordinary packages."""

from __future__ import annotations

from mesh.local.control import down, status, up
from mesh.local.doctor import Finding, Verdict, doctor
from mesh.local.edge_settings import EdgeOptions
from mesh.local.errors import (
    AlreadyRunningError,
    DataDirUnusableError,
    DiskFullError,
    LaunchError,
    PartFailedError,
    PortInUseError,
    ProgramMissingError,
    StopTimedOutError,
)
from mesh.local.running import DEFAULT_HOST, DEFAULT_PORT, RunningMesh, run, start
from mesh.local.settings import usual_data_dir
from mesh.local.span_files import StoredSpan, read_trace
from mesh.local.state import LocalMesh, MeshState, MeshStatus, PartState, PartStatus

__all__ = [
    "DEFAULT_HOST",
    "DEFAULT_PORT",
    "AlreadyRunningError",
    "DataDirUnusableError",
    "DiskFullError",
    "EdgeOptions",
    "Finding",
    "LaunchError",
    "LocalMesh",
    "MeshState",
    "MeshStatus",
    "PartFailedError",
    "PartState",
    "PartStatus",
    "PortInUseError",
    "ProgramMissingError",
    "RunningMesh",
    "StopTimedOutError",
    "StoredSpan",
    "Verdict",
    "doctor",
    "down",
    "read_trace",
    "run",
    "start",
    "status",
    "up",
    "usual_data_dir",
]
