"""How one local mesh is encrypted: which files, for whom, and kept from growing old."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.local.edge_settings import EdgeSettings
from mesh.local.errors import LaunchError
from mesh.local.layout import Layout

if TYPE_CHECKING:
    import ssl

PROXY = "envoy"
#: Services that prove themselves to the proxy; other parts are reached by socket files only.
SERVICES = ("gateway", "fingerprint", "match", "user")
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

    @property
    def mesh_ca(self) -> Path:
        """Whom parts of the mesh trust, with mTLS."""
        return self.layout.tls_dir / "mesh-ca.pem"

    def mesh_certificate(self, name: str) -> Path:
        """Returns the certificate of `PROXY` or of a service, with mTLS."""
        return self.layout.tls_dir / f"mesh-{name}.pem"

    def mesh_private_key(self, name: str) -> Path:
        """Returns its key."""
        return self.layout.tls_dir / f"mesh-{name}.key"

    def environment(self, service: str) -> dict[str, str]:
        """Returns what a service is told of its certificate; nothing without mTLS."""
        if not self.edge.mtls:
            return {}
        prefix = f"SONICA_{service.upper()}_TLS_"
        return {
            f"{prefix}CERTIFICATE": str(self.mesh_certificate(service)),
            f"{prefix}PRIVATE_KEY": str(self.mesh_private_key(service)),
            f"{prefix}CA": str(self.mesh_ca),
        }

    def proxy_context(self) -> ssl.SSLContext | None:
        """Returns what one has to be to ask a service; None without mTLS.

        Raises:
            OSError: `keep` was not called before.
        """
        if not self.edge.mtls:
            return None
        import ssl

        context = ssl.create_default_context(cafile=str(self.mesh_ca))
        # Services are known by their URI, which the proxy checks; here one only waits for them.
        context.check_hostname = False
        context.load_cert_chain(self.mesh_certificate(PROXY), self.mesh_private_key(PROXY))
        context.set_alpn_protocols(["h2"])
        return context

    def keep(self) -> None:
        """Makes the certificates that are missing, and those anew that are old.

        Raises:
            LaunchError: the data folder cannot be written.
        """
        if not (self.edge.own_certificate or self.edge.mtls):
            return
        # Only who wants certificates waits for what makes them.
        from mesh.local.certificates import MESH_LIFE, Authority

        try:
            if self.edge.own_certificate:
                Authority(self.layout.tls_dir, "edge").keep("edge", self._names())
            mesh = Authority(self.layout.tls_dir, "mesh")
            for name in (PROXY, *SERVICES) if self.edge.mtls else ():
                # The name of the proxy as a host is what callers in the mesh look for.
                names = [f"spiffe://sonica/{name}", *([PROXY] if name == PROXY else [])]
                mesh.keep(f"mesh-{name}", names, MESH_LIFE)
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
