"""Qdrant's published gRPC stubs, without the client that carries them.

`import qdrant_client.grpc` runs the whole client package first: over a second of processor time
before the first byte is served. The generated modules need none of it, so they are loaded under
their own names with a bare parent that is taken away again; a later `import qdrant_client` in the
same process works and sees the same message classes.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qdrant_client.grpc import (
        collections_pb2,
        collections_service_pb2,
        collections_service_pb2_grpc,
        points_pb2,
        points_service_pb2,
        points_service_pb2_grpc,
        qdrant_common_pb2,
    )
else:

    def _load(name: str) -> ModuleType:
        if "qdrant_client" in sys.modules:
            return importlib.import_module(f"qdrant_client.grpc.{name}")
        spec = importlib.util.find_spec("qdrant_client")
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError("qdrant_client is not installed", name="qdrant_client")
        parent = ModuleType("qdrant_client")
        parent.__path__ = list(spec.submodule_search_locations)
        sys.modules["qdrant_client"] = parent
        try:
            return importlib.import_module(f"qdrant_client.grpc.{name}")
        finally:
            del sys.modules["qdrant_client"]

    collections_pb2 = _load("collections_pb2")
    collections_service_pb2 = _load("collections_service_pb2")
    collections_service_pb2_grpc = _load("collections_service_pb2_grpc")
    points_pb2 = _load("points_pb2")
    points_service_pb2 = _load("points_service_pb2")
    points_service_pb2_grpc = _load("points_service_pb2_grpc")
    qdrant_common_pb2 = _load("qdrant_common_pb2")

__all__ = [
    "collections_pb2",
    "collections_service_pb2",
    "collections_service_pb2_grpc",
    "points_pb2",
    "points_service_pb2",
    "points_service_pb2_grpc",
    "qdrant_common_pb2",
]
