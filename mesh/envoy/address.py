"""Addresses as they stand in a plan (`host:port` or `unix:/path`), and in Envoy's form."""

from __future__ import annotations

from ipaddress import ip_address

Json = dict[str, "JsonValue"]
JsonValue = None | bool | int | float | str | list["JsonValue"] | Json

UNIX_PREFIX = "unix:"


class AddressError(ValueError):
    """A text is not an address."""


def envoy_address(address: str) -> Json:
    """Returns Envoy's `Address` of `host:port`, `[ipv6]:port` or `unix:/path`.

    Raises:
        AddressError: the address has another form.
    """
    if address.startswith(UNIX_PREFIX):
        path = address.removeprefix(UNIX_PREFIX)
        # sun_path holds 104 bytes on macOS, its final zero included; Linux allows 4 more.
        if not path.startswith("/") or len(path.encode()) > 103:
            raise AddressError(f"{address!r} needs an absolute path of at most 103 bytes")
        return {"pipe": {"path": path}}
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise AddressError(f"{address!r} is not an address; write host:port or unix:/path")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def needs_resolver(address: str) -> bool:
    """Returns whether the address carries a host name, not a number or a path."""
    if address.startswith(UNIX_PREFIX):
        return False
    try:
        ip_address(address.rpartition(":")[0].strip("[]"))
    except ValueError:
        return True
    return False


def is_loopback(address: str) -> bool:
    """Returns whether only this machine reaches `host:port`."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
