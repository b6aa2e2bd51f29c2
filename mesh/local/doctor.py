"""Looks at everything a mesh needs on this machine, and says what to do where it is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mesh.local import account, lock, programs
from mesh.local.errors import LaunchError
from mesh.local.layout import Layout
from mesh.local.settings import LocalSettings
from mesh.local.state import MeshState, PartState, read_status

_VERSION_SECONDS = 10.0
_COMFORTABLE_BYTES = 2 * 1024**3


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what.
        verdict: whether the mesh can do with it.
        detail: what was found.
        advice: what to do; empty when there is nothing to do.
    """

    check: str
    verdict: Verdict
    detail: str
    advice: str = ""


def doctor(data_dir: Path | None = None) -> list[Finding]:
    """Returns what was found, in the order a person would look.

    Args:
        data_dir: None means SONICA_DATA_DIR or the platform's usual place.
    """
    settings = LocalSettings.from_environment(data_dir)
    layout = Layout.of(settings.data_dir)
    findings = [_system(), _native_core()]
    for check, look in (
        ("Envoy", lambda: _envoy(settings)),
        ("PostgreSQL", lambda: _postgres(settings, layout)),
        ("Redis", lambda: _redis(settings)),
        ("vector engine", lambda: _engine(settings)),
        ("data folder", lambda: _data_folder(layout)),
        ("sockets", lambda: _sockets(layout)),
    ):
        findings.append(_guarded(check, look))
    return [*findings, *_mesh(layout)]


def _guarded(check: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except LaunchError as error:
        return Finding(check, Verdict.FAIL, error.message, error.advice)


def _system() -> Finding:
    name = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    if sys.platform in ("linux", "darwin"):
        return Finding("system", Verdict.OK, name)
    return Finding("system", Verdict.FAIL, name, "Use Linux, macOS, or Windows' WSL.")


def _native_core() -> Finding:
    try:
        importlib.import_module("sonica_core")
    except ImportError as error:
        return Finding(
            "sonica_core",
            Verdict.FAIL,
            f"not built for this Python ({error})",
            "Run `make setup`; it needs a Rust toolchain (https://rustup.rs).",
        )
    return Finding("sonica_core", Verdict.OK, "built")


def _envoy(settings: LocalSettings) -> Finding:
    program = programs.envoy(settings)
    return Finding("Envoy", Verdict.OK, f"{_version(program)} ({program})")


def _postgres(settings: LocalSettings, layout: Layout) -> Finding:
    if settings.database_url is not None:
        return Finding("PostgreSQL", Verdict.OK, "the one of DATABASE_URL")
    folder = programs.postgres_bin_dir(settings)
    detail = f"{_version(folder / 'postgres')} ({folder})"
    runs_as = account.for_postgres((layout.data_dir, layout.socket_dir, folder))
    if runs_as is not None:
        detail += f", runs as {runs_as.name}"
        if runs_as.capability is not None:
            detail += " with the capability to walk through closed folders"
    return Finding("PostgreSQL", Verdict.OK, detail)


def _redis(settings: LocalSettings) -> Finding:
    if settings.redis_url is not None:
        return Finding("Redis", Verdict.OK, "the one of REDIS_URL")
    program = programs.redis_server(settings)
    if program is not None:
        return Finding("Redis", Verdict.OK, f"{_version(program)} ({program})")
    return Finding(
        "Redis",
        Verdict.WARN,
        "not found; everything works without it, repeated clips are only slower",
        "Install it (`apt install redis-server`, `brew install redis`), "
        "set SONICA_REDIS_SERVER_PATH, or set REDIS_URL.",
    )


def _engine(settings: LocalSettings) -> Finding:
    if settings.qdrant_address is not None:
        return Finding("vector engine", Verdict.OK, f"Qdrant at {settings.qdrant_address}")
    if importlib.util.find_spec("qdrant_edge") is not None:
        return Finding("vector engine", Verdict.OK, "qdrant-edge-py")
    return Finding(
        "vector engine",
        Verdict.FAIL,
        "not found",
        "Install qdrant-edge-py, or set QDRANT_ADDRESS to the gRPC address of a Qdrant.",
    )


def _data_folder(layout: Layout) -> Finding:
    place = next(path for path in (layout.data_dir, *layout.data_dir.parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Finding(
            "data folder",
            Verdict.FAIL,
            f"{layout.data_dir} cannot be written: {place} is not a folder we may write to",
            "Choose another folder with --data or SONICA_DATA_DIR.",
        )
    free = shutil.disk_usage(place).free
    detail = f"{layout.data_dir}, {free / 1024**3:.1f} GiB free"
    if free < _COMFORTABLE_BYTES:
        return Finding("data folder", Verdict.WARN, detail, "Free some space before indexing.")
    return Finding("data folder", Verdict.OK, detail)


def _sockets(layout: Layout) -> Finding:
    if layout.socket_dir == layout.run_dir:
        return Finding("sockets", Verdict.OK, str(layout.socket_dir))
    detail = f"{layout.socket_dir}, because the path of the data folder is long"
    return Finding("sockets", Verdict.OK, detail)


def _mesh(layout: Layout) -> Iterator[Finding]:
    status = read_status(layout)
    if status.state is MeshState.STOPPED:
        yield Finding("mesh", Verdict.OK, "not running")
        return
    verdict = Verdict.OK if status.state is MeshState.READY else Verdict.WARN
    pid = lock.holder(layout.lock)
    yield Finding("mesh", verdict, f"{status.state}, supervisor is process {pid}")
    for part in status.parts:
        if part.state is not PartState.READY:
            advice = f"Look at {layout.log(part.name)}."
            yield Finding(part.name, Verdict.FAIL, f"{part.state}: {part.problem}", advice)


def _version(program: Path) -> str:
    """Returns the version number that a program names first.

    Raises:
        LaunchError: it does not run.
    """
    try:
        answer = subprocess.run(
            [str(program), "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchError(
            f"{program} does not run: {error}", "Reinstall it, or set a path to another one."
        ) from error
    found = re.search(r"\b\d+(\.\d+)+\b", answer.rpartition("version:")[2])
    return found.group() if found else "of unknown version"
