"""Aim: the fingerprint service says over gRPC what its contract promises.

Method: the real server with real worker processes on a loopback port.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from itertools import chain, repeat
from pathlib import Path

import grpc
import numpy as np
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from sonica.fingerprint.v1 import fingerprint_service_pb2 as pb
from sonica.fingerprint.v1.fingerprint_service_pb2_grpc import FingerprintServiceStub
from sonica_core import ALGORITHM_VERSIONS, CURRENT_ALGORITHM_VERSION, validate_fingerprint

from fingerprint_svc.model import Purpose
from mesh.runtime.testing import SpanRecorder
from tests.integration.fingerprint_rig import (
    PCM,
    QUERY,
    REFERENCE,
    chunks,
    failure_of,
    fingerprint_service,
    opening,
    stream,
    whole,
)
from tests.unit.fingerprint_svc.in_process import analyse
from tests.unit.fingerprint_svc.recordings import encode, pcm16, piece, wav

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "audio"
# One service for all tests: it keeps nothing.
pytestmark = pytest.mark.asyncio(loop_scope="module")
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stub() -> AsyncIterator[FingerprintServiceStub]:
    async with fingerprint_service() as stub:
        yield stub


@pytest.mark.parametrize("purpose", [QUERY, REFERENCE])
async def test_one_message(stub: FingerprintServiceStub, purpose: int) -> None:
    content = encode("mp3", "mp3")
    response = await stub.ExtractFingerprint(whole(content, purpose))
    found = response.fingerprint
    name = Purpose.QUERY if purpose == QUERY else Purpose.REFERENCE
    expected = analyse(content, purpose=name)
    assert (found.vectors_f16le, found.active_windows, found.landmarks) == expected.fingerprint
    version = CURRENT_ALGORITHM_VERSION
    assert validate_fingerprint(version, name, *expected.fingerprint) == len(found.active_windows)
    assert (found.algorithm_version, found.purpose) == (version, purpose)
    assert found.duration.ToTimedelta().total_seconds() == expected.summary.duration_seconds
    assert response.decode_duration.ToNanoseconds() > 0
    assert response.extract_duration.ToNanoseconds() > 0


@pytest.mark.parametrize("purpose", [QUERY, REFERENCE])
@pytest.mark.parametrize(
    ("container", "codec", "chunk_bytes"),
    [("mp3", "mp3", 700), ("mp4", "aac", 65_536), ("wav", "pcm_s16le", 1 << 20)],
)
async def test_parts_of_a_stream_make_the_whole(
    stub: FingerprintServiceStub, container: str, codec: str, chunk_bytes: int, purpose: int
) -> None:
    content = encode(container, codec)
    expected = (await stub.ExtractFingerprint(whole(content, purpose))).fingerprint
    responses = await stream(stub, content, chunk_bytes, purpose=purpose)
    rows = 0
    for response in responses:
        assert response.first_row == rows
        assert response.part.purpose == purpose
        rows += len(response.part.active_windows)
    for field in ("vectors_f16le", "active_windows", "landmarks"):
        parts = b"".join(getattr(response.part, field) for response in responses)
        assert parts == getattr(expected, field)
    assert [response.final for response in responses] == [False] * (len(responses) - 1) + [True]
    assert responses[-1].part.duration == expected.duration
    assert responses[-1].content_sha256 == hashlib.sha256(content).digest()
    assert all(not response.content_sha256 for response in responses[:-1])


@pytest.mark.parametrize("version", ALGORITHM_VERSIONS)
async def test_the_version_asked_for_is_extracted(
    stub: FingerprintServiceStub, version: int
) -> None:
    content = encode("mp3", "mp3")
    whole_one = await stub.ExtractFingerprint(whole(content, algorithm_version=version))
    found = whole_one.fingerprint
    expected = analyse(content, algorithm_version=version)
    assert found.algorithm_version == version
    assert (found.vectors_f16le, found.active_windows, found.landmarks) == expected.fingerprint
    responses = await stream(stub, content, algorithm_version=version)
    assert {response.part.algorithm_version for response in responses} == {version}
    assert b"".join(r.part.vectors_f16le for r in responses) == found.vectors_f16le


async def test_versions_differ() -> None:
    content = encode("mp3", "mp3")
    made = {analyse(content, algorithm_version=v).fingerprint[0] for v in ALGORITHM_VERSIONS}
    assert len(made) == len(ALGORITHM_VERSIONS)


async def test_a_version_nobody_has_is_refused(stub: FingerprintServiceStub) -> None:
    unknown = max(ALGORITHM_VERSIONS) + 1
    content = encode("mp3", "mp3")
    call = stub.ExtractFingerprint(whole(content, algorithm_version=unknown))
    streamed = stub.StreamFingerprint(iter([opening(algorithm_version=unknown)]))
    for failure in (await failure_of(call), await failure_of(streamed)):
        assert (failure.code, failure.reason) == (INVALID, "ALGORITHM_UNSUPPORTED")
        assert failure.metadata == {
            "algorithm_version": str(unknown),
            "known_algorithm_versions": ", ".join(map(str, ALGORITHM_VERSIONS)),
        }
    negative = await failure_of(stub.ExtractFingerprint(whole(content, algorithm_version=-1)))
    assert (negative.code, negative.reason) == (INVALID, "VALIDATION_FAILED")
    # The worker that refused is as good as before.
    assert (await stub.ExtractFingerprint(whole(content))).fingerprint.vectors_f16le


async def test_a_query_is_analysed_at_each_pitch_asked_for(stub: FingerprintServiceStub) -> None:
    content = encode("mp3", "mp3")
    plain = (await stub.ExtractFingerprint(whole(content))).fingerprint
    assert not (await stub.ExtractFingerprint(whole(content))).pitched_fingerprints
    request = whole(content)
    request.pitch_factors.extend([1.06, 1.0, 0.94])
    response = await stub.ExtractFingerprint(request)
    assert not response.HasField("fingerprint")
    assert response.decode_duration.ToNanoseconds() > 0
    higher, same, lower = response.pitched_fingerprints
    assert same == plain
    for other in (higher, lower):
        rows = validate_fingerprint(
            CURRENT_ALGORITHM_VERSION,
            "query",
            other.vectors_f16le,
            other.active_windows,
            other.landmarks,
        )
        assert rows == len(plain.active_windows)
        assert (other.purpose, other.duration) == (plain.purpose, plain.duration)
    assert len({item.vectors_f16le for item in response.pitched_fingerprints}) == 3
    request.pitch_factors[:] = [1.06]
    (alone,) = (await stub.ExtractFingerprint(request)).pitched_fingerprints
    assert alone == higher


@pytest.mark.parametrize("factors", [[1.2], [1.0, 0.5], [float("nan")], [1.0] * 9])
async def test_a_pitch_out_of_range_is_refused(
    stub: FingerprintServiceStub, factors: list[float]
) -> None:
    request = whole(encode("mp3", "mp3"))
    request.pitch_factors.extend(factors)
    failure = await failure_of(stub.ExtractFingerprint(request))
    assert (failure.code, failure.reason) == (INVALID, "VALIDATION_FAILED")


async def test_a_reference_is_analysed_as_it_sounds(stub: FingerprintServiceStub) -> None:
    request = whole(encode("mp3", "mp3"), REFERENCE)
    request.pitch_factors.append(1.03)
    with pytest.raises(grpc.aio.AioRpcError, match="leave them out") as raised:
        await stub.ExtractFingerprint(request)
    assert raised.value.code() is INVALID


async def test_parts_of_a_long_reference_are_small(stub: FingerprintServiceStub) -> None:
    content = pcm16(np.tile(piece(8_000), 24))
    responses = await stream(stub, content, audio_format=PCM, purpose=REFERENCE)
    assert len(responses) >= 4
    assert max(response.ByteSize() for response in responses) < 200_000
    assert responses[-1].part.duration.ToSeconds() == 120


async def test_live_audio_is_answered_while_it_arrives(stub: FingerprintServiceStub) -> None:
    call = stub.StreamFingerprint()
    await call.write(opening(audio_format=PCM))
    sound = pcm16(piece(8_000))
    heard_seconds = []
    for begin in range(0, 80_000, 20_000):
        for request in chunks(sound[begin : begin + 20_000], 2_000):
            await call.write(request)
        async with asyncio.timeout(60):
            response = await call.read()
        heard_seconds.append(response.part.duration.ToMilliseconds() / 1_000)
        assert response.part.active_windows
    assert heard_seconds[0] < 1.1
    call.cancel()


async def test_query_ends_when_it_has_enough(stub: FingerprintServiceStub) -> None:
    """15 s are analysed; the caller, who would go on for ever, is told so at once."""
    endless = chain([opening(audio_format=PCM)], repeat(next(iter(chunks(pcm16(piece(8_000)))))))
    responses = [response async for response in stub.StreamFingerprint(endless)]
    assert responses[-1].final
    assert responses[-1].part.duration.ToSeconds() == 15


async def test_passage(stub: FingerprintServiceStub) -> None:
    passage = {
        "start_offset": Duration(seconds=1, nanos=250_000_000),
        "max_duration": Duration(seconds=2),
    }
    content = wav(pcm16(piece(8_000)))
    expected = analyse(content, skip_seconds=1.25, keep_seconds=2.0)
    found = (await stub.ExtractFingerprint(whole(content, **passage))).fingerprint
    assert (found.vectors_f16le, found.active_windows, found.landmarks) == expected.fingerprint
    assert found.duration.ToSeconds() == 2


async def test_reference_digest_is_that_of_the_file(stub: FingerprintServiceStub) -> None:
    content = wav(pcm16(piece(8_000))) + b"what comes after the audio"
    short = Duration(seconds=1)
    responses = await stream(stub, content, 4_096, purpose=REFERENCE, max_duration=short)
    assert responses[-1].part.duration.ToSeconds() == 1
    assert responses[-1].content_sha256 == hashlib.sha256(content).digest()


async def test_longer_reference_is_refused() -> None:
    content = wav(pcm16(piece(8_000)))
    async with fingerprint_service(reference_seconds_max=4.0) as stub:
        failure = await failure_of(stub.ExtractFingerprint(whole(content, REFERENCE)))
        assert (failure.code, failure.reason) == (INVALID, "AUDIO_TOO_LONG")
        assert failure.metadata == {"seconds_max": "4"}
        too_far = whole(content, start_offset=Duration(seconds=5))
        assert (await failure_of(stub.ExtractFingerprint(too_far))).reason == "AUDIO_TOO_LONG"
        cut = whole(content, REFERENCE, max_duration=Duration(seconds=3))
        assert (await stub.ExtractFingerprint(cut)).fingerprint.duration.ToSeconds() == 3


async def test_refusals_carry_code_reason_and_metadata(stub: FingerprintServiceStub) -> None:
    expected = {
        "picture.mp3": ("AUDIO_UNSUPPORTED", {"found", "supported"}),
        "truncated_header.flac": ("AUDIO_UNREADABLE", {"found", "cause"}),
        "nan_samples.wav": ("AUDIO_NOT_FINITE", set()),
        "header_only.wav": ("AUDIO_EMPTY", set()),
        "channels_255.wav": ("AUDIO_TOO_MANY_CHANNELS", {"channel_count", "channel_count_max"}),
    }
    for name, (reason, keys) in expected.items():
        content = (FIXTURES / name).read_bytes()
        requests = iter([opening(), *chunks(content, 1_000)])
        calls = (stub.ExtractFingerprint(whole(content)), stub.StreamFingerprint(requests))
        for call in calls:
            failure = await failure_of(call)
            assert (failure.code, failure.reason) == (INVALID, reason), name
            assert failure.metadata.keys() == keys
            assert failure.retry_seconds is None


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ([], "STREAM_OUT_OF_ORDER"),
        ([pb.StreamFingerprintRequest(chunk=b"RIFF")], "STREAM_OUT_OF_ORDER"),
        ([opening(), opening()], "STREAM_OUT_OF_ORDER"),
        ([opening()], "AUDIO_EMPTY"),
        ([opening(), pb.StreamFingerprintRequest(chunk=b"")], "AUDIO_EMPTY"),
        ([pb.StreamFingerprintRequest()], "VALIDATION_FAILED"),
        ([opening(purpose=0)], "VALIDATION_FAILED"),
    ],
)
async def test_stream_in_the_wrong_order(
    stub: FingerprintServiceStub, requests: list[pb.StreamFingerprintRequest], reason: str
) -> None:
    failure = await failure_of(stub.StreamFingerprint(iter(requests)))
    assert (failure.code, failure.reason) == (INVALID, reason)


async def test_silence_is_an_empty_answer(stub: FingerprintServiceStub) -> None:
    found = (await stub.ExtractFingerprint(whole(wav(bytes(48_000))))).fingerprint
    assert found.active_windows
    assert 1 not in found.active_windows


async def test_spans_of_both_stages_under_the_call() -> None:
    with SpanRecorder() as recorder:
        async with fingerprint_service() as stub:
            await stub.ExtractFingerprint(whole(encode("mp3", "mp3")))
        call = next(s for s in recorder.spans() if s.name.endswith("/ExtractFingerprint")
                    and s.kind.name == "SERVER")  # fmt: skip
        for name in ("decode", "extract"):
            (span,) = recorder.spans(name)
            assert span.parent is not None
            assert span.parent.span_id == call.context.span_id
            assert call.start_time <= span.start_time <= span.end_time <= call.end_time
        (decode,) = recorder.spans("decode")
        assert decode.attributes is not None
        assert decode.attributes["sonica.codec"] == "mp3float"
        assert decode.attributes["sonica.container"] == "mp3"
