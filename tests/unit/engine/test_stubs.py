"""Qdrant's messages load without the client that carries them, and do not stand in its way.

Method: fresh interpreters, since what is loaded once stays.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

LOAD = "from mesh.local.engine import stubs\nimport sys\n"


@pytest.mark.parametrize(
    "program",
    [
        LOAD + "assert 'qdrant_client' not in sys.modules\nassert 'httpx' not in sys.modules",
        LOAD + "from qdrant_client import AsyncQdrantClient, grpc\n"
        "assert grpc.UpsertPoints is stubs.points_pb2.UpsertPoints",
        "import qdrant_client\n" + LOAD + "assert 'qdrant_client' in sys.modules\n"
        "assert qdrant_client.grpc.UpsertPoints is stubs.points_pb2.UpsertPoints",
    ],
)
def test_loading(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)
