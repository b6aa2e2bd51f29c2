"""The edge a command talks to, and in whose name.

SONICA_API_KEY goes before everything. Otherwise calls are made with the session of whoever is
logged in there; and on the machine of the mesh with the operator's key, which may do everything:
by whoever is not logged in, and for what only admins may do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from sonica_client import Session, SonicaClient

    from mesh.local import LocalMesh
    from sonica_cli.sessions import KeptSession

# A mesh that listens for everybody is reached like this from its own machine.
_EVERYBODY = {"0.0.0.0:": "127.0.0.1:", "[::]:": "[::1]:"}


@dataclass(frozen=True, slots=True)
class Edge:
    """Where to make calls.

    Attributes:
        address: `host:port`, or a URL.
        tls: whether the edge speaks TLS; a URL says so itself.
        ca_file: what its certificate is checked by; None means SONICA_CA_FILE, or gRPC's own.
        operator_key: of the mesh of this machine; empty when it is another.
    """

    address: str
    tls: bool = False
    ca_file: Path | None = None
    operator_key: str = field(default="", repr=False)

    @classmethod
    def of(cls, mesh: LocalMesh) -> Self:
        """Returns the edge of a mesh of this machine."""
        from mesh.local.operator_key import operator_key

        address = mesh.edge_address
        for everybody, here in _EVERYBODY.items():
            if address.startswith(everybody):
                address = here + address.removeprefix(everybody)
        key = operator_key(mesh.data_dir, mesh.edge_address) or ""
        return cls(address, mesh.has_tls, mesh.ca_certificate, key)


def client_at(edge: Edge) -> SonicaClient:
    """Returns a client for what anybody may do: for whoever is logged in, else the operator.

    Raises:
        CliError, SonicaError.
    """
    if key := _given_key():
        return _client(edge, key)
    session = _kept(edge).read()
    return _client(edge, "" if session else edge.operator_key, session)


def admin_at(edge: Edge) -> SonicaClient:
    """Returns a client for what only admins may do: for the operator, else whoever is logged in.

    Raises:
        CliError, SonicaError.
    """
    key = _given_key() or edge.operator_key
    return _client(edge, key, None if key else _kept(edge).read())


def person_at(edge: Edge) -> SonicaClient:
    """Returns a client for what belongs to an account: for whoever is logged in.

    Raises:
        CliError, SonicaError.
    """
    key = _given_key()
    return _client(edge, key, None if key else _kept(edge).read())


def session_at(edge: Edge) -> SonicaClient:
    """Returns a client for beginning and ending sessions, which no key can do.

    Raises:
        CliError, SonicaError.
    """
    return _client(edge, "", _kept(edge).read())


def _client(edge: Edge, api_key: str, session: Session | None = None) -> SonicaClient:
    from sonica_client import SonicaClient

    client = SonicaClient(edge.address, api_key=api_key, tls=edge.tls, ca_file=edge.ca_file)
    kept = _kept(edge)
    client.accounts.session = session
    client.accounts.on_change = kept.write
    client.accounts.exclusively = kept.exclusively
    return client


def _kept(edge: Edge) -> KeptSession:
    from sonica_cli.sessions import KeptSession

    return KeptSession(edge.address)


def _given_key() -> str:
    return os.environ.get("SONICA_API_KEY", "")
