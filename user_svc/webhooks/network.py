"""The way to receivers: to public addresses only, and to exactly the one that was looked at.

Whoever has an account chooses where we connect to, so a name is looked up here, once, every address
it has is judged, and the connection goes to a judged address, not to the name again: a name that
changes its address in between gains nothing. TLS and the `Host` header go on with the name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any, TypeAlias

import httpcore

from user_svc.webhooks.resolver import Address, NameUnknownError, Resolver

Network: TypeAlias = IPv4Network | IPv6Network

_ADDRESSES_MAX = 4
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# What some version of the module `ipaddress` calls global although no stranger is there: protocol
# assignments, relays of 6to4 and Teredo, documentation, and a cloud's door to its metadata.
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
    )
)


class AddressRefusedError(Exception):
    """We do not connect there; the message says why, without the address."""


def is_public(address: Address) -> bool:
    """Tells whether an address belongs to the public internet, also inside another's form."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _GLOBAL_UNICAST:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_PUBLIC)
    )


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, of names that it looks up once: it is for one round.

    Args:
        ports: that may be connected to.
        networks: that may be connected to although they are not public.
        resolver: looks up.
    """

    def __init__(
        self,
        ports: Collection[int],
        networks: Collection[Network],
        resolver: Resolver,
    ) -> None:
        self._ports = ports
        self._networks = networks
        self._resolver = resolver
        self._found: dict[str, Sequence[Address]] = {}
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface says so
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connects to the first address of a name that answers.

        Raises:
            AddressRefusedError: one of its addresses, or the port, is not for us.
            ResolverFullError: it was not looked up.
            httpcore.ConnectError, httpcore.ConnectTimeout: nobody answers.
        """
        addresses = await self._checked(host, port)
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._connect(address, port, timeout, socket_options)
        return await self._connect(addresses[-1], port, timeout, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connects to nothing.

        Raises:
            AddressRefusedError: always.
        """
        raise AddressRefusedError("a socket file is no receiver")

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)

    async def _connect(
        self, address: Address, port: int, seconds: float | None, options: Iterable[Any] | None
    ) -> httpcore.AsyncNetworkStream:
        return await self._backend.connect_tcp(str(address), port, seconds, socket_options=options)

    async def _checked(self, host: str, port: int) -> list[Address]:
        if port not in self._ports:
            raise AddressRefusedError(f"port {port} is not one that events are posted to")
        found = self._found.get(host)
        try:
            found = found or await self._resolver.look_up(host, port)
        except NameUnknownError as error:
            raise httpcore.ConnectError(str(error)) from error
        self._found[host] = found
        # One that is not public is enough: who mixes them wants to see which one we take.
        if not found or not all(map(self._is_allowed, found)):
            raise AddressRefusedError("the host has an address that is not public")
        return list(dict.fromkeys(found))[:_ADDRESSES_MAX]

    def _is_allowed(self, address: Address) -> bool:
        plain = getattr(address, "ipv4_mapped", None) or address
        return is_public(plain) or any(plain in network for network in self._networks)
