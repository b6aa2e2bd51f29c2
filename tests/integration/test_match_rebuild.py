"""Aim: the index can be made anew at any time, without a search or a write noticing.

Method: rebuilds beside running searches and writes; rebuilds stopped half-way, with the exact
index in memory where a step has to be held still; an engine whose folder is wiped.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from sonica.catalog.v1 import catalog_service_pb2 as pb

from match_svc.errors import IndexUnreachableError, RebuildRunningError
from match_svc.index_points import point_ids
from match_svc.stores.qdrant import QdrantIndex
from mesh.runtime.channels import open_channel
from tests.integration import pieces, stores
from tests.integration.match_parts import Parts, generation, make_parts
from tests.integration.match_service import Client, make_settings, match_service
from tests.integration.test_match_crashes import eventually


@pytest.fixture
async def parts(postgres_dsn: str) -> AsyncIterator[Parts]:
    async with make_parts(postgres_dsn) as made:
        yield made


async def test_searches_and_writes_go_on_during_a_rebuild(
    postgres_dsn: str, engine_address: str, own_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_settings(postgres_dsn, engine_address, own_name)
    async with match_service(settings) as client:
        tracks = {seed: (await client.register(seed)).track_id for seed in range(1, 25)}

        async def search(rebuilding: asyncio.Task[list[pb.RebuildIndexResponse]]) -> int:
            count = 0
            while not rebuilding.done():
                best = await client.best(1 + count % 8)
                assert best is not None
                assert best.track.title == f"Piece {1 + count % 8}"
                count += 1
            return count

        async def write() -> None:
            for seed in range(25, 33):
                tracks[seed] = (await client.register(seed)).track_id
                await client.delete(tracks.pop(seed - 10))

        async with asyncio.TaskGroup() as group:
            rebuilding = group.create_task(rebuild(client))
            searched = group.create_task(search(rebuilding))
            group.create_task(write())
        assert searched.result() > 0
        progress = rebuilding.result()
        assert [step.track_count for step in progress] == sorted(s.track_count for s in progress)
        assert [step.done for step in progress] == [False] * (len(progress) - 1) + [True]

        for seed, track_id in tracks.items():
            best = await client.best(seed)
            assert best is not None
            assert best.track.track_id == track_id
        statistics = await client.statistics()
        assert statistics.active_track_count == len(tracks)
        windows = [pieces.registration(s).fingerprint.active_windows for s in tracks]
        assert statistics.vector_count == sum(sum(map(bool, w)) for w in windows)
        async with open_channel(engine_address) as channel:
            index = QdrantIndex(channel, own_name, 60.0)
            assert await index.generations() == {generation(2)}


async def rebuild(client: Client) -> list[pb.RebuildIndexResponse]:
    return [step async for step in client.catalog.RebuildIndex(pb.RebuildIndexRequest())]


async def test_one_rebuild_at_a_time(parts: Parts) -> None:
    await parts.register(1)
    async with aclosing(parts.keeper.rebuild()) as running:
        await anext(running)
        with pytest.raises(RebuildRunningError):
            await anext(parts.keeper.rebuild())
    assert [step.done async for step in parts.keeper.rebuild()][-1]


async def test_a_rebuild_that_was_cut_off_goes_on(parts: Parts) -> None:
    numbers = {seed: await parts.register(seed) for seed in range(1, 19)}
    async with aclosing(parts.keeper.rebuild()) as running:
        await anext(running)
        copied = (await anext(running)).track_count
    assert copied == 16
    half = await parts.ledger()
    assert (half.serving, half.building) == (generation(1), generation(2))
    # Cut off it may stay for long: writes reach both generations all the while.
    numbers[40] = await parts.register(40)
    await parts.delete(1)
    await parts.delete(18)
    del numbers[1], numbers[18]
    assert parts.index.tracks(2) == {numbers[s] for s in numbers if s <= 16 or s == 40}
    parts.index.written.clear()

    steps = [step async for step in parts.keeper.rebuild()]
    assert steps[-1].done
    assert parts.index.written == [(2, numbers[17]), (2, numbers[40])]
    assert await parts.index.generations() == {generation(2)}
    assert parts.index.tracks(2) == set(numbers.values())
    assert (await parts.ledger()).building is None
    assert await parts.keeper.compare()


async def test_a_rebuild_whose_copy_was_lost_begins_anew(parts: Parts) -> None:
    numbers = {await parts.register(seed) for seed in (1, 2)}
    async with aclosing(parts.keeper.rebuild()) as running:
        await anext(running)
        await anext(running)
    await parts.index.drop(generation(2))
    with pytest.raises(IndexUnreachableError):
        await parts.register(3)
    assert [step.done async for step in parts.keeper.rebuild()][-1]
    assert await parts.index.generations() == {generation(3)}
    assert parts.index.tracks(3) == numbers
    numbers.add(await parts.register(3))
    assert parts.index.tracks(3) == numbers


async def test_a_crash_between_alias_and_ledger_is_repaired(parts: Parts) -> None:
    numbers = {await parts.register(seed) for seed in (1, 2)}
    async with aclosing(parts.keeper.rebuild()) as running:
        await anext(running)
        await anext(running)
    await parts.index.serve(generation(2))
    numbers.add(await parts.register(3))
    assert [step.done async for step in parts.keeper.rebuild()][-1]
    assert await parts.index.generations() == {generation(2)}
    assert parts.index.tracks(2) == numbers
    assert (await parts.ledger()).serving == generation(2)


async def test_a_wiped_engine_is_filled_again(
    postgres_dsn: str, own_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with stores.engine() as (process, address):
        async with match_service(make_settings(postgres_dsn, address, own_name)) as client:
            tracks = {seed: (await client.register(seed)).track_id for seed in range(1, 8)}
            await asyncio.to_thread(process.kill)
            shutil.rmtree(process.folder / "data")
            await asyncio.to_thread(process.start)

            async def found() -> bool:
                best = await client.best(1)
                # Until it is back the answer is an error, never "unknown".
                assert best is not None
                return True

            await eventually(found)
            for seed, track_id in tracks.items():
                best = await client.best(seed)
                assert best is not None
                assert best.track.track_id == track_id
            assert any("index is lost" in record.message for record in caplog.records)
            assert (await client.register(9)).track_id


async def test_an_index_that_disagrees_is_reported(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    await parts.register(1)
    await parts.register(2)
    assert await parts.keeper.compare()
    number = await parts.register(3)
    flags = pieces.registration(3).fingerprint.active_windows
    await parts.index.delete(generation(1), point_ids(number, flags))
    assert not await parts.keeper.compare()
    assert any(
        record.levelno == logging.ERROR and "rebuild the index" in record.message
        for record in caplog.records
    )


async def test_an_emptied_index_is_made_anew_at_the_next_start(parts: Parts) -> None:
    number = await parts.register(1)
    await parts.index.delete(
        generation(1), point_ids(number, pieces.registration(1).fingerprint.active_windows)
    )
    assert not await parts.keeper.compare()
    with pytest.raises(IndexUnreachableError):
        await parts.find(pieces.clip(1, 5.0))
    await parts.keeper.restore()
    assert (await parts.find(pieces.clip(1, 5.0))) == ["Piece 1"]


async def test_a_lost_alias_is_set_again(parts: Parts) -> None:
    await parts.register(1)
    parts.index._serving.clear()
    await parts.keeper.restore()
    assert await parts.index.serving(pieces.CURRENT) == generation(1)
    assert await parts.index.generations() == {generation(1)}


async def test_a_restored_backup_does_not_meet_its_own_future(parts: Parts) -> None:
    await parts.register(1)
    assert [step.done async for step in parts.keeper.rebuild()][-1]
    async with parts.database.connection("restore_backup") as connection:
        await connection.execute("UPDATE catalog.ledger SET serving = 1, last_generation = 1")
    async with aclosing(parts.keeper.rebuild()) as running:
        await anext(running)
        assert (await parts.find(pieces.clip(1, 5.0))) == ["Piece 1"]
        assert (await parts.ledger()).building == generation(3)
