"""Aim: a clip gets the right recording and place; no cache ever makes an answer wrong.

Method: the real service over real stores; two replicas of it where caches could disagree.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import grpc
import numpy as np
import pytest
import redis
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from sonica.fingerprint.v1 import fingerprint_pb2
from sonica.matching.v1 import matching_service_pb2

from mesh.runtime.testing import SpanRecorder
from tests.integration import pieces, stores
from tests.integration.match_service import Client, make_settings, match_service, reason

SEEDS = (1, 2, 3)


@pytest.fixture
async def replicas(
    postgres_dsn: str, redis_url: str, engine_address: str, own_name: str
) -> AsyncIterator[tuple[Client, Client]]:
    """Two processes' worth of match_svc over the same stores; the first has all pieces."""
    settings = make_settings(postgres_dsn, engine_address, own_name, redis_url=redis_url)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(match_service(settings))
        two = await stack.enter_async_context(match_service(settings))
        for seed in SEEDS:
            await one.register(seed)
        yield one, two


@pytest.fixture
def client(replicas: tuple[Client, Client]) -> Client:
    return replicas[0]


async def test_each_clip_is_placed_where_it_was_cut(client: Client) -> None:
    for seed in SEEDS:
        for offset in (0.0, 4.7, 13.0):
            best = await client.best(seed, offset)
            assert best is not None
            assert best.track.title == f"Piece {seed}"
            assert best.track_offset.ToMicroseconds() / 1e6 == pytest.approx(offset, abs=0.1)
            assert best.evidence.cosine_margin > 0.1
            assert best.evidence.aligned_landmark_count > 0


async def test_a_clean_clip_is_accepted_and_a_strange_one_is_not(client: Client) -> None:
    found = await client.find(pieces.clip(1, 5.0, seconds=10.0, noise=1e-4))
    assert [match.track.title for match in found.matches] == ["Piece 1"]
    assert found.search_duration.ToNanoseconds() > 0
    assert found.align_duration.ToNanoseconds() > 0
    strange = await client.find(pieces.clip(99, 5.0, seconds=10.0))
    assert not strange.matches
    assert strange.rejected


async def test_only_what_is_asked_for_is_answered(client: Client) -> None:
    request = matching_service_pb2.FindMatchesRequest(fingerprint=pieces.clip(99, 1.0))
    assert not (await client.matching.FindMatches(request)).rejected
    request.include_rejected = True
    request.max_match_count = 1
    assert len((await client.matching.FindMatches(request)).rejected) == 1


@pytest.mark.parametrize("seconds", [0.0, 0.3, 3.0])
async def test_a_clip_without_signal_has_an_empty_answer(client: Client, seconds: float) -> None:
    silence = np.zeros(int(seconds * pieces.RATE_HZ), dtype=np.float32)
    found = await client.find(pieces.fingerprint(silence, "query"))
    assert not found.matches
    assert not found.rejected


def _reference(_: fingerprint_pb2.Fingerprint) -> fingerprint_pb2.Fingerprint:
    return pieces.fingerprint(pieces.piece(1), "reference")


def _long(_: fingerprint_pb2.Fingerprint) -> fingerprint_pb2.Fingerprint:
    return pieces.fingerprint(np.tile(pieces.piece(1), 4), "query")


def _truncated(message: fingerprint_pb2.Fingerprint) -> fingerprint_pb2.Fingerprint:
    message.vectors_f16le = message.vectors_f16le[:-1]
    return message


def _other_version(message: fingerprint_pb2.Fingerprint) -> fingerprint_pb2.Fingerprint:
    message.algorithm_version = pieces.OTHER
    return message


def _years(message: fingerprint_pb2.Fingerprint) -> fingerprint_pb2.Fingerprint:
    message.duration.seconds = 10**9
    return message


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_reference, "FINGERPRINT_MALFORMED"),
        (_long, "FINGERPRINT_MALFORMED"),
        (_truncated, "FINGERPRINT_MALFORMED"),
        (_years, "FINGERPRINT_MALFORMED"),
        (_other_version, "ALGORITHM_MISMATCH"),
    ],
)
async def test_bad_clips_are_refused(
    client: Client,
    spoil: Callable[[fingerprint_pb2.Fingerprint], fingerprint_pb2.Fingerprint],
    expected: str,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.find(spoil(pieces.clip(1, 2.0)))
    assert reason(caught.value) == (grpc.StatusCode.INVALID_ARGUMENT, expected)


async def test_no_replica_answers_from_before_a_write(replicas: tuple[Client, Client]) -> None:
    one, two = replicas

    async def titles(seed: int) -> set[str]:
        """Asks both replicas often enough to be answered from every cache."""
        best = [await client.best(seed) for client in (one, two) * 3]
        return {match.track.title if match else "" for match in best}

    assert await titles(2) == {"Piece 2"}
    before = await titles(7)
    assert before != {"Piece 7"}
    track = await one.register(7)
    assert await titles(7) == {"Piece 7"}
    assert await titles(2) == {"Piece 2"}
    await two.delete(track.track_id)
    assert await titles(7) == before
    again = await two.register(7)
    assert again.track_id != track.track_id
    assert await titles(7) == {"Piece 7"}


async def test_a_repeated_clip_is_answered_from_the_cache(replicas: tuple[Client, Client]) -> None:
    one, two = replicas
    first = [await one.find(pieces.clip(1, 6.0)) for _ in range(3)]
    with SpanRecorder() as recorder:
        cached = await two.find(pieces.clip(1, 6.0))
    assert cached.rejected == first[0].rejected
    assert cached.matches == first[0].matches
    assert cached.search_duration.ToNanoseconds() == 0
    names = {span.name for span in recorder.spans()}
    assert "redis.get" in names
    assert "search" not in names


async def ended(recorder: SpanRecorder, kind: SpanKind) -> list[ReadableSpan]:
    """Returns the spans of the one call; that of its server may end after it."""
    name = "sonica.matching.v1.MatchingService/FindMatches"
    async with asyncio.timeout(60):
        while not (found := [s for s in recorder.spans(name) if s.kind is kind]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


async def test_a_search_is_one_trace_with_every_store_in_it(client: Client) -> None:
    with SpanRecorder() as recorder:
        await client.best(3, 2.0)
        [server] = await ended(recorder, SpanKind.SERVER)
    # Besides, each replica looks after its stores by and by, in traces of their own.
    trace_id = server.context.trace_id
    spans = {s.name: s for s in recorder.spans() if s.context.trace_id == trace_id}
    expected = {"search", "qdrant.Points/QueryBatch", "vote", "postgresql.read_passages", "align"}
    assert expected <= spans.keys()
    attributes = spans["postgresql.read_passages"].attributes or {}
    assert attributes["db.system.name"] == "postgresql"


async def test_strangers_in_redis_change_nothing(
    client: Client, redis_url: str, own_name: str
) -> None:
    expected = await client.best(1)
    keys = redis.Redis.from_url(redis_url)
    for key in list(keys.scan_iter(f"{own_name}:*")):
        keys.set(key, b'[{"epoch": "not ours"}]')
    keys.close()
    assert await client.best(1) == expected
    assert await client.best(2) is not None


async def test_without_redis_everything_is_right(
    postgres_dsn: str, engine_address: str, own_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with stores.redis() as (process, url):
        settings = make_settings(postgres_dsn, engine_address, own_name, redis_url=url)
        async with match_service(settings) as client:
            await client.register(1)
            for _ in range(3):
                assert await client.best(1) is not None
            process.kill()
            with caplog.at_level(logging.WARNING):
                track = await client.register(2)
                for seed in (1, 2, 1, 2):
                    best = await client.best(seed)
                    assert best is not None
                    assert best.track.title == f"Piece {seed}"
                await client.delete(track.track_id)
                best = await client.best(2)
                assert best is None or best.track.title == "Piece 1"
            warnings = [r for r in caplog.records if r.name == "match_svc.stores.redis"]
            assert len(warnings) == 1
