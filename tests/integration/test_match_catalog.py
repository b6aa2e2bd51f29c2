"""Aim: tracks are registered exactly once, read as they were written, and removed for good.

Method: the real service over real PostgreSQL, Redis and vector engine; every track is a composed
piece with its real fingerprint.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import asyncpg
import grpc
import pytest
import redis
from sonica.catalog.v1 import catalog_service_pb2 as pb
from sonica.catalog.v1 import track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2

from match_svc.model import Generation
from match_svc.stores.qdrant import QdrantIndex
from mesh.runtime.channels import open_channel
from tests.integration import pieces
from tests.integration.match_service import (
    ALREADY_REGISTERED,
    REGISTERED,
    Client,
    make_settings,
    match_service,
    reason,
)


@pytest.fixture
async def client(
    postgres_dsn: str, redis_url: str, engine_address: str, own_name: str
) -> AsyncIterator[Client]:
    settings = make_settings(postgres_dsn, engine_address, own_name, redis_url=redis_url)
    async with match_service(settings) as client:
        yield client


async def refused(call: grpc.aio.UnaryUnaryCall) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return reason(caught.value)


async def test_a_track_is_read_as_it_was_written(client: Client) -> None:
    about = {
        "external_id": "label/7", "album": "Ἀνάβασις", "isrc": "USRC17607839", "language": "bho",
        "genre": "test", "source_uri": "file:///x.flac",
    }  # fmt: skip
    request = pieces.registration(1, **about)
    request.track.year = 1999
    response = await client.catalog.CreateTrack(request)
    assert response.outcome == REGISTERED
    track = response.track
    assert track.state == track_pb2.TRACK_STATE_ACTIVE
    assert track.content_sha256 == request.content_sha256
    assert track.duration == request.fingerprint.duration
    assert track.algorithm_version == pieces.CURRENT
    assert track.algorithm_versions == [pieces.CURRENT]
    assert {name: getattr(track, name) for name in about} == about
    assert (track.title, track.year) == ("Piece 1", 1999)

    for name in (track.track_id, "external:label/7"):
        got = await client.catalog.GetTrack(pb.GetTrackRequest(track_id=name))
        assert got.track == track
    stored = await client.catalog.GetTrackFingerprint(
        pb.GetTrackFingerprintRequest(track_id=track.track_id)
    )
    assert stored.fingerprint == request.fingerprint
    found = await client.catalog.LookupTracks(
        pb.LookupTracksRequest(content_sha256s=[b"\0" * 32, request.content_sha256])
    )
    assert list(found.tracks) == [track]


async def test_statistics_count_what_is_active(client: Client) -> None:
    request = pieces.registration(1)
    await client.catalog.CreateTrack(request)
    await client.register(2)
    statistics = await client.statistics()
    assert statistics.active_track_count == 2
    assert statistics.pending_track_count == 0
    assert statistics.total_duration.seconds == 40
    assert statistics.algorithm_version == statistics.current_algorithm_version == pieces.CURRENT
    coverages = {c.algorithm_version: c.track_count for c in statistics.coverages}
    assert coverages == pieces.NONE | {pieces.CURRENT: 2}
    assert statistics.vector_count >= 2 * 38
    await client.delete((await client.register(2)).track_id)
    after = await client.statistics()
    assert after.active_track_count == 1
    assert after.vector_count == sum(map(bool, request.fingerprint.active_windows))


async def test_the_same_recording_is_registered_once(client: Client) -> None:
    request_id = str(uuid.uuid4())
    first = await client.catalog.CreateTrack(pieces.registration(1, request_id))
    retried = await client.catalog.CreateTrack(pieces.registration(1, request_id))
    renamed = await client.catalog.CreateTrack(
        pieces.registration(1, str(uuid.uuid4()), title="Other", external_id="other")
    )
    assert first.outcome == REGISTERED
    assert retried.outcome == renamed.outcome == ALREADY_REGISTERED
    assert first.track == retried.track == renamed.track


async def test_names_in_use_are_refused(client: Client) -> None:
    request_id = str(uuid.uuid4())
    await client.catalog.CreateTrack(pieces.registration(1, request_id, external_id="x"))
    conflict = grpc.StatusCode.ALREADY_EXISTS
    reused = client.catalog.CreateTrack(pieces.registration(2, request_id))
    assert await refused(reused) == (conflict, "REQUEST_ID_REUSED")
    taken = client.catalog.CreateTrack(pieces.registration(2, external_id="x"))
    assert await refused(taken) == (conflict, "EXTERNAL_ID_TAKEN")
    assert (await client.statistics()).active_track_count == 1


async def test_of_concurrent_duplicates_one_wins(client: Client) -> None:
    requests = [pieces.registration(1, str(uuid.uuid4()), title=f"{n}") for n in range(12)]
    responses = await asyncio.gather(*map(client.catalog.CreateTrack, requests))
    outcomes = sorted(response.outcome for response in responses)
    assert outcomes == [REGISTERED] + [ALREADY_REGISTERED] * 11
    assert len({response.track.SerializeToString() for response in responses}) == 1
    statistics = await client.statistics()
    assert (statistics.active_track_count, statistics.pending_track_count) == (1, 0)


async def test_registering_and_deleting_at_once_ends_in_one_of_the_two(client: Client) -> None:
    for _ in range(5):
        track = await client.register(1)
        await asyncio.gather(client.delete(track.track_id), client.register(1))
        best = await client.best(1)
        statistics = await client.statistics()
        assert statistics.active_track_count == (best is not None)
        assert (statistics.vector_count > 0) == (best is not None)


async def test_pages_cover_every_track_once_in_order(client: Client) -> None:
    registered = [(await client.register(seed)).track_id for seed in range(1, 6)]
    await client.delete(registered.pop(2))
    listed: list[str] = []
    token = ""
    while True:
        page = await client.catalog.ListTracks(pb.ListTracksRequest(page_size=2, page_token=token))
        assert page.total_count == 4
        assert len(page.tracks) <= 2
        listed += [track.track_id for track in page.tracks]
        token = page.next_page_token
        if not token:
            break
    assert listed == registered
    everything = await client.catalog.ListTracks(pb.ListTracksRequest(page_size=2_000_000_000))
    assert len(everything.tracks) == 4
    assert everything.next_page_token == ""


@pytest.mark.parametrize("token", ["x", "AAAAAAAAAAAA", "AgAAAAAAAAAB", "ééé", "0" * 200])
async def test_foreign_page_tokens_are_refused(client: Client, token: str) -> None:
    call = client.catalog.ListTracks(pb.ListTracksRequest(page_token=token))
    assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


@pytest.mark.parametrize("name", [str(uuid.uuid4()), "no-uuid", "external:", "external:x", "a\0"])
async def test_unknown_tracks_are_not_found(client: Client, name: str) -> None:
    missing = (grpc.StatusCode.NOT_FOUND, "TRACK_NOT_FOUND")
    assert await refused(client.catalog.GetTrack(pb.GetTrackRequest(track_id=name))) == missing
    assert (
        await refused(client.catalog.DeleteTrack(pb.DeleteTrackRequest(track_id=name))) == missing
    )
    request = pb.GetTrackFingerprintRequest(track_id=name)
    assert await refused(client.catalog.GetTrackFingerprint(request)) == missing


def _silent(request: pb.CreateTrackRequest) -> None:
    rows = len(request.fingerprint.active_windows)
    request.fingerprint.vectors_f16le = bytes(len(request.fingerprint.vectors_f16le))
    request.fingerprint.active_windows = bytes(rows)


def _query(request: pb.CreateTrackRequest) -> None:
    request.fingerprint.purpose = fingerprint_pb2.FINGERPRINT_PURPOSE_QUERY


def _nan(request: pb.CreateTrackRequest) -> None:
    vectors = bytearray(request.fingerprint.vectors_f16le)
    vectors[0:2] = b"\x00\x7e"
    request.fingerprint.vectors_f16le = bytes(vectors)


def _version(request: pb.CreateTrackRequest) -> None:
    request.fingerprint.algorithm_version = 7


def _duration(request: pb.CreateTrackRequest) -> None:
    request.fingerprint.duration.seconds = 3600


def _landmark(request: pb.CreateTrackRequest) -> None:
    marks = bytearray(request.fingerprint.landmarks)
    marks[-8:-4] = b"\xff\xff\xff\x7f"
    request.fingerprint.landmarks = bytes(marks)


def _nul(request: pb.CreateTrackRequest) -> None:
    request.track.title = "a\0b"


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_silent, "FINGERPRINT_EMPTY"),
        (_query, "FINGERPRINT_MALFORMED"),
        (_nan, "FINGERPRINT_MALFORMED"),
        (_version, "ALGORITHM_MISMATCH"),
        (_duration, "FINGERPRINT_MALFORMED"),
        (_landmark, "FINGERPRINT_MALFORMED"),
        (_nul, "VALIDATION_FAILED"),
    ],
)
async def test_bad_registrations_are_refused(
    client: Client, spoil: Callable[[pb.CreateTrackRequest], None], expected: str
) -> None:
    request = pieces.registration(1)
    spoil(request)
    call = client.catalog.CreateTrack(request)
    assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, expected)
    assert (await client.statistics()).active_track_count == 0


async def test_delete_really_deletes(
    client: Client, postgres_dsn: str, redis_url: str, engine_address: str, own_name: str
) -> None:
    kept = await client.register(1)
    request = pieces.registration(2, external_id="secret-id", title="secret-title")
    gone = (await client.catalog.CreateTrack(request)).track
    for _ in range(3):  # the third is answered from the caches
        assert (await client.best(2)) is not None
    keys = redis.Redis.from_url(redis_url)
    assert any(gone.track_id.encode() in key for key in keys.scan_iter(f"{own_name}:*"))

    await client.delete(gone.track_id)

    best = await client.best(2)
    assert best is None or best.track.track_id == kept.track_id
    for key in keys.scan_iter(f"{own_name}:*"):
        value = keys.get(key) or b""
        assert gone.track_id.encode() not in key + value
        assert b"secret" not in value
    keys.close()

    connection = await asyncpg.connect(postgres_dsn)
    for table in ("track", "fingerprint", "ledger", "migration"):
        rows = await connection.fetch(f"SELECT t::text AS line FROM catalog.{table} t")  # noqa: S608 - names above
        text = "\n".join(row["line"] for row in rows)
        assert gone.track_id not in text
        assert "secret" not in text
        assert request.fingerprint.vectors_f16le[:64].hex() not in text
    ledger = await connection.fetchrow("SELECT * FROM catalog.ledger")
    assert ledger is not None
    await connection.close()

    async with open_channel(engine_address) as channel:
        index = QdrantIndex(channel, own_name, 60.0)
        serving = Generation(ledger["algorithm_version"], ledger["serving"])
        assert await index.generations() == {serving}
        assert await index.count(serving) == ledger["active_window_count"] > 0
        await client.delete(kept.track_id)
        assert await index.count(serving) == 0
