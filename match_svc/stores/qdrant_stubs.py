"""Qdrant's published gRPC messages and stubs, without the client library around them.

`import qdrant_client.grpc` runs the whole client package first, about 0.8 s of processor time at
every start. The generated modules do not need it: they are imported under their own names below a
bare parent package, which is taken away again so that a later `import qdrant_client` is whole.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


def _load(name: str) -> Any:
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


collections: Any = _load("collections_pb2")
points: Any = _load("points_pb2")
PointId: Any = _load("qdrant_common_pb2").PointId
CollectionsStub: Any = _load("collections_service_pb2_grpc").CollectionsStub
PointsStub: Any = _load("points_service_pb2_grpc").PointsStub
