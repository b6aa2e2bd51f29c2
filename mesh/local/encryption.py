"""How one local mesh is encrypted: which files, for whom, and kept from growing old."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from mesh.local.edge_settings import EdgeSettings
from mesh.local.errors import LaunchError
from mesh.local.layout import Layout

_LOOK_SECONDS = 3600.0
_EVERYBODY_HERE = ("localhost", "127.0.0.1", "::1")
_log = logging.getLogger(__name__)
_Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Encryption:
    """What a mesh encrypts.

    Attributes:
        layout: of the data directory.
        edge: what the surroundings say.
        edge_address: host:port of the edge, host as a number.
    """

    layout: Layout
    edge: EdgeSettings
    edge_address: str

    def check(self) -> None:
        """Refuses to serve other machines in clear, unless that is wanted.

        Raises:
            LaunchError.
        """
        if not (self.edge.has_tls or self.edge.insecure or self._host.is_loopback):
            raise LaunchError(
                f"{self.edge_address} is reached from other machines, and passwords and keys "
                "would travel in clear",
                "Add --tls, set SONICA_TLS_CERTIFICATE and SONICA_TLS_PRIVATE_KEY, or add "
                "--insecure where the network is trusted.",
            )

    @property
    def ca_certificate(self) -> Path | None:
        """What clients of the edge trust; None where the certificate is not of our making."""
        return self.layout.tls_dir / "edge-ca.pem" if self.edge.own_certificate else None

    @property
    def edge_certificate(self) -> Path | None:
        """Certificate of the edge; None without TLS."""
        own = self.layout.tls_dir / "edge.pem" if self.edge.own_certificate else None
        return own or self.edge.tls_certificate

    @property
    def edge_private_key(self) -> Path | None:
        """Its key; None without TLS."""
        own = self.layout.tls_dir / "edge.key" if self.edge.own_certificate else None
        return own or self.edge.tls_private_key

    def keep(self) -> None:
        """Makes the certificates that are missing, and those anew that are old.

        Raises:
            LaunchError: the data folder cannot be written.
        """
        if not self.edge.own_certificate:
            return
        # Only who wants certificates waits for what makes them.
        from mesh.local.certificates import Authority

        try:
            Authority(self.layout.tls_dir, "edge").keep("edge", self._names())
        except OSError as error:
            raise LaunchError(f"cannot keep certificates in {self.layout.tls_dir}: {error}") from (
                error
            )

    async def keeping(self) -> None:
        """Keeps the certificates good for as long as the mesh runs; Envoy sees new ones itself."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await asyncio.to_thread(self.keep)
            except LaunchError as error:
                _log.warning("%s", error)

    @property
    def _host(self) -> _Address:
        return ip_address(self.edge_address.rpartition(":")[0].strip("[]"))

    def _names(self) -> tuple[str, ...]:
        """Returns what clients may call the edge."""
        if self._host.is_loopback:
            return _EVERYBODY_HERE
        more = socket.gethostname() if self._host.is_unspecified else str(self._host)
        return (*_EVERYBODY_HERE, more)
