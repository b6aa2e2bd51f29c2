"""The edge a command talks to, and the key it may use there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from sonica_client import SonicaClient


class Edge(str):
    """An address of an edge.

    Attributes:
        api_key: SONICA_API_KEY, else the operator's key where the mesh is one of this machine;
            empty when there is neither.
    """

    __slots__ = ("api_key",)
    api_key: str

    def __new__(cls, address: str, api_key: str = "") -> Self:
        """Makes one."""
        made = super().__new__(cls, address)
        made.api_key = api_key
        return made

    @classmethod
    def at(cls, address: str, data_dir: Path | None) -> Self:
        """Returns an address with the key for it.

        Args:
            address: `host:port`.
            data_dir: of the mesh on this machine that may be meant.
        """
        return cls(address, os.environ.get("SONICA_API_KEY") or _operator_key(data_dir, address))


def client_at(edge: str) -> SonicaClient:
    """Returns a client of an edge that sends the key for it."""
    from sonica_client import SonicaClient

    return SonicaClient(edge, api_key=edge.api_key if isinstance(edge, Edge) else "")


def _operator_key(data_dir: Path | None, address: str) -> str:
    from mesh.local.operator_key import operator_key

    return operator_key(data_dir, address) or ""
