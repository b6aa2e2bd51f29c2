"""Aim: calls are made in the caller's name, and a busy server is waited for as it asks.

Method: the edge of `edge.py` keeps the credentials it was shown and refuses as often as it is told.
"""

from __future__ import annotations

import base64
import json
import time

import grpc
import pytest
from sonica_client import Session, SonicaClient, SonicaError

from tests.unit.sonica_client.edge import Edge

Served = tuple[str, Edge]


def token(seconds: float) -> str:
    """Returns what looks like an access token that is good for so long."""
    claims = json.dumps({"exp": time.time() + seconds}).encode()
    return f"header.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.signature"


async def test_every_call_shows_the_key_then_the_session(served: Served) -> None:
    address, edge = served
    access_token = token(900)
    async with SonicaClient(address, api_key="sk_1_2") as client:
        for session in (None, Session(access_token, "refresh")):
            client.accounts.session = session
            await client.recognize(b"clip")
            assert [r async for r in client.recognize_stream([b"bytes"])]
            assert [r async for r in client.rebuild_index()]
    assert edge.credentials == ["sk_1_2"] * 3 + [f"Bearer {access_token}"] * 3


async def test_a_stream_refreshes_a_token_that_has_ended_before_it_begins(served: Served) -> None:
    address, edge = served
    async with SonicaClient(address) as client:
        client.accounts.session = Session(token(-1), "refresh")
        with pytest.raises(SonicaError) as caught:
            assert [r async for r in client.recognize_stream([b"bytes"])]
        assert caught.value.code is grpc.StatusCode.UNIMPLEMENTED, "this edge has no sessions"
    assert edge.calls == []


async def test_a_busy_server_is_waited_for_as_it_asks(client: SonicaClient, served: Served) -> None:
    served[1].busy_left = 2
    began = time.monotonic()
    await client.recognize(b"clip")
    assert served[1].calls == ["Recognize"] * 3
    assert time.monotonic() - began >= 0.1


async def test_a_busy_server_is_asked_three_times_at_most(
    client: SonicaClient, served: Served
) -> None:
    served[1].busy_left = 9
    with pytest.raises(SonicaError) as caught:
        await client.recognize(b"clip")
    assert len(served[1].calls) == 3
    assert caught.value.reason == "RATE_LIMITED"
    assert caught.value.retry_after_seconds == pytest.approx(0.05)
    assert caught.value.quotas == (("users/ada", "60 requests a minute"),)


@pytest.mark.parametrize(
    ("asks", "bound", "deadline"), [(None, 10, 30), (11, 10, 30), (0.05, 0, 30), (5, 10, 2)]
)
async def test_a_wait_without_end_or_beyond_the_bound_is_left_to_the_caller(
    served: Served, asks: float | None, bound: float, deadline: float
) -> None:
    served[1].busy_left, served[1].busy_seconds = 1, asks
    async with SonicaClient(served[0], busy_wait_seconds=bound) as client:
        with pytest.raises(SonicaError, match="60 a minute"):
            await client.recognize(b"clip", timeout_seconds=deadline)
    assert len(served[1].calls) == 1


async def test_a_deadline_that_passed_is_not_tried_again(
    client: SonicaClient, served: Served
) -> None:
    served[1].delay_seconds = 5
    with pytest.raises(SonicaError) as caught:
        await client.recognize(b"clip", timeout_seconds=0.2)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(served[1].calls) == 1
