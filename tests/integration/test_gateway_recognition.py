"""Aim: Recognize and RegisterTrack compose the services, and change nothing of what they say.

Method: a real gateway over real servers of stand-ins, without a proxy between them.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from sonica.catalog.v1.track_pb2 import (
    REGISTRATION_OUTCOME_ALREADY_REGISTERED,
    REGISTRATION_OUTCOME_REGISTERED,
)
from sonica.fingerprint.v1.fingerprint_pb2 import Fingerprint
from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub

from gateway.fingerprints import QUERY_WINDOWS_MAX
from gateway.server import build
from gateway.settings import Settings
from mesh.runtime.channels import open_channel
from mesh.runtime.errors import ServiceError, from_rpc_error
from mesh.runtime.testing import serving
from tests.mesh.stand_ins import ROW_BYTES, StandIns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CLIP = b"k" * 5_000


@dataclass
class Running:
    stub: Any
    services: StandIns


@asynccontextmanager
async def running_gateway() -> AsyncIterator[Running]:
    services = StandIns()
    behind = [*services.fingerprint_registrations(), *services.match_registrations()]
    async with (
        serving(behind) as mesh,
        build(Settings(mesh_address=mesh)) as registrations,
        serving(registrations) as target,
        # A plain channel may lose the status of a stream that the server ends first.
        open_channel(target) as channel,
    ):
        yield Running(RecognitionServiceStub(channel), services)


async def failure(call: Any) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    error = from_rpc_error(raised.value)
    assert error is not None
    return error


async def test_clip_is_answered_with_its_timing_and_trace() -> None:
    async with running_gateway() as gateway:
        answer = await gateway.stub.Recognize(pb.RecognizeRequest(audio={"content": CLIP}))
    assert [match.track.track_id for match in answer.matches] == ["k"]
    assert answer.analysed_duration.seconds == 5
    timing = answer.timing
    assert timing.decode_duration.nanos == 2_000_000
    assert timing.extract_duration.nanos == 1_000_000
    assert timing.search_duration.nanos == 3_000_000
    assert timing.total_duration.ToNanoseconds() > 0
    assert int(answer.trace_id, 16)


async def test_upload_is_the_same_as_audio() -> None:
    async with running_gateway() as gateway:
        answer = await gateway.stub.Recognize(pb.RecognizeRequest(upload={"data": CLIP}))
    assert [match.track.track_id for match in answer.matches] == ["k"]


async def test_start_offset_reaches_the_extraction() -> None:
    async with running_gateway() as gateway:
        answer = await gateway.stub.Recognize(
            pb.RecognizeRequest(audio={"content": CLIP}, start_offset={"seconds": 4})
        )
    assert answer.analysed_duration.seconds == 1
    assert not answer.matches


async def test_rejected_candidates_come_when_asked_for() -> None:
    async with running_gateway() as gateway:
        request = pb.RecognizeRequest(audio={"content": b"0" * 5000}, include_rejected=True)
        answer = await gateway.stub.Recognize(request)
    assert not answer.matches
    assert [match.track.track_id for match in answer.rejected] == ["0"]


async def test_audio_without_a_window_is_an_empty_answer_without_a_search() -> None:
    async with running_gateway() as gateway:
        answer = await gateway.stub.Recognize(pb.RecognizeRequest(audio={"content": b"k" * 500}))
        assert not answer.matches
        assert answer.analysed_duration.nanos == 500_000_000
        assert gateway.services.matching.calls["FindMatches"] == 0


async def test_fingerprint_is_searched_for_in_its_first_512_windows() -> None:
    rows = 600
    landmarks = b"".join(frame.to_bytes(4, "little") + b"hash" for frame in (0, 2067, 2068, 4000))
    fingerprint = Fingerprint(
        algorithm_version=1,
        purpose="FINGERPRINT_PURPOSE_QUERY",
        vectors_f16le=b"k" * (ROW_BYTES * rows),
        active_windows=b"\1" * rows,
        landmarks=landmarks,
    )
    async with running_gateway() as gateway:
        answer = await gateway.stub.Recognize(pb.RecognizeRequest(fingerprint=fingerprint))
        assert [match.track.track_id for match in answer.matches] == ["k"]
        assert gateway.services.matching.row_counts == [QUERY_WINDOWS_MAX]
        assert gateway.services.fingerprint.calls.total() == 0


async def test_errors_of_services_pass_unchanged() -> None:
    async with running_gateway() as gateway:
        unreadable = await failure(
            gateway.stub.Recognize(pb.RecognizeRequest(audio={"content": b"BAD"}))
        )
        unreachable = await failure(
            gateway.stub.Recognize(pb.RecognizeRequest(audio={"content": b"!" * 5000}))
        )
    assert (unreadable.code, unreadable.reason, unreadable.domain, unreadable.metadata) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "AUDIO_UNREADABLE",
        "sonica.fingerprint",
        {"byte_count": "3"},
    )
    assert (unreachable.reason, unreachable.domain) == ("INDEX_UNREACHABLE", "sonica.matching")


async def test_request_without_audio_is_refused() -> None:
    async with running_gateway() as gateway:
        nothing = await failure(gateway.stub.Recognize(pb.RecognizeRequest()))
        empty = await failure(gateway.stub.Recognize(pb.RecognizeRequest(upload={"data": b""})))
        large = await failure(
            gateway.stub.Recognize(pb.RecognizeRequest(upload={"data": bytes(16 * 2**20 + 1)}))
        )
    assert nothing.code is empty.code is grpc.StatusCode.INVALID_ARGUMENT
    assert empty.reason == "SOURCE_MISSING"
    assert (large.reason, large.metadata["byte_count"]) == ("AUDIO_TOO_LARGE", "16777217")


async def test_mesh_that_is_gone_is_a_typed_error() -> None:
    async with (
        build(Settings(mesh_address="unix:/nowhere")) as registrations,
        serving(registrations) as target,
        grpc.aio.insecure_channel(target) as channel,
    ):
        stub = RecognitionServiceStub(channel)
        error = await failure(stub.Recognize(pb.RecognizeRequest(audio={"content": CLIP})))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE")


async def test_registration_stores_what_was_sent() -> None:
    content = bytes(range(97, 123)) * 10_000
    request = pb.RegisterTrackRequest(audio={"content": content}, track={"title": "Raga"})
    async with running_gateway() as gateway:
        first = await gateway.stub.RegisterTrack(request)
        again = await gateway.stub.RegisterTrack(request)
    assert first.outcome == REGISTRATION_OUTCOME_REGISTERED
    assert again.outcome == REGISTRATION_OUTCOME_ALREADY_REGISTERED
    assert again.track == first.track
    assert first.track.title == "Raga"
    assert first.track.duration.seconds == 260


async def test_registration_of_what_cannot_be_read_stores_nothing() -> None:
    async with running_gateway() as gateway:
        for _ in range(20):
            request = pb.RegisterTrackRequest(upload={"data": b"BAD" + bytes(2_000_000)})
            error = await failure(gateway.stub.RegisterTrack(request))
            assert error.reason == "AUDIO_UNREADABLE"
        assert gateway.services.catalog.calls["CreateTrack"] == 0
