"""Looks names up: bounded in time, one look-up of a name at once, and never waiting for room.

A name server of a stranger may take as long as it likes, and a look-up cannot be stopped. It costs
its own name one thread of ours, and nobody else anything.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[Address]]

# Threads of ours, not those the rest of the process resolves with.
_NAMES_MAX = 64
_SECONDS_MAX = 3.0


class ResolverFullError(Exception):
    """So many look-ups are under way that another has to wait; no fault of the name's."""


class NameUnknownError(Exception):
    """A name has no address, or its name server does not say so in time."""


def resolve(host: str, port: int) -> list[Address]:
    """Returns all addresses of a name; blocks.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(entry[4][0]) for entry in found]


class Resolver:
    """Looks names up in threads.

    Args:
        threads: as many as `names_max`.
        find: returns all addresses of a name; may block.
        names_max: looked up at once.
        seconds_max: longest wait for one.
    """

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        find: Resolve,
        names_max: int = _NAMES_MAX,
        seconds_max: float = _SECONDS_MAX,
    ) -> None:
        self._threads = threads
        self._find = find
        self._names_max = names_max
        self._seconds_max = seconds_max
        self._under_way: dict[str, asyncio.Future[Sequence[Address]]] = {}

    async def look_up(self, host: str, port: int) -> Sequence[Address]:
        """Returns all addresses of a name; who asks while it is looked up gets that answer.

        Raises:
            NameUnknownError, ResolverFullError.
        """
        answer = self._under_way.get(host) or self._begin(host, port)
        try:
            async with asyncio.timeout(self._seconds_max):
                return await asyncio.shield(answer)
        except TimeoutError as error:  # also what the system calls a resolver that gave up
            raise NameUnknownError("the name server does not answer") from error
        except (OSError, UnicodeError) as error:
            raise NameUnknownError("the name has no address") from error

    def _begin(self, host: str, port: int) -> asyncio.Future[Sequence[Address]]:
        if len(self._under_way) >= self._names_max:
            raise ResolverFullError
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._threads, self._find, host, port)
        self._under_way[host] = answer
        answer.add_done_callback(lambda done: self._ended(host, done))
        return answer

    def _ended(self, host: str, answer: asyncio.Future[Sequence[Address]]) -> None:
        del self._under_way[host]
        if not answer.cancelled():
            answer.exception()  # else asyncio complains when nobody was left to take it


@asynccontextmanager
async def open_resolver(find: Resolve = resolve) -> AsyncIterator[Resolver]:
    """Yields a resolver; what still blocks at the end is not waited for."""
    threads = ThreadPoolExecutor(_NAMES_MAX, "resolver")
    try:
        yield Resolver(threads, find)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
