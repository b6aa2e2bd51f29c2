"""Aim: a second look finds clips at other pitches, is sure of them, and costs nobody else anything.

Method: a real gateway over real servers of stand-ins, whose analysis at a pitch is another letter:
a clip of `]` is unknown, at the fourth pitch it is the track `a`. With real services behind it:
`test_second_look.py`.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub

from gateway import second_look
from gateway.second_look import PITCH_FACTORS, cautious
from gateway.server import build
from gateway.settings import Settings
from mesh.runtime.channels import open_channel
from mesh.runtime.testing import SpanRecorder, serving
from tests.integration.fingerprint_rig import eventually
from tests.mesh.stand_ins import StandIns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from mesh.runtime.serve import Registration

HIGHER = b"]" * 5_000
UNKNOWN = b"0" * 5_000
SURE = 0.9995


@asynccontextmanager
async def running_gateway(
    behind: Sequence[Registration], **settings: Any
) -> AsyncIterator[RecognitionServiceStub]:
    options = {"second_look": True, **settings}
    async with (
        serving(behind) as mesh,
        build(Settings(mesh_address=mesh, **options)) as registrations,
        serving(registrations) as target,
        open_channel(target) as channel,
    ):
        yield RecognitionServiceStub(channel)


@pytest.fixture
def services() -> StandIns:
    found = StandIns()
    found.matching.score = SURE
    return found


@asynccontextmanager
async def over(services: StandIns, **settings: Any) -> AsyncIterator[RecognitionServiceStub]:
    behind = [*services.fingerprint_registrations(), *services.match_registrations()]
    async with running_gateway(behind, **settings) as stub:
        yield stub


def asking(content: bytes, **fields: Any) -> pb.RecognizeRequest:
    return pb.RecognizeRequest(audio={"content": content}, **fields)


def names(answer: Any) -> list[str]:
    return [match.track.track_id for match in answer.matches]


def outcomes(recorder: SpanRecorder) -> list[Any]:
    spans = recorder.spans("second_look")
    return [(span.attributes or {}).get("sonica.second_look_outcome") for span in spans]


async def test_what_is_known_at_another_pitch_is_answered(services: StandIns) -> None:
    with SpanRecorder() as recorder:
        async with over(services) as stub:
            answer = await stub.Recognize(asking(HIGHER))
        accepted = {
            (span.attributes or {})["sonica.pitch_factor"]: (span.attributes or {})[
                "sonica.accepted"
            ]
            for span in recorder.spans("search_at_pitch")
        }
        assert outcomes(recorder) == ["recognised"]
    assert names(answer) == ["a"]
    assert answer.matches[0].score == pytest.approx(cautious(SURE))
    assert accepted == dict(zip(PITCH_FACTORS, (False, False, False, True), strict=True))
    assert services.fingerprint.pitch_factors == list(PITCH_FACTORS)
    assert services.fingerprint.calls["ExtractFingerprint"] == 2
    assert services.matching.calls["FindMatches"] == 5
    assert answer.analysed_duration.seconds == 5
    timing = answer.timing
    assert timing.decode_duration.nanos == 4_000_000
    assert timing.extract_duration.nanos == 2_000_000
    assert timing.search_duration.nanos == 15_000_000


async def test_it_is_taken_only_where_it_is_switched_on(services: StandIns) -> None:
    assert Settings(mesh_address="unix:/nowhere").second_look is False
    async with over(services, second_look=False) as stub:
        assert names(await stub.Recognize(asking(HIGHER))) == []
    assert services.fingerprint.calls["ExtractFingerprint"] == 1


async def test_it_must_be_surer_than_a_first_look(services: StandIns) -> None:
    services.matching.score = 0.995
    async with over(services) as stub:
        answer = await stub.Recognize(asking(HIGHER, include_rejected=True))
        silent = await stub.Recognize(asking(HIGHER))
        known = await stub.Recognize(asking(b"k" * 5_000))
    assert names(answer) == names(silent) == []
    assert names(known) == ["k"]
    assert not silent.rejected
    # The first look's candidate counts in full, so it ranks first.
    assert answer.rejected[0].track.track_id == "]"
    assert answer.rejected[0].score == pytest.approx(0.995)
    others = answer.rejected[1:]
    assert {match.track.track_id for match in others} == {"^", "_", "`", "a"}
    assert all(match.score == pytest.approx(cautious(0.995)) for match in others)


async def test_no_second_look_where_it_cannot_help(services: StandIns) -> None:
    async with over(services) as stub:
        assert names(await stub.Recognize(asking(b"k" * 5_000))) == ["k"]
        await stub.Recognize(asking(b"]" * 500))
        extracted = services.fingerprint.calls["ExtractFingerprint"]
        assert extracted == 2
        fingerprint = {
            "algorithm_version": 1,
            "purpose": "FINGERPRINT_PURPOSE_QUERY",
            "vectors_f16le": b"]" * 256,
            "active_windows": b"\1",
        }
        answer = await stub.Recognize(pb.RecognizeRequest(fingerprint=fingerprint))
    assert names(answer) == []
    assert services.fingerprint.calls["ExtractFingerprint"] == extracted
    assert not services.fingerprint.pitch_factors


async def test_unknown_clips_stay_unknown_and_few_searches_run_at_once(services: StandIns) -> None:
    services.matching.search_seconds = 0.05
    async with over(services) as stub:
        answer = await stub.Recognize(asking(UNKNOWN))
    assert names(answer) == []
    assert services.matching.calls["FindMatches"] == 5
    assert services.matching.running_max == 2


@pytest.mark.parametrize("mark", [b"FAIL", b"BAD"])
async def test_a_second_look_that_fails_leaves_the_first_answer(
    services: StandIns, mark: bytes
) -> None:
    services.fingerprint.before_pitches = mark
    with SpanRecorder() as recorder:
        async with over(services) as stub:
            answer = await stub.Recognize(asking(HIGHER, include_rejected=True))
        assert outcomes(recorder) == ["failed"]
    assert [match.track.track_id for match in answer.rejected] == ["]"]
    assert answer.rejected[0].score == SURE
    assert answer.timing.decode_duration.nanos == 2_000_000


async def test_a_search_that_fails_leaves_the_first_answer(services: StandIns) -> None:
    # Two letters further on stands what the search cannot be reached by.
    async with over(services) as stub:
        answer = await stub.Recognize(asking(b"\x1f" * 5_000, include_rejected=True))
    assert [match.track.track_id for match in answer.rejected] == ["\x1f"]


async def test_the_deadline_is_kept(services: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_look, "_DEADLINE_SHARE", 0.05)
    services.fingerprint.before_pitches = b"HANG"
    async with over(services) as stub:
        answer = await stub.Recognize(asking(HIGHER, include_rejected=True), timeout=60)
        assert services.fingerprint.pitch_factors
        async with asyncio.timeout(30):
            await services.fingerprint.cancelled.wait()
    assert [match.track.track_id for match in answer.rejected] == ["]"]


async def test_no_second_look_when_the_first_left_too_little_time(
    services: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_look, "_DEADLINE_SHARE", 0.0)
    with SpanRecorder() as recorder:
        async with over(services) as stub:
            assert names(await stub.Recognize(asking(HIGHER))) == []
        assert outcomes(recorder) == ["late"]
    assert not services.fingerprint.pitch_factors


async def test_whoever_comes_when_it_is_busy_gets_the_first_answer_at_once(
    services: StandIns,
) -> None:
    services.fingerprint.before_pitches = b"HANG"
    with SpanRecorder() as recorder:
        async with over(services, second_look_count_max=1) as stub:
            hanging = stub.Recognize(asking(HIGHER))
            await eventually(lambda: services.fingerprint.pitch_factors)
            answer = await stub.Recognize(asking(HIGHER, include_rejected=True))
            assert [match.score for match in answer.rejected] == [SURE]
            assert not hanging.done()
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
            async with asyncio.timeout(60):
                await services.fingerprint.cancelled.wait()
            services.fingerprint.before_pitches = b""
            await eventually(lambda: len(outcomes(recorder)) == 2)
            # Who left has made room.
            assert names(await stub.Recognize(asking(HIGHER))) == ["a"]
        assert outcomes(recorder) == ["busy", None, "recognised"]


async def test_errors_of_the_first_look_are_the_answer(services: StandIns) -> None:
    async with over(services) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.Recognize(asking(b"BAD"))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
