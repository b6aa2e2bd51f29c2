"""Aim: what overlaps in the worst order still ends right.

Method: an index in memory that can be held still at a step, over real PostgreSQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from match_svc.model import RebuildProgress
from match_svc.reconciler import Reconciler
from match_svc.workers import open_workers
from match_svc.writer import TrackWriter
from tests.integration import pieces
from tests.integration.match_parts import Parts, make_parts


@pytest.fixture
async def parts(postgres_dsn: str) -> AsyncIterator[Parts]:
    async with make_parts(postgres_dsn) as made:
        yield made


async def _rebuild(parts: Parts) -> list[RebuildProgress]:
    return [step async for step in parts.keeper.rebuild()]


async def test_a_registration_older_than_a_rebuild_reaches_the_new_index(parts: Parts) -> None:
    first = await parts.register(1)
    parts.index.before_upsert.close()
    async with asyncio.TaskGroup() as group:
        registering = group.create_task(parts.register(2))
        await parts.index.before_upsert.reached()
        # It is to write to generation 1 only, and is PENDING: the rebuild does not copy it.
        await _rebuild(parts)
        assert parts.index.tracks(2) == {first}
        parts.index.before_upsert.open()
    second = registering.result()
    assert parts.index.tracks(2) == {first, second}
    assert (await parts.find(pieces.clip(2, 5.0)))[0] == "Piece 2"


async def test_a_registration_begun_before_and_ended_in_a_rebuild_is_in_both(parts: Parts) -> None:
    first = await parts.register(1)
    parts.index.before_upsert.close()
    async with asyncio.TaskGroup() as group, aclosing(parts.keeper.rebuild()) as rebuild:
        registering = group.create_task(parts.register(2))
        await parts.index.before_upsert.reached()
        await anext(rebuild)
        parts.index.before_upsert.open()
        second = await registering
        assert parts.index.tracks(1) == {first, second}
        assert second in parts.index.tracks(2)


async def test_a_removal_during_its_own_copy_leaves_no_vectors(parts: Parts) -> None:
    kept = await parts.register(2)
    await parts.register(1)
    parts.index.before_upsert.close()
    async with asyncio.TaskGroup() as group:
        group.create_task(_rebuild(parts))
        await parts.index.before_upsert.reached()
        deleting = group.create_task(parts.delete(1))
        done, _ = await asyncio.wait((deleting,), timeout=0.3)
        assert not done, "a track was removed while it was being copied"
        parts.index.before_upsert.open()
    assert parts.index.tracks(2) == {kept}
    assert await parts.keeper.compare()


async def test_an_answer_overtaken_by_a_write_is_not_kept(parts: Parts) -> None:
    await parts.register(1)
    clip = pieces.clip(2, 5.0)
    for _ in range(2):  # the epoch is known from now on
        await parts.find(pieces.clip(1, 5.0))
    parts.index.after_search.close()
    async with asyncio.TaskGroup() as group:
        finding = group.create_task(parts.find(clip))
        await parts.index.after_search.reached()
        await parts.register(2)
        parts.index.after_search.open()
    assert "Piece 2" not in finding.result()
    for _ in range(3):
        assert (await parts.find(clip))[0] == "Piece 2"


async def test_a_track_removed_between_search_and_answer_is_not_named(parts: Parts) -> None:
    await parts.register(1)
    await parts.register(2)
    assert "Piece 2" in await parts.find(pieces.clip(2, 9.0))  # its metadata is cached
    parts.index.after_search.close()
    async with asyncio.TaskGroup() as group:
        finding = group.create_task(parts.find(pieces.clip(2, 5.0)))
        await parts.index.after_search.reached()
        parts.index.before_delete.close()
        group.create_task(parts.delete(2))
        await parts.index.before_delete.reached()
        parts.index.after_search.open()
        assert "Piece 2" not in await finding
        parts.index.before_delete.open()


async def test_a_track_on_its_way_in_is_not_visible(parts: Parts) -> None:
    parts.index.before_upsert.close()
    async with asyncio.TaskGroup() as group:
        group.create_task(parts.register(1))
        await parts.index.before_upsert.reached()
        # It is not visible yet, so nobody can name it.
        assert (await parts.catalog.page(0, 10)) == ([], 0)
        digest = pieces.registration(1).content_sha256
        assert await parts.catalog.lookup([digest]) == []
        parts.index.before_upsert.open()
    assert len((await parts.catalog.page(0, 10))[0]) == 1


async def test_a_second_request_waits_for_the_first_and_writes_nothing(parts: Parts) -> None:
    parts.index.before_upsert.close()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(parts.register(1))
        await parts.index.before_upsert.reached()
        second = group.create_task(parts.register(1))
        await asyncio.sleep(0.1)
        assert not second.done()
        parts.index.before_upsert.open()
    assert first.result() == second.result()
    assert len(parts.index.written) == 1


async def test_a_damaged_track_keeps_no_other_waiting(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = [await parts.register(seed) for seed in (1, 2)]
    async with parts.database.connection("damage") as connection:
        await connection.execute("UPDATE catalog.track SET state = 'PENDING'")
        await connection.execute(
            "UPDATE catalog.fingerprint SET vectors_f16le = '' WHERE track_number = $1", numbers[0]
        )
    with open_workers(1) as workers:
        writer = TrackWriter(parts.database, parts.index, workers, 1)
        assert await Reconciler(parts.database, writer, parts.keeper, 1.0, 0.0).reconcile() == 1
    assert [t.track_number for t in (await parts.catalog.page(0, 10))[0]] == numbers[1:]
    assert f"track {numbers[0]} cannot be finished" in caplog.text
