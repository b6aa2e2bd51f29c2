"""Aim: the gateway extracts by the extractor the catalogue is searched by, wherever that moves.

Method: a real gateway over stand-ins whose catalogue takes fingerprints of one version only.
"""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from sonica.catalog.v1.track_pb2 import (
    REGISTRATION_OUTCOME_ALREADY_REGISTERED,
    REGISTRATION_OUTCOME_REGISTERED,
)
from sonica.recognition.v1 import recognition_service_pb2 as pb

from mesh.runtime.errors import from_rpc_error
from tests.integration.test_gateway_import import END, chunk, reason, results
from tests.integration.test_gateway_recognition import CLIP, Running, failure, running_gateway

RECOGNIZE = pb.RecognizeRequest(audio={"content": CLIP})
REGISTER = pb.RegisterTrackRequest(audio={"content": CLIP}, track={"title": "Raga"})


def move(gateway: Running, version: int) -> None:
    """Moves the catalogue without telling the gateway."""
    gateway.services.matching.version = gateway.services.catalog.version = version


def versions(gateway: Running) -> list[int]:
    """Returns what was extracted since the last look."""
    seen = list(gateway.services.fingerprint.versions)
    gateway.services.fingerprint.versions.clear()
    return seen


async def recognized(gateway: Running) -> list[str]:
    answer = await gateway.stub.Recognize(RECOGNIZE)
    return [match.track.track_id for match in answer.matches]


async def test_the_version_is_asked_for_once() -> None:
    async with running_gateway() as gateway:
        move(gateway, 2)
        for _ in range(3):
            assert await recognized(gateway) == ["k"]
        await gateway.stub.RegisterTrack(REGISTER)
        assert versions(gateway) == [2] * 4
        assert gateway.services.catalog.calls["GetCatalogStatistics"] == 1


async def test_a_clip_is_extracted_again_when_the_catalogue_has_moved() -> None:
    async with running_gateway() as gateway:
        assert await recognized(gateway) == ["k"]
        move(gateway, 2)
        for _ in range(2):
            assert await recognized(gateway) == ["k"]
        assert versions(gateway) == [1, 1, 2, 2]
        # Learned from the refusal, not asked for.
        assert gateway.services.catalog.calls["GetCatalogStatistics"] == 1


async def test_both_extractions_share_one_deadline() -> None:
    async with running_gateway() as gateway:
        assert await recognized(gateway) == ["k"]
        move(gateway, 2)
        gateway.services.matching.search_seconds = 1.0  # a refusal takes as long
        await gateway.stub.Recognize(RECOGNIZE, timeout=10)
        left = gateway.services.fingerprint.remaining_seconds
        assert left is not None
        # Three quarters of the 9 s the first search has left; gRPC rounds deadlines up, by 3 %.
        assert 0 < left < 10 * 0.75 - 0.4


async def test_a_catalogue_that_moves_again_and_again_is_said_to() -> None:
    async with running_gateway() as gateway:
        gateway.services.matching.moves_to = [2, 1]
        error = await failure(gateway.stub.Recognize(RECOGNIZE))
        assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "CATALOG_MOVED")
        assert await recognized(gateway) == ["k"]


async def test_a_fingerprint_made_by_the_caller_is_refused_as_it_is() -> None:
    async with running_gateway() as gateway:
        move(gateway, 2)
        fingerprint = {
            "algorithm_version": 1,
            "purpose": "FINGERPRINT_PURPOSE_QUERY",
            "vectors_f16le": b"k" * 256,
            "active_windows": b"\1",
        }
        request = pb.RecognizeRequest(fingerprint=fingerprint)
        error = await failure(gateway.stub.Recognize(request))
        assert (error.code, error.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "ALGORITHM_MISMATCH",
        )
        assert error.metadata["catalog_algorithm_version"] == "2"
        assert gateway.services.fingerprint.calls.total() == 0


async def test_a_catalogue_that_cannot_say_is_asked_again() -> None:
    async with running_gateway() as gateway:
        gateway.services.catalog.failing = True
        assert await recognized(gateway) == ["k"]
        gateway.services.catalog.failing = False
        assert await recognized(gateway) == ["k"]
        assert versions(gateway) == [0, 1]


async def test_a_registration_is_analysed_again_when_the_catalogue_has_moved() -> None:
    async with running_gateway() as gateway:
        assert await recognized(gateway) == ["k"]
        move(gateway, 2)
        answer = await gateway.stub.RegisterTrack(REGISTER)
        assert answer.outcome == REGISTRATION_OUTCOME_REGISTERED
        assert versions(gateway) == [1, 1, 2]


async def test_a_version_asked_for_is_extracted_and_never_changed() -> None:
    async with running_gateway() as gateway:
        await gateway.stub.RegisterTrack(REGISTER)
        other = pb.RegisterTrackRequest(algorithm_version=2)
        other.MergeFrom(REGISTER)
        answer = await gateway.stub.RegisterTrack(other)
        assert answer.outcome == REGISTRATION_OUTCOME_ALREADY_REGISTERED
        other.audio.content = CLIP + b"new"
        error = await failure(gateway.stub.RegisterTrack(other))
        assert error.reason == "ALGORITHM_MISMATCH"
        assert versions(gateway) == [1, 2, 2]


def item(name: str, version: int = 0) -> list[pb.ImportTracksRequest]:
    begin = pb.ImportTracksRequest(item={"item_id": name, "algorithm_version": version})
    return [begin, chunk(name.encode() * 1000), END]


async def test_an_import_that_meets_the_move_says_so_and_goes_on() -> None:
    async with running_gateway() as gateway:
        assert [reason(r) for r in await results(gateway, item("a"))] == [""]
        move(gateway, 2)
        requests = [*item("b"), *item("c"), *item("a", 1), *item("d", 1)]
        got = await results(gateway, requests)
        assert [(r.item_id, reason(r)) for r in got] == [
            ("b", "CATALOG_MOVED"),
            ("c", ""),
            ("a", ""),
            ("d", "ALGORITHM_MISMATCH"),
        ]
        assert got[0].error.code == grpc.StatusCode.UNAVAILABLE.value[0]
        assert versions(gateway) == [1, 1, 2, 1, 1]


async def stream(gateway: Running, *chunks: bytes) -> list[pb.StreamingRecognizeResponse]:
    requests: list[Any] = [pb.StreamingRecognizeRequest(config={})]
    requests += [pb.StreamingRecognizeRequest(chunk=content) for content in chunks]
    return [r async for r in gateway.stub.StreamingRecognize(iter(requests), timeout=60)]


async def test_a_live_clip_that_meets_the_move_ends_as_one_to_begin_again() -> None:
    async with running_gateway() as gateway:
        assert await recognized(gateway) == ["k"]
        move(gateway, 2)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream(gateway, *[b"k" * 500] * 10)
        error = from_rpc_error(caught.value)
        assert error is not None
        assert (error.code, error.reason, error.metadata) == (
            grpc.StatusCode.UNAVAILABLE,
            "CATALOG_MOVED",
            {"algorithm_version": "2"},
        )
        answers = await stream(gateway, *[b"k" * 500] * 10)
        assert [match.track.track_id for match in answers[-1].matches] == ["k"]
        assert versions(gateway) == [1, 1, 2]
