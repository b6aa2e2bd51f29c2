"""Aim: a name server that hangs costs its own name a thread, for a while, and nobody else anything.

Method: a look-up of the test's that blocks for as long as the test wants.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest

from user_svc.webhooks.resolver import (
    Address,
    NameUnknownError,
    Resolver,
    ResolverFullError,
)


class Blocking:
    """Answers names that begin with `slow` only once `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> list[Address]:
        self.asked.append(host)
        if host.startswith("slow"):
            self.go.wait()
        return [ip_address("1.1.1.1")]


@pytest.fixture
def names() -> Iterator[Blocking]:
    made = Blocking()
    yield made
    made.go.set()


def resolver(names: Blocking, names_max: int, seconds_max: float) -> Resolver:
    return Resolver(ThreadPoolExecutor(names_max), names, names_max, seconds_max)


async def test_a_hanging_name_is_looked_up_once_and_given_up(names: Blocking) -> None:
    looking = resolver(names, 2, 0.2)
    for _ in range(3):
        ended = await asyncio.gather(
            *(looking.look_up("slow.example", 443) for _ in range(10)), return_exceptions=True
        )
        assert {str(error) for error in ended} == {"the name server does not answer"}
        assert all(isinstance(error, NameUnknownError) for error in ended)
    assert await looking.look_up("quick.example", 443) == [ip_address("1.1.1.1")]
    assert names.asked == ["slow.example", "quick.example"]


async def test_without_room_nobody_waits_and_room_comes_back(names: Blocking) -> None:
    looking = resolver(names, 2, 60.0)
    slow = [asyncio.create_task(looking.look_up(f"slow{n}.example", 443)) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(ResolverFullError):
        await looking.look_up("quick.example", 443)
    names.go.set()
    await asyncio.gather(*slow)
    assert await looking.look_up("quick.example", 443)


async def test_a_name_without_an_address() -> None:
    def none(_host: str, _port: int) -> list[Address]:
        raise OSError("Name or service not known")

    with pytest.raises(NameUnknownError, match="has no address"):
        await Resolver(ThreadPoolExecutor(1), none).look_up("none.example", 443)
