"""Aim: what is said of a track can be changed, once, and every answer says the new at once.

Method: the real service over real PostgreSQL, Redis and vector engine; a second one over the same
stores stands for a replica that was told nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sonica.catalog.v1 import catalog_service_pb2 as pb
from sonica.catalog.v1 import track_pb2

from tests.integration import pieces
from tests.integration.match_service import Client, make_settings, match_service, reason


@pytest.fixture
async def replicas(
    postgres_dsn: str, redis_url: str, engine_address: str, own_name: str
) -> AsyncIterator[tuple[Client, Client]]:
    settings = make_settings(postgres_dsn, engine_address, own_name, redis_url=redis_url)
    async with match_service(settings) as client, match_service(settings) as other:
        yield client, other


async def update(
    client: Client, track_id: str, *paths: str, etag: str = "", **values: object
) -> track_pb2.Track:
    track = track_pb2.Track(track_id=track_id, etag=etag, **values)  # type: ignore[arg-type]
    request = pb.UpdateTrackRequest(track=track, update_mask=FieldMask(paths=paths))
    return (await client.catalog.UpdateTrack(request)).track


async def refusal(
    client: Client, track_id: str, *paths: str, etag: str = "", **values: object
) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await update(client, track_id, *paths, etag=etag, **values)
    return reason(caught.value)


async def test_an_update_changes_what_it_names(replicas: tuple[Client, Client]) -> None:
    client, _ = replicas
    before = await client.register(1)
    assert list(before.artists) == ["Nobody"]
    ids = {"mbid": "b1a9c0e9", "spotify": "4uLU6h"}
    after = await update(client, before.track_id, artists=["A", "B"], external_ids=ids)
    assert (after.title, after.artist) == ("Piece 1", "Nobody")
    assert list(after.artists) == ["A", "B"]
    assert dict(after.external_ids) == ids
    assert after.etag != before.etag
    assert after.update_time.ToDatetime() > before.update_time.ToDatetime()
    assert after.create_time == before.create_time
    mask = ("title", "artist", "external_ids.spotify", "label", "release_date")
    renamed = await update(
        client, before.track_id, *mask, title="Yaman", label="Own", release_date="1971-05"
    )
    assert (renamed.title, renamed.artist) == ("Yaman", "A, B")
    assert dict(renamed.external_ids) == {"mbid": ids["mbid"]}
    assert (renamed.label, renamed.release_date) == ("Own", "1971-05")
    got = await client.catalog.GetTrack(pb.GetTrackRequest(track_id=before.track_id))
    assert got.track == renamed


async def test_answers_say_it_at_once_in_every_replica(replicas: tuple[Client, Client]) -> None:
    client, other = replicas
    track = await client.register(1)
    for each in replicas:
        assert (await each.best(1)).track.title == "Piece 1"  # type: ignore[union-attr]
    await update(client, track.track_id, title="Yaman")
    for each in (other, client):
        best = await each.best(1)
        assert best is not None
        assert best.track.title == "Yaman"
        assert best.track_begin_offset.seconds == best.track_offset.seconds == 6
        assert best.track_end_offset.seconds >= 10


async def test_an_update_is_for_the_state_it_was_made_for(
    replicas: tuple[Client, Client],
) -> None:
    client, _ = replicas
    track = await client.register(1)
    first = await update(client, track.track_id, title="One", etag=track.etag)
    conflict = await refusal(client, track.track_id, title="Two", etag=track.etag)
    assert conflict == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    # A retry of what was done already changes nothing, so it is no conflict.
    assert await update(client, track.track_id, title="One", etag=track.etag) == first


async def test_concurrent_updates_lose_nothing(replicas: tuple[Client, Client]) -> None:
    track = await replicas[0].register(1)
    names = [f"catalogue{number}" for number in range(12)]
    await asyncio.gather(
        *(
            update(
                replicas[at % 2], track.track_id, f"external_ids.{name}", external_ids={name: name}
            )
            for at, name in enumerate(names)
        )
    )
    got = await replicas[0].catalog.GetTrack(pb.GetTrackRequest(track_id=track.track_id))
    assert dict(got.track.external_ids) == {name: name for name in names}


async def test_refusals(replicas: tuple[Client, Client]) -> None:
    client, _ = replicas
    track = await client.register(1)
    await client.catalog.CreateTrack(pieces.registration(2, external_id="taken"))
    invalid, name = grpc.StatusCode.INVALID_ARGUMENT, track.track_id
    mask_invalid = (invalid, "UPDATE_MASK_INVALID")
    assert await refusal(client, name) == mask_invalid
    for path in ("track_id", "duration", "external_ids.", "colour"):
        assert await refusal(client, name, path, title="x") == mask_invalid
    failed = (invalid, "VALIDATION_FAILED")
    assert await refusal(client, name, title="a\0b") == failed
    assert await refusal(client, name, artists=["a\0b"]) == failed
    assert await refusal(client, name, external_ids={"isrc": "x"}) == failed
    assert await refusal(client, name, external_ids={"UPPER": "x"}) == failed
    assert await refusal(client, name, external_ids={f"n{i}": "x" for i in range(21)}) == failed
    assert await refusal(client, name, release_date="1971-13") == failed
    await update(client, name, external_ids={f"n{i}": "x" for i in range(20)})
    assert await refusal(client, name, "external_ids.one", external_ids={"one": "x"}) == failed
    taken = (grpc.StatusCode.ALREADY_EXISTS, "EXTERNAL_ID_TAKEN")
    assert await refusal(client, name, external_id="taken") == taken
    missing = (grpc.StatusCode.NOT_FOUND, "TRACK_NOT_FOUND")
    assert await refusal(client, "external:nobody", title="x") == missing
    assert (await update(client, "external:taken", title="x")).title == "x"
