"""How many streams one caller has at once, so that a few callers never have all of them.

A stream lasts as long as its sender likes, within its deadline, and takes one of the calls that the
gateway works on at once. Counted is who the edge says calls: an account, else an address, of IPv6
one /64. The operator, and whoever comes without the edge's word (an open mesh), is not.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

from gateway.caller import caller_of
from gateway.errors import TooManyStreamsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDRESS_HEADER = "x-sonica-address"
_OPERATOR = "operator"
_IPV6_BITS = 64


class StreamPlaces:
    """Counts streams of each caller; holds no more names than there are streams.

    Args:
        each_max: streams of one caller; 0 is no limit.
        unnamed_max: streams of all addresses together, so that accounts always find a place.
    """

    def __init__(self, each_max: int, unnamed_max: int) -> None:
        self._each_max = each_max
        self._unnamed_max = unnamed_max
        self._taken: Counter[str] = Counter()
        self._unnamed = 0

    @contextmanager
    def taken(self, context: Any) -> Iterator[None]:
        """Holds a place for the caller of a stream.

        Raises:
            TooManyStreamsError: there is none.
        """
        caller = caller_of(context)
        name = caller.user if caller else _address_of(context)
        if not self._each_max or name in ("", _OPERATOR):
            yield
            return
        unnamed = caller is None
        if self._taken[name] >= self._each_max:
            raise TooManyStreamsError(self._each_max, "of this account or address")
        if unnamed and self._unnamed >= self._unnamed_max:
            raise TooManyStreamsError(self._unnamed_max, "without credentials")
        self._taken[name] += 1
        self._unnamed += unnamed
        try:
            yield
        finally:
            self._unnamed -= unnamed
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]


def _address_of(context: Any) -> str:
    """Returns whom an address stands for; empty when the edge has said none."""
    said = dict(context.invocation_metadata() or ()).get(_ADDRESS_HEADER, "")
    try:
        address = ip_address(said)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Network((int(address), _IPV6_BITS), strict=False))
    return str(address)
