"""Composition root: opens the data folder, keeps indexes built, serves Qdrant's two services."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from mesh.local.engine import collections_servicer, points_servicer
from mesh.local.engine.catalog import Catalog
from mesh.local.engine.collections_servicer import CollectionsServicer
from mesh.local.engine.compactor import Compactor
from mesh.local.engine.errors import EngineError
from mesh.local.engine.points_servicer import PointsServicer
from mesh.local.engine.settings import Settings
from mesh.local.engine.stubs import collections_service_pb2_grpc, points_service_pb2_grpc
from mesh.runtime.serve import Registration, StartError

_LOCK_FILE = "lock"


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Sequence[Registration]]:
    """Opens everything and yields what to serve; on exit all is closed and no process is left.

    Raises:
        StartError: the data folder is in use or cannot be opened.
    """
    with _locked(settings.data_dir):
        try:
            catalog = Catalog(settings.data_dir, settings.max_unindexed_points)
        except (OSError, ValueError, EngineError) as error:
            raise StartError(f"cannot open {settings.data_dir}: {error}") from error
        try:
            compactor = Compactor(settings, catalog.collections)
            async with compactor.running():
                yield (
                    Registration(
                        collections_service_pb2_grpc.add_CollectionsServicer_to_server,
                        CollectionsServicer(catalog, compactor),
                        collections_servicer.SERVICE.full_name,
                    ),
                    Registration(
                        points_service_pb2_grpc.add_PointsServicer_to_server,
                        PointsServicer(catalog, settings.write_wait_seconds),
                        points_servicer.SERVICE.full_name,
                    ),
                )
        finally:
            await catalog.close()


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """Holds the data folder; the kernel frees it whatever ends the process."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(data_dir / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"cannot open {data_dir}: {error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StartError(f"another engine serves {data_dir}") from None
    else:
        yield
    finally:
        os.close(handle)
