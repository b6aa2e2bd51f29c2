"""How often a password may be wrong before its guesser has to wait."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, IPv6Network, ip_address

from user_svc.errors import AttemptsExhaustedError
from user_svc.stores.attempts import Attempts, Count

_IPV6_PREFIX = 64


class AttemptLimit:
    """Counts failures and refuses.

    Counted for one account from one address, so that nobody can lock an account of another. Of an
    IPv6 address the first 64 bits count: the rest is its holder's to choose.

    Args:
        attempts: where it is counted.
        failed_max: in one window.
        window_seconds: how long they count.
    """

    def __init__(self, attempts: Attempts, failed_max: int, window_seconds: int) -> None:
        self._attempts = attempts
        self._failed_max = failed_max
        self._window_seconds = window_seconds

    @asynccontextmanager
    async def attempt(self, account: str, address: str) -> AsyncIterator[None]:
        """Counts an attempt, and counts it no more when its body raises.

        The body finds out whether the password fits and nothing else: whoever got no verdict, as
        in an outage, has guessed nothing, while a verdict counts whatever becomes of the answer.

        Raises:
            AttemptsExhaustedError.
        """
        count = await self.begin(account, address)
        try:
            yield
        except BaseException:
            await self._attempts.give_back(count_key(account, address), count)
            raise

    async def begin(self, account: str, address: str) -> Count:
        """Counts an attempt before it is made.

        Raises:
            AttemptsExhaustedError.
        """
        count = await self._attempts.begin(count_key(account, address), self._window_seconds)
        if count.attempts > self._failed_max:
            raise AttemptsExhaustedError(count.seconds_left)
        return count

    async def succeeded(self, account: str, address: str) -> None:
        """Forgets the failures."""
        await self._attempts.forget(count_key(account, address))


def count_key(account: str, address: str, kind: str = "") -> str:
    """Returns the key of a count; what it is of cannot be read from it.

    Args:
        account: whom it is about.
        address: of the client; of an IPv6 address the network counts.
        kind: what is counted, where that is not wrong passwords.
    """
    # An address has no business in a cache's memory or log.
    return hashlib.sha256(f"{kind}{account}\0{_holder(address)}".encode()).hexdigest()


def _holder(address: str) -> str:
    """Returns what one client cannot leave by taking another address of its own."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if not isinstance(read, IPv6Address):
        return str(read)
    if read.ipv4_mapped is not None:  # all of them are in one /64
        return str(read.ipv4_mapped)
    return str(IPv6Network((int(read), _IPV6_PREFIX), strict=False))
