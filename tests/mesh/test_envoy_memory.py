"""Aim: bodies that wait to be whole never take more memory than Envoy may have.

Method: a real Envoy with little memory; calls bring messages and do not end.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from grpc.aio import AioRpcError

from mesh.runtime.channels import open_channel
from tests.mesh.rig import Rig, running_mesh
from tests.mesh.test_envoy_edge import CLIP, MEBIBYTE, reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECOGNIZE = "/sonica.recognition.v1.RecognitionService/Recognize"
HEAP_BYTES = 128 * MEBIBYTE
# What comes between two looks at the memory.
MORE_BYTES = 64 * MEBIBYTE


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with running_mesh(max_heap_bytes=HEAP_BYTES) as running:
        yield running


async def unfinished(rig: Rig, count: int, size: int) -> tuple[int, httpx.Response]:
    """Brings messages in calls that do not end, until another is refused or there are `count`.

    Returns the most memory that Envoy had meanwhile, and its last answer to the others.
    """
    highest = 0
    calls: list[Any] = []
    async with open_channel(rig.plan.edge) as channel:
        for _ in range(count):
            call = channel.stream_unary(RECOGNIZE)(timeout=120)
            calls.append(call)
            with suppress(AioRpcError, asyncio.InvalidStateError):
                await asyncio.wait_for(call.write(b"k" * size), 60)
            memory = await rig.admin.get("/memory")
            highest = max(highest, int(memory.json()["allocated"]))
            other = await rig.rest.get("/v1/tracks")
            if other.status_code == 503:
                break
        for call in calls:
            call.cancel()
    return highest, other


async def served_again(rig: Rig) -> None:
    async def served() -> bool:
        return (await rig.rest.post("/v1/recognize", content=CLIP)).status_code == 200

    async with asyncio.timeout(60):
        while not await served():  # noqa: ASYNC110 - Envoy has no event for it
            await asyncio.sleep(0.1)


async def test_the_largest_bodies_go_before_memory_does(rig: Rig) -> None:
    highest, _ = await unfinished(rig, 40, 15 * MEBIBYTE)
    assert HEAP_BYTES / 2 < highest < HEAP_BYTES + MORE_BYTES
    await served_again(rig)


async def test_without_memory_calls_are_refused_typed(rig: Rig) -> None:
    # Too small, each of them, to be ended before others.
    highest, refused = await unfinished(rig, 240, MEBIBYTE * 9 // 10)
    assert highest < HEAP_BYTES + MORE_BYTES
    assert refused.status_code == 503
    assert reason(refused.json()) == ("UPSTREAM_UNAVAILABLE", "sonica.edge", 14)
    await served_again(rig)
