"""Aim: what breaks behind Envoy costs no idempotent call, and is never hidden or repeated wrongly.

Method: real processes are killed; stand-ins fail on demand and count how often they were asked.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from sonica.fingerprint.v1.fingerprint_pb2 import Fingerprint
from sonica.fingerprint.v1.fingerprint_service_pb2 import StreamFingerprintRequest
from sonica.fingerprint.v1.fingerprint_service_pb2_grpc import FingerprintServiceStub
from sonica.matching.v1 import matching_service_pb2 as matching
from sonica.matching.v1.matching_service_pb2_grpc import MatchingServiceStub

from mesh.runtime.errors import from_rpc_error
from tests.mesh import rig as rigs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).resolve().parents[2]


def search(first: bytes = b"k") -> matching.FindMatchesRequest:
    rows = 20
    return matching.FindMatchesRequest(
        fingerprint=Fingerprint(
            algorithm_version=1,
            purpose="FINGERPRINT_PURPOSE_QUERY",
            vectors_f16le=first * (256 * rows),
            active_windows=b"\x01" * rows,
        )
    )


@asynccontextmanager
async def replica(address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.mesh.replica",
        address,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk' / 'python'}"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_killed_replica_costs_no_idempotent_call() -> None:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(rigs.temporary_folder())
        addresses = (f"unix:{folder}/one", f"unix:{folder}/two")
        first, _ = [await stack.enter_async_context(replica(address)) for address in addresses]
        rig = await stack.enter_async_context(rigs.running_mesh(match=addresses))
        await rig.healthy("match", 2)
        stub = MatchingServiceStub(rig.inside)
        outcomes: Counter[grpc.StatusCode] = Counter()

        async def caller() -> None:
            for _ in range(60):
                outcomes[await stub.FindMatches(search(), timeout=60).code()] += 1
                if outcomes.total() == 100:
                    first.send_signal(signal.SIGKILL)

        await asyncio.gather(*(caller() for _ in range(8)))
        assert outcomes == {grpc.StatusCode.OK: 480}


async def test_readiness_ends_with_the_only_replica() -> None:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(rigs.temporary_folder())
        address = f"unix:{folder}/one"
        only = await stack.enter_async_context(replica(address))
        rig = await stack.enter_async_context(rigs.running_mesh(match=(address,)))
        only.kill()
        await only.wait()
        answer = await rig.rest.get("/v1/tracks")
        assert answer.status_code == 503
        assert answer.json()["details"][0]["reason"] == "UPSTREAM_UNAVAILABLE"
        deadline = time.monotonic() + 60
        while (await rig.rest.get("/healthz")).status_code == 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def test_idempotent_calls_are_repeated_and_others_are_not() -> None:
    async with rigs.running_mesh() as rig:
        services = rig.services
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await MatchingServiceStub(rig.inside).FindMatches(search(b"!"), timeout=60)
        error = from_rpc_error(raised.value)
        assert error is not None
        assert error.reason == "INDEX_UNREACHABLE"
        assert services.matching.calls["FindMatches"] == 3

        answer = await rig.rest.post("/v1/recognize", content=b"!" * 5000)
        assert answer.json()["details"][0]["reason"] == "INDEX_UNREACHABLE"
        # The edge adds no repetitions of its own to those of the mesh.
        assert services.matching.calls["FindMatches"] == 6

        stream = FingerprintServiceStub(rig.inside).StreamFingerprint(timeout=60)
        await stream.write(
            StreamFingerprintRequest(
                config={"extraction": {"purpose": "FINGERPRINT_PURPOSE_REFERENCE"}}
            )
        )
        await stream.write(StreamFingerprintRequest(chunk=b"FAIL"))
        assert await stream.code() is grpc.StatusCode.UNAVAILABLE
        assert services.fingerprint.calls["StreamFingerprint"] == 1

        services.catalog.failing = True
        stub = CatalogServiceStub(rig.edge)
        delete = stub.DeleteTrack(catalog.DeleteTrackRequest(track_id="x"), timeout=60)
        assert await delete.code() is grpc.StatusCode.UNAVAILABLE
        assert services.catalog.calls["DeleteTrack"] == 1
        get = stub.GetTrack(catalog.GetTrackRequest(track_id="x"), timeout=60)
        assert await get.code() is grpc.StatusCode.UNAVAILABLE
        assert services.catalog.calls["GetTrack"] == 3


async def test_more_calls_than_a_service_takes_fail_at_once() -> None:
    async with rigs.running_mesh(max_calls=4) as rig:
        rig.services.matching.search_seconds = 600
        stub = MatchingServiceStub(rig.inside)
        calls = [stub.FindMatches(search(), timeout=120) for _ in range(12)]
        codes = [asyncio.ensure_future(call.code()) for call in calls]
        refused: set[asyncio.Future[grpc.StatusCode]] = set()
        async with asyncio.timeout(60):
            while len(refused) < 8:
                refused, _ = await asyncio.wait(codes, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(0.01)
            while rig.services.matching.running < 4:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        assert {code.result() for code in refused} == {grpc.StatusCode.UNAVAILABLE}
        assert len(refused) == 8
        assert rig.services.matching.running == rig.services.matching.running_max == 4
        for call in calls:
            call.cancel()
        await asyncio.gather(*codes)


async def test_second_envoy_on_a_taken_port_says_so_and_ends() -> None:
    async with rigs.running_mesh() as rig:
        with rigs.temporary_folder() as folder:
            plan = rigs.plan_in(folder, edge=rig.plan.edge)
            second = await rigs.start_envoy(plan, folder)
            try:
                _, errors = await asyncio.wait_for(second.communicate(), 60)
            finally:
                if second.returncode is None:
                    second.kill()
            assert second.returncode
            assert b"Address already in use" in errors
        assert (await rig.rest.get("/healthz")).status_code == 200


async def test_envoy_that_is_told_to_drain_is_no_longer_ready() -> None:
    async with rigs.running_mesh() as rig:
        assert (await rig.admin.get("/ready")).status_code == 200
        await rig.admin.post("/healthcheck/fail")
        assert (await rig.rest.get("/healthz")).status_code == 503
        assert (await rig.rest.get("/v1/tracks")).status_code == 200
