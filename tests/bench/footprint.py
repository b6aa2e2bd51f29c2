"""Bytes an hour of music costs: hot in memory and on disk, all stores together.

What is measured is growth: the mesh holds music already, so that caches of fixed size (PostgreSQL's
buffers, the table of fresh vectors) are full and only what grows with the catalogue is counted.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import grpc
import psutil
import sonica_core
from google.protobuf.duration_pb2 import Duration
from sonica.catalog.v1 import catalog_service_pb2, catalog_service_pb2_grpc, track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2

from mesh.local import status
from tests.bench.catalogue import Synthetic, synthetic_fingerprints

_STORES = ("postgres", "redis", "index")
_TRACK_SECONDS = 300.0
_HOURS_BEFORE = 20
_HOURS = 20
_HOURS_PER_STEP = 10
_SETTLE_SECONDS = 6.0
_SETTLE_SECONDS_MAX = 300.0


@dataclass(frozen=True)
class Footprint:
    """Megabytes (10^6 bytes) an hour of music."""

    memory_mb: float
    disk_mb: float


def measure(data_dir: Path, address: str) -> Footprint:
    """Registers fingerprints by the hour in a running mesh and returns what the later ones add."""
    made = synthetic_fingerprints(_track_count(_HOURS_BEFORE + _HOURS), _TRACK_SECONDS)
    _register(data_dir, address, made, _HOURS_BEFORE)
    memory_before, disk_before = _memory(data_dir), _disk(data_dir)
    _register(data_dir, address, made, _HOURS)
    memory, disk = _memory(data_dir) - memory_before, _disk(data_dir) - disk_before
    return Footprint(memory / _HOURS / 1e6, disk / _HOURS / 1e6)


def _track_count(hours: int) -> int:
    return int(hours * 3600 / _TRACK_SECONDS)


def _register(data_dir: Path, address: str, made: Iterator[Synthetic], hours: int) -> None:
    """Registers in steps that the index is given time to take in: it refuses to fall far behind."""
    for start in range(0, hours, _HOURS_PER_STEP):
        step = min(_HOURS_PER_STEP, hours - start)
        _register_step(address, islice(made, _track_count(step)))
        _wait_settled(data_dir)


def _register_step(address: str, fingerprints: Iterable[Synthetic]) -> None:
    with grpc.insecure_channel(address) as channel:
        catalog = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        for made in fingerprints:
            fingerprint = fingerprint_pb2.Fingerprint(
                algorithm_version=sonica_core.CURRENT_ALGORITHM_VERSION,
                purpose=fingerprint_pb2.FINGERPRINT_PURPOSE_REFERENCE,
                vectors_f16le=made.vectors_f16le,
                active_windows=made.active_windows,
                landmarks=made.landmarks,
                duration=Duration(seconds=int(made.seconds)),
            )
            request = catalog_service_pb2.CreateTrackRequest(
                track=track_pb2.Track(title=f"synthetic {made.content_sha256.hex()[:8]}"),
                fingerprint=fingerprint,
                content_sha256=made.content_sha256,
                request_id=str(uuid.UUID(bytes=made.content_sha256[:16])),
            )
            catalog.CreateTrack(request, timeout=60)


def _memory(data_dir: Path) -> int:
    """Returns what all processes of the mesh hold, pages shared between them counted once."""
    total = 0
    for part in status(data_dir).parts:
        if part.pid is None:
            continue
        process = psutil.Process(part.pid)
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().pss
    return total


def _disk(data_dir: Path) -> int:
    """Returns the blocks the stores occupy; PostgreSQL's log of changes is recycled, not kept."""
    total = 0
    for store in _STORES:
        # A build makes and drops files meanwhile; os.walk passes over folders that are gone.
        for folder, _, names in os.walk(data_dir / store):
            for name in names if "pg_wal" not in folder else ():
                with suppress(FileNotFoundError):
                    total += os.lstat(f"{folder}/{name}").st_blocks * 512
    return total


def _wait_settled(data_dir: Path) -> None:
    """Waits until the index is optimised: no build process, and nothing on disk changes."""
    began = changed = time.monotonic()
    size = _disk(data_dir)
    (engine,) = (part.pid for part in status(data_dir).parts if part.name == "engine")
    while time.monotonic() - changed < _SETTLE_SECONDS:
        if time.monotonic() - began > _SETTLE_SECONDS_MAX:
            raise TimeoutError(f"the stores still change after {_SETTLE_SECONDS_MAX:g} s")
        time.sleep(0.5)
        now, building = _disk(data_dir), bool(psutil.Process(engine).children())
        if building or now != size:
            size, changed = now, time.monotonic()
