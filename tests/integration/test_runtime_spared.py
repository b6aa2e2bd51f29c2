"""Aim: calls of a spared service always find a place, and have a bound too.

Method: a real grpc.aio server with two echo services, one of them spared.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import grpc
import pytest

from mesh.runtime.channels import open_channel
from mesh.runtime.testing import serving
from tests.integration.test_runtime_boundary import Echo, EchoHandler, echo, entered, has_entered

SPARED = "sonica.testing.v1.SparedService"


async def test_calls_of_a_spared_service_have_places_of_their_own() -> None:
    entered.clear()
    both = [echo(EchoHandler()), replace(echo(EchoHandler(SPARED)), spared=True)]
    async with serving(both, max_concurrent_rpcs=2) as target, open_channel(target) as channel:
        client, other = Echo(channel), Echo(channel, SPARED)
        slow = [asyncio.create_task(client.call("unary_unary", "slow")) for _ in range(2)]
        await has_entered("slow", 2)
        with pytest.raises(grpc.aio.AioRpcError):
            await client.call("unary_unary", "hello")
        assert await other.call("unary_unary", "hello")
        more = [asyncio.create_task(other.call("unary_unary", "slow")) for _ in range(2)]
        await has_entered("slow", 4)
        with pytest.raises(grpc.aio.AioRpcError):
            await other.call("unary_unary", "hello")
        for call in (*slow, *more):
            call.cancel()
        await asyncio.gather(*slow, *more, return_exceptions=True)
