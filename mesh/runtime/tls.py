"""How a process proves who it is in the mesh, and how it knows who calls.

Both sides of a connection show a certificate that the same authority vouches for; the name in it,
`spiffe://sonica/<service>`, decides. Certificates are files. A server reads them again when they
have changed; a channel reads them once, so whoever renews them restarts the callers in time.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

#: Host name in the certificate of the proxy, which channels look for besides its authority.
PROXY_HOST = "envoy"
_SANS = "x509_subject_alternative_name"


@dataclass(frozen=True)
class CertificateFiles:
    """PEM files of one process.

    Attributes:
        certificate: its own, and those between it and the authority.
        private_key: the key of its own.
        ca: the authorities it trusts.
    """

    certificate: Path
    private_key: Path
    ca: Path

    def read(self) -> tuple[bytes, bytes, bytes]:
        """Returns certificate, key and authorities.

        Raises:
            OSError: one cannot be read.
        """
        return (
            self.certificate.read_bytes(),
            self.private_key.read_bytes(),
            self.ca.read_bytes(),
        )

    def changes(self) -> tuple[int, ...]:
        """Returns a value that differs after one of them was replaced; OSError as for `read`."""
        files = (self.certificate, self.private_key, self.ca)
        return tuple(file.stat().st_mtime_ns for file in files)


def server_credentials(files: CertificateFiles) -> grpc.ServerCredentials:
    """Returns credentials of a server that takes only callers its authority vouches for.

    Raises:
        OSError: a file cannot be read.
    """
    last = files.changes()

    def fetch() -> Any:
        """Returns what a new connection is served with; None is what was served before."""
        nonlocal last
        try:
            now = files.changes()
            if now == last:
                return None
            configured = _configuration(files)
        except OSError:
            return None  # half replaced; the next connection looks again
        last = now
        return configured

    return grpc.dynamic_ssl_server_credentials(
        _configuration(files), fetch, require_client_authentication=True
    )


def channel_credentials(files: CertificateFiles) -> grpc.ChannelCredentials:
    """Returns credentials of a caller, which takes only a proxy its authority vouches for.

    Raises:
        OSError: a file cannot be read.
    """
    certificate, private_key, ca = files.read()
    return grpc.ssl_channel_credentials(ca, private_key, certificate)


def server_context(files: CertificateFiles) -> ssl.SSLContext:
    """Returns what a server of another protocol takes only callers with that the authority knows.

    Raises:
        OSError: a file cannot be read.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(files.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(files.certificate, files.private_key)
    return context


def peer_names(context: Any) -> frozenset[str]:
    """Returns the names in the certificate of whoever makes a call; empty without one."""
    names = context.auth_context().get(_SANS, ())
    return frozenset(name.decode("utf-8", "replace") for name in names)


def _configuration(files: CertificateFiles) -> Any:
    certificate, private_key, ca = files.read()
    return grpc.ssl_server_certificate_configuration([(private_key, certificate)], ca)
