"""Aim: no caller has more streams than may be, whoever they say they are, and places come back.

Method: contexts that only have metadata, as the edge writes it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from gateway.errors import TooManyStreamsError
from gateway.stream_places import StreamPlaces

ADA = "users/00000000-0000-4000-8000-000000000000"
EACH, UNNAMED = 2, 3


class Context:
    def __init__(self, address: str, user: str) -> None:
        self._metadata = {"x-sonica-address": address, "x-sonica-user": user}

    def invocation_metadata(self) -> Any:
        return [(name, value) for name, value in self._metadata.items() if value]


def at(address: str, user: str = "") -> Context:
    return Context(address, user)


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (at("192.0.2.1"), at("::ffff:192.0.2.1"), at("192.0.2.2")),
        (at("2001:db8::1"), at("2001:db8::ffff:2"), at("2001:db8:0:1::1")),
        (at("192.0.2.1", ADA), at("192.0.2.9", ADA), at("192.0.2.1")),
    ],
    ids=["ipv4", "ipv6", "account"],
)
def test_each_caller_has_so_many(one: Context, same: Context, other: Context) -> None:
    places = StreamPlaces(EACH, UNNAMED)
    for _ in range(2):
        with ExitStack() as stack:
            stack.enter_context(places.taken(one))
            stack.enter_context(places.taken(same))
            with pytest.raises(TooManyStreamsError) as refused, places.taken(one):
                pass
            assert refused.value.metadata == {"limit": str(EACH)}
            stack.enter_context(places.taken(other))


def test_addresses_together_leave_room_for_accounts() -> None:
    places = StreamPlaces(EACH, UNNAMED)
    with ExitStack() as stack:
        for number in range(UNNAMED):
            stack.enter_context(places.taken(at(f"192.0.2.{number}")))
        with pytest.raises(TooManyStreamsError), places.taken(at("192.0.2.99")):
            pass
        stack.enter_context(places.taken(at("192.0.2.99", ADA)))


@pytest.mark.parametrize("caller", [at(""), at("no address"), at("192.0.2.1", "operator")])
def test_the_operator_and_an_open_mesh_are_not_counted(caller: Context) -> None:
    places = StreamPlaces(EACH, UNNAMED)
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(places.taken(caller))
