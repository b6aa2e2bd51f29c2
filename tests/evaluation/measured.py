"""One thing being measured: the code of the services with one catalogue, and its answers so far.

Answers are kept under a digest of that code, so an interrupted run goes on where it stopped, and
any change of what is measured begins anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sonica_client import SonicaClient

from mesh import local

ROOT = Path(__file__).resolve().parents[2]
SONICA = Path(sys.executable).with_name("sonica")
# What answers, and what makes the unknown clips.
_CODE = (
    "fingerprint_svc",
    "match_svc",
    "gateway",
    "rust_core/crates",
    "mesh",
    "sonica_cli/demo",
    "tests/evaluation/negatives",
)
_SUFFIXES = {".py", ".rs", ".toml", ".lock", ".sql"}
_RUNS_KEPT = 3


def code_digest() -> str:
    """Returns 12 hex digits that change with the code and the data of what is measured."""
    digest = hashlib.sha256()
    for room in _CODE:
        for path in sorted((ROOT / room).rglob("*")):
            inside = path.relative_to(ROOT)
            data = inside.parent.name == "data"
            if "target" in inside.parts or not (data or path.suffix in _SUFFIXES):
                continue
            if path.is_file():
                digest.update(f"{inside}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def run_folder(work: Path, name: str, *, second_look: bool = False) -> Path:
    """Returns the folder of one run, made if need be; stores of other code are removed.

    Args:
        work: where runs are kept.
        name: of the catalogue and the clips.
        second_look: as of `running_mesh`; answers with and without are kept apart.
    """
    runs = work / "runs"
    digest = code_digest()
    name = f"{name}-second-look" if second_look else name
    folder = runs / f"{name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    others = [path for path in runs.iterdir() if not path.name.endswith(digest)]
    others.sort(key=lambda path: -path.stat().st_mtime)
    for place, other in enumerate(others):
        gone = other if place >= _RUNS_KEPT else other / "mesh"
        local.down(other / "mesh")
        shutil.rmtree(gone, ignore_errors=True)
    return folder


@contextmanager
def gateway_settings(*, second_look: bool) -> Iterator[None]:
    """Sets what the gateway of a mesh that is started inside is told; every clip gets its look."""
    settings = {
        "SONICA_GATEWAY_SECOND_LOOK": str(second_look).lower(),
        "SONICA_GATEWAY_SECOND_LOOK_COUNT_MAX": str(jobs()),
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def running_mesh(folder: Path, *, second_look: bool = False) -> Iterator[str]:
    """Starts a mesh whose stores lie in `folder`; yields its address and stops it at the end.

    Args:
        folder: of its stores.
        second_look: whether its gateway looks twice at clips nobody recognised.

    Raises:
        mesh.local.LaunchError: it does not start.
    """
    local.down(folder)
    with gateway_settings(second_look=second_look):
        mesh = local.up(folder, port=0, is_open=True)
    try:
        yield mesh.edge_address
    finally:
        local.down(folder)


def index(manifest: Path, address: str) -> None:
    """Registers the tracks of a manifest as a user would; those registered already are skipped.

    Raises:
        subprocess.CalledProcessError: a track could not be registered.
    """
    environment = {**os.environ, "SONICA_ADDRESS": address}
    subprocess.run([SONICA, "index", "--manifest", manifest], check=True, env=environment)


def jobs() -> int:
    """Returns how many clips are asked for at once: as many as `sonica recognize` does."""
    return os.cpu_count() or 1


async def catalogue(client: SonicaClient) -> dict[str, int]:
    """Returns how many tracks are registered, and by which version of the extractor."""
    statistics = await client.statistics()
    return {
        "registered": statistics.active_track_count,
        "algorithm_version": statistics.algorithm_version,
    }
