"""Aim: every call has a deadline that the service sees and that ends as DEADLINE_EXCEEDED.

Method: a real mesh; stand-ins report the time they were given. Where a status is looked at, the
caller has no timer of its own, so that the status is the mesh's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
import pytest_asyncio
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from sonica.fingerprint.v1 import fingerprint_service_pb2 as fingerprint
from sonica.fingerprint.v1.fingerprint_service_pb2_grpc import FingerprintServiceStub
from sonica.recognition.v1 import recognition_service_pb2 as recognition
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub

from tests.mesh.rig import Rig, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIP = b"k" * 5_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with running_mesh() as running:
        yield running


@pytest.mark.parametrize(
    ("asked", "given"), [(None, 10), (7, 7), (500, 30)], ids=["none", "shorter", "longer"]
)
async def test_service_sees_the_callers_deadline_within_bounds(
    rig: Rig, asked: float | None, given: float
) -> None:
    await CatalogServiceStub(rig.edge).ListTracks(catalog.ListTracksRequest(), timeout=asked)
    remaining = rig.services.catalog.remaining_seconds
    assert remaining is not None
    # A busy machine needs some of it for the way; grpc rounds it up by as much as 1 %.
    assert given - 2.5 < remaining < given * 1.02


async def test_extraction_leaves_time_for_the_search(rig: Rig) -> None:
    request = recognition.RecognizeRequest(audio={"content": CLIP})
    await RecognitionServiceStub(rig.edge).Recognize(request, timeout=28)
    ends = [
        service.entered_at + (service.remaining_seconds or 0)
        for service in (rig.services.fingerprint, rig.services.matching)
    ]
    # A quarter of the time is kept for the search.
    assert ends[1] - ends[0] == pytest.approx(7, abs=3)


async def test_grpc_web_caller_gets_deadline_exceeded(rig: Rig) -> None:
    message = recognition.RecognizeRequest(audio={"content": b"HANG"}).SerializeToString()
    answer = await rig.rest.post(
        "/sonica.recognition.v1.RecognitionService/Recognize",
        headers={"content-type": "application/grpc-web+proto", "grpc-timeout": "300m"},
        content=b"\0" + len(message).to_bytes(4, "big") + message,
    )
    assert answer.headers.get("grpc-status") == "4" or b"grpc-status:4" in answer.content


async def test_rest_caller_gets_504(rig: Rig) -> None:
    answer = await rig.rest.post("/v1/recognize", content=b"HANG", headers={"grpc-timeout": "300m"})
    assert (answer.status_code, answer.json()["code"]) == (504, 4)


@pytest.mark.parametrize("hop", ["edge", "inside"])
async def test_the_end_of_a_deadline_ends_the_work(rig: Rig, hop: str) -> None:
    rig.services.fingerprint.cancelled.clear()
    if hop == "edge":
        call = RecognitionServiceStub(rig.edge).Recognize(
            recognition.RecognizeRequest(audio={"content": b"HANG"}), timeout=2
        )
    else:
        call = FingerprintServiceStub(rig.inside).ExtractFingerprint(
            fingerprint.ExtractFingerprintRequest(
                config={"purpose": "FINGERPRINT_PURPOSE_QUERY"}, audio={"content": b"HANG"}
            ),
            timeout=2,
        )
    assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(rig.services.fingerprint.cancelled.wait(), 60)


async def test_a_caller_who_leaves_ends_the_work(rig: Rig) -> None:
    services = rig.services
    services.matching.cancelled.clear()
    services.matching.entered.clear()
    services.matching.search_seconds = 600
    try:
        request = recognition.RecognizeRequest(audio={"content": CLIP})
        call = RecognitionServiceStub(rig.edge).Recognize(request)
        await asyncio.wait_for(services.matching.entered.wait(), 60)
        call.cancel()
        await asyncio.wait_for(services.matching.cancelled.wait(), 60)
    finally:
        services.matching.search_seconds = 0
