"""Where a mesh is and how the way to it is kept: plain text, or TLS with the CAs one trusts.

What must stay secret, a password or a key, goes in plain text only to this very machine, unless
the caller has said that the network is private.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from .errors import CLIENT_DOMAIN, SonicaError
from .sources import file_unreadable

DEFAULT_ADDRESS = "127.0.0.1:8080"
_MESSAGE_BYTES_MAX = 32 * 1024 * 1024
_PORTS = {"http://": 80, "https://": 443}
_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Connection:
    """One way to an edge; made by `connection`.

    Attributes:
        target: what gRPC connects to.
        credentials: of TLS; None means plain text.
        insecure: secrets may go in plain text to another machine.
    """

    target: str
    credentials: grpc.ChannelCredentials | None
    insecure: bool

    @property
    def here(self) -> bool:
        """Whether the target is this machine, so that nobody is on the way to it."""
        if self.target.startswith(("unix:", "unix-abstract:")):
            return True
        host = _host(self.target)
        if host == "localhost":
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or address.is_unspecified

    def require_private(self) -> None:
        """Refuses to send a secret where others could read it.

        Raises:
            SonicaError: CONNECTION_NOT_PRIVATE.
        """
        if self.credentials is not None or self.insecure or self.here:
            return
        raise SonicaError(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"{self.target} is another machine and the connection to it is not encrypted: "
            "a password or key could be read on the way. Use TLS (tls=True or https://), or say "
            "insecure=True where the network is private",
            "CONNECTION_NOT_PRIVATE",
            CLIENT_DOMAIN,
            metadata={"address": self.target},
        )

    def channel(self, service_config: str) -> Any:
        """Returns a channel, which connects with its first call."""
        options: list[tuple[str, Any]] = [
            ("grpc.max_send_message_length", _MESSAGE_BYTES_MAX),
            ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
            ("grpc.service_config", service_config),
            ("grpc.enable_retries", 1),
        ]
        if self.here:
            # gRPC would send calls to this very machine to the `http_proxy` of the shell.
            options.append(("grpc.enable_http_proxy", 0))
        if self.credentials is None:
            return grpc.aio.insecure_channel(self.target, options)
        return grpc.aio.secure_channel(self.target, self.credentials, options)


def connection(
    address: str,
    *,
    tls: bool = False,
    ca_file: Path | str | None = None,
    credentials: grpc.ChannelCredentials | None = None,
    insecure: bool = False,
) -> Connection:
    """Returns the way to an address.

    Args:
        address: `host:port`, `unix:/path.sock`, or a URL: `https://` means TLS.
        tls: encrypt, and check the server's certificate.
        ca_file: PEM file of the only CAs to trust; means TLS. None means SONICA_CA_FILE where TLS
            is asked for, else those that gRPC brings.
        credentials: of the caller's own, e.g. with a client's certificate; means TLS.
        insecure: secrets may go in plain text; also by SONICA_INSECURE=true.

    Raises:
        SonicaError: FILE_* of the CA file; ADDRESS_INVALID.
    """
    target, wanted = _target(address)
    tls = tls or wanted or ca_file is not None or credentials is not None
    if address.startswith("http://") and tls:
        raise _invalid(address, "http:// is plain text, and TLS is asked for: write https://")
    if tls and credentials is None:
        ca_file = ca_file or os.environ.get("SONICA_CA_FILE") or None
        credentials = grpc.ssl_channel_credentials(_content(ca_file))
    told = os.environ.get("SONICA_INSECURE", "").lower() in _TRUE
    return Connection(target, credentials, insecure or told)


def _target(address: str) -> tuple[str, bool]:
    """Returns what gRPC connects to, and whether the address asks for TLS."""
    for scheme, port in _PORTS.items():
        if address.startswith(scheme):
            authority, _, path = address.removeprefix(scheme).partition("/")
            if not authority or path:
                raise _invalid(address, "a URL has a host, and no path: https://host:port")
            named = authority.rpartition("]")[2]
            return authority if ":" in named else f"{authority}:{port}", scheme == "https://"
    return address, False


def _host(target: str) -> str:
    """Returns the host of a target: without scheme, authority and port."""
    for scheme in ("dns:", "ipv4:", "ipv6:"):
        target = target.removeprefix(scheme)
    target = target.rpartition("/")[2]
    if target.startswith("["):
        return target[1:].partition("]")[0]
    # An IPv6 address without brackets has no port.
    return target if target.count(":") > 1 else target.partition(":")[0]


def _content(ca_file: Path | str | None) -> bytes | None:
    if ca_file is None:
        return None
    path = Path(ca_file)
    try:
        return path.read_bytes()
    except OSError as error:
        raise file_unreadable(path, error) from None


def _invalid(address: str, why: str) -> SonicaError:
    return SonicaError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"{address}: {why}",
        "ADDRESS_INVALID",
        CLIENT_DOMAIN,
        metadata={"address": address},
    )
