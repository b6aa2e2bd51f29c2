"""Aim: what the gateway has answered is reported, and nobody's answer ever waits for that.

Method: a real gateway over real channels, stand-ins behind it, and an ActivityService that can be
away, slow, or of another opinion.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from sonica.user.v1 import activity_pb2
from sonica.user.v1 import activity_service_pb2 as activity_pb
from sonica.user.v1 import activity_service_pb2_grpc as activity_grpc

from gateway import activity, server
from gateway.settings import Settings
from mesh.runtime.channels import open_channel
from mesh.runtime.errors import ServiceError
from mesh.runtime.serve import Registration
from mesh.runtime.testing import serving
from tests.mesh.stand_ins import StandIns

ADA = "users/00000000-0000-4000-8000-00000000000a"
CALLER = (("x-sonica-user", ADA), ("x-sonica-key", "0123456789abcdef"))
# Long for an answer, short for a report that hangs.
PATIENCE_SECONDS = 60.0


class AwayError(ServiceError):
    code = grpc.StatusCode.UNAVAILABLE
    reason = "STORE_UNREACHABLE"
    domain = "sonica.user"


class RefusedError(ServiceError):
    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "VALIDATION_FAILED"
    domain = "sonica.user"


class ActivityStandIn(activity_grpc.ActivityServiceServicer):
    """Keeps what is reported; `gate` lets reports in, `refuses` names those it does not take."""

    def __init__(self) -> None:
        self.taken: list[activity_pb2.Activity] = []
        self.batch_sizes: list[int] = []
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuses: Callable[[activity_pb2.Activity], bool] = lambda _: False
        self.asked = asyncio.Event()
        self._grown = asyncio.Condition()

    async def ReportActivity(self, request: Any, context: Any) -> Any:
        self.asked.set()
        await self.gate.wait()
        if self.away:
            raise AwayError("away")
        if any(map(self.refuses, request.activities)):
            raise RefusedError("no")
        self.batch_sizes.append(len(request.activities))
        async with self._grown:
            self.taken += request.activities
            self._grown.notify_all()
        return activity_pb.ReportActivityResponse()

    async def has(self, count: int) -> list[activity_pb2.Activity]:
        """Waits until so many were taken."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._grown:
            await self._grown.wait_for(lambda: len(self.taken) >= count)
        return self.taken


class Parts:
    """A gateway and what is behind it."""

    def __init__(self, stub: Any, behind: StandIns, users: ActivityStandIn) -> None:
        self.stub = stub
        self.behind = behind
        self.users = users

    async def recognize(self, content: bytes, metadata: Any = CALLER) -> pb.RecognizeResponse:
        request = pb.RecognizeRequest(audio={"content": content})
        response: pb.RecognizeResponse = await self.stub.Recognize(request, metadata=metadata)
        return response


@asynccontextmanager
async def parts() -> AsyncIterator[Parts]:
    behind, users = StandIns(), ActivityStandIn()
    services = [
        *behind.fingerprint_registrations(),
        *behind.match_registrations(),
        Registration(
            activity_grpc.add_ActivityServiceServicer_to_server,
            users,
            "sonica.user.v1.ActivityService",
        ),
    ]
    async with (
        serving(services) as mesh,
        server.build(Settings(mesh_address=mesh)) as registrations,
        serving(registrations) as target,
        open_channel(target) as channel,
    ):
        yield Parts(RecognitionServiceStub(channel), behind, users)


async def test_a_recognition_is_reported_as_it_was_answered() -> None:
    async with parts() as gateway:
        response = await gateway.recognize(b"k" * 5000)
        await gateway.recognize(b"1" * 5000)
        first, second = await gateway.users.has(2)
        assert (first.user, first.api_key_id) == (ADA, "0123456789abcdef")
        assert first.trace_id == response.trace_id
        assert first.recognition.clip_duration == response.analysed_duration
        (match,) = first.recognition.matches
        assert (match.track_id, match.title) == ("k", "K")
        assert match.score == response.matches[0].score
        assert not second.recognition.matches
        assert first.activity_id != second.activity_id


async def test_nothing_is_reported_for_nobody_or_of_a_failure() -> None:
    async with parts() as gateway:
        for user in (None, "", "users/me", "users/1", f"{ADA}/apiKeys/1", "root"):
            await gateway.recognize(b"k" * 5000, [("x-sonica-user", user)] if user else ())
        with pytest.raises(grpc.aio.AioRpcError):
            await gateway.recognize(b"BAD" * 100)
        odd_key = (("x-sonica-user", "operator"), ("x-sonica-key", "x"))
        await gateway.recognize(b"z" * 5000, odd_key)
        (only,) = await gateway.users.has(1)
        assert (only.user, only.api_key_id) == ("operator", "")
        assert only.recognition.matches[0].track_id == "z"


async def test_a_stream_is_one_recognition() -> None:
    async with parts() as gateway:

        async def requests() -> AsyncIterator[pb.StreamingRecognizeRequest]:
            yield pb.StreamingRecognizeRequest(config={})
            for _ in range(8):
                yield pb.StreamingRecognizeRequest(chunk=b"q" * 1000)

        call = gateway.stub.StreamingRecognize(requests(), metadata=CALLER)
        responses = [response async for response in call]
        await gateway.recognize(b"k" * 5000)
        streamed, _ = await gateway.users.has(2)
        assert streamed.recognition.matches[0].track_id == "q"
        assert streamed.recognition.clip_duration == responses[-1].analysed_duration


async def test_a_track_is_ready_once() -> None:
    async with parts() as gateway:
        request = pb.RegisterTrackRequest(
            audio={"content": b"k" * 5000}, track={"title": "Yaman", "external_id": "y-1"}
        )
        for _ in range(2):
            await gateway.stub.RegisterTrack(request, metadata=CALLER)
        await gateway.recognize(b"k" * 5000)
        ready, _ = await gateway.users.has(2)
        assert ready.track_ready.title == "Yaman"
        assert ready.track_ready.external_id == "y-1"
        assert ready.track_ready.track_id


@pytest.mark.parametrize("whole", [True, False])
async def test_an_import_is_told_with_its_counts(whole: bool) -> None:
    async with parts() as gateway:

        async def requests() -> AsyncIterator[pb.ImportTracksRequest]:
            for number, content in enumerate((b"a" * 5000, b"b" * 5000, b"a" * 5000, b"BAD")):
                yield pb.ImportTracksRequest(item={"item_id": str(number)})
                yield pb.ImportTracksRequest(chunk=content)
                yield pb.ImportTracksRequest(end_of_item={})
            if not whole:
                yield pb.ImportTracksRequest(chunk=b"out of order")

        call = gateway.stub.ImportTracks(requests(), metadata=CALLER)
        if whole:
            assert [response async for response in call]
        else:
            with pytest.raises(grpc.aio.AioRpcError):
                assert [response async for response in call]
        (told,) = await gateway.users.has(1)
        assert told.import_finished == activity_pb2.ImportFinishedActivity(
            registered_count=2, already_registered_count=1, failed_count=1, interrupted=not whole
        )


async def test_no_answer_waits_for_a_report_that_hangs() -> None:
    async with parts() as gateway:
        gateway.users.gate.clear()
        await gateway.recognize(b"a" * 5000)
        await asyncio.wait_for(gateway.users.asked.wait(), PATIENCE_SECONDS)
        for _ in range(20):
            await gateway.recognize(b"b" * 5000)
        assert gateway.users.taken == []
        gateway.users.gate.set()
        told = await gateway.users.has(21)
        assert [each.recognition.matches[0].track_id for each in told] == ["a"] + ["b"] * 20
        assert max(gateway.users.batch_sizes) > 1


async def test_what_one_report_is_refused_for_costs_no_other_its_place() -> None:
    async with parts() as gateway:
        gateway.users.gate.clear()
        gateway.users.refuses = lambda each: not each.recognition.matches
        await gateway.recognize(b"a" * 5000)
        await asyncio.wait_for(gateway.users.asked.wait(), PATIENCE_SECONDS)
        for content in (b"b" * 5000, b"1" * 5000, b"c" * 5000):
            await gateway.recognize(content)
        gateway.users.gate.set()
        told = await gateway.users.has(3)
        assert [each.recognition.matches[0].track_id for each in told] == ["a", "b", "c"]


async def test_while_user_svc_is_away_the_newest_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(activity, "_WAITING_MAX", 5)
    monkeypatch.setattr(activity, "_PAUSE_SECONDS", 0.01)
    async with parts() as gateway:
        gateway.users.away = True
        for number in range(12):
            await gateway.recognize(bytes([ord("a") + number]) * 5000)
        gateway.users.away = False
        # The one that was being sent, and as many as the queue holds.
        told = await gateway.users.has(6)
        await gateway.recognize(b"z" * 5000)
        await gateway.users.has(7)
        assert [each.recognition.matches[0].track_id for each in told] == list("ahijklz")
        assert len({each.activity_id for each in told}) == len(told)


async def test_what_waits_at_the_end_is_sent() -> None:
    async with parts() as gateway:
        users = gateway.users
        users.gate.clear()
        for content in (b"a" * 5000, b"b" * 5000):
            await gateway.recognize(content)
        asyncio.get_running_loop().call_later(0.2, users.gate.set)
    assert len(users.taken) == 2


async def test_the_end_does_not_wait_for_a_user_svc_that_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "_FLUSH_SECONDS_MAX", 0.3)
    async with parts() as gateway:
        gateway.users.away = True
        for _ in range(3):
            await gateway.recognize(b"a" * 5000)
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE_SECONDS / 2
    assert "3 reports of activity were given up at the end" in caplog.text
