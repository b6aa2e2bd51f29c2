"""Aim: a catalogue moves from one extractor to another and back while it serves, and never lies.

Method: every step with the exact index in memory, which can be held still, over real PostgreSQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing

import pytest

from match_svc.errors import (
    AlgorithmMismatchError,
    AlgorithmUnsupportedError,
    FingerprintsMissingError,
    IndexUnreachableError,
)
from match_svc.messages import registration_from
from match_svc.model import RebuildProgress, TrackState
from match_svc.reconciler import Reconciler
from match_svc.stores import migrate as migrating
from match_svc.stores.migrate import migrate, migrations
from match_svc.stores.postgres import open_database
from match_svc.workers import open_workers
from match_svc.writer import TrackWriter
from tests.integration import pieces
from tests.integration.match_parts import Parts, generation, make_parts
from tests.integration.pieces import CURRENT, NONE, OTHER


@pytest.fixture
async def parts(postgres_dsn: str) -> AsyncIterator[Parts]:
    async with make_parts(postgres_dsn) as made:
        yield made


async def rebuilt(parts: Parts, version: int = 0, *, drop: bool = False) -> list[RebuildProgress]:
    return [step async for step in parts.keeper.rebuild(version, drop_others=drop)]


async def half_way(parts: Parts, version: int) -> None:
    """Leaves a rebuild whose first batch is copied."""
    async with aclosing(parts.keeper.rebuild(version)) as running:
        await anext(running)
        await anext(running)


async def register_both(parts: Parts, seeds: Iterable[int]) -> list[int]:
    numbers = []
    for seed in seeds:
        numbers.append(await parts.register(seed))
        await parts.register(seed, OTHER)
    return numbers


async def versions(parts: Parts, seed: int) -> tuple[int, ...]:
    [track] = await parts.catalog.lookup([pieces.registration(seed).content_sha256])
    return track.algorithm_versions


async def reconcile(parts: Parts) -> int:
    with open_workers(1) as workers:
        writer = TrackWriter(parts.database, parts.index, workers, 1)
        return await Reconciler(parts.database, writer, parts.keeper, 1.0, 0.0).reconcile()


async def states(parts: Parts) -> list[TrackState]:
    async with parts.database.connection("look") as connection:
        rows = await connection.fetch("SELECT state FROM catalog.track ORDER BY track_number")
    return [TrackState(row["state"]) for row in rows]


async def test_another_version_is_kept_beside_and_found_by_nobody(parts: Parts) -> None:
    number = await parts.register(1)
    before = await parts.ledger()
    written = list(parts.index.written)
    for _ in range(2):
        assert await parts.register(1, OTHER) == number
    assert parts.index.written == written
    assert await parts.ledger() == before
    assert await versions(parts, 1) == tuple(sorted((CURRENT, OTHER)))
    counts = (await parts.catalog.statistics()).track_counts
    assert counts == NONE | {CURRENT: 1, OTHER: 1}
    assert await parts.find(pieces.clip(1, 5.0)) == ["Piece 1"]
    with pytest.raises(AlgorithmMismatchError) as caught:
        await parts.find(pieces.clip(1, 5.0, version=OTHER))
    assert caught.value.metadata["catalog_algorithm_version"] == str(CURRENT)


async def test_another_version_of_something_new_is_refused(parts: Parts) -> None:
    with pytest.raises(AlgorithmMismatchError) as caught:
        await parts.register(1, OTHER)
    assert caught.value.metadata == {
        "algorithm_version": str(OTHER),
        "catalog_algorithm_version": str(CURRENT),
    }
    assert await states(parts) == []


async def test_concurrent_upgrades_store_one(parts: Parts) -> None:
    number = await parts.register(1)
    assert set(await asyncio.gather(*(parts.register(1, OTHER) for _ in range(8)))) == {number}
    assert (await parts.catalog.statistics()).track_counts == NONE | {CURRENT: 1, OTHER: 1}


async def test_there_and_back(parts: Parts) -> None:
    numbers = set(await register_both(parts, range(1, 20)))
    epochs = {(await parts.ledger()).epoch}
    for at, (to, left) in enumerate(((OTHER, CURRENT), (CURRENT, OTHER)), 2):
        steps = await rebuilt(parts, to)
        assert [step.done for step in steps] == [False] * (len(steps) - 1) + [True]
        now = await parts.ledger()
        assert (now.algorithm_version, now.serving) == (to, generation(at, to))
        assert now.building is None
        epochs.add(now.epoch)
        assert await parts.index.generations() == {generation(at, to)}
        assert parts.index.tracks(at) == numbers
        assert now.active_window_count == await parts.index.count(generation(at, to))
        assert await parts.keeper.compare()
        await parts.keeper.restore()
        assert (await parts.find(pieces.clip(7, 5.0, version=to)))[0] == "Piece 7"
        with pytest.raises(AlgorithmMismatchError):
            await parts.find(pieces.clip(7, 5.0, version=left))
        stored = await parts.catalog.read_fingerprint(
            str((await parts.catalog.page(0, 1))[0][0].track_id)
        )
        assert stored.algorithm_version == to
    assert len(epochs) == 3


async def test_missing_fingerprints_are_named_before_anything_is_built(parts: Parts) -> None:
    await register_both(parts, (1, 2))
    for seed in range(3, 10):
        await parts.register(seed)
    with pytest.raises(FingerprintsMissingError) as caught:
        await rebuilt(parts, OTHER)
    named = "; ".join(f"Piece {seed} by Nobody" for seed in range(3, 8))
    assert caught.value.metadata == {
        "algorithm_version": str(OTHER),
        "missing_track_count": "7",
        "missing_tracks": f"{named}; ...",
    }
    assert (await parts.ledger()).building is None
    assert await parts.index.generations() == {generation(1)}


async def test_a_track_registered_meanwhile_keeps_the_catalogue_where_it_is(parts: Parts) -> None:
    await register_both(parts, range(1, 4))
    async with aclosing(parts.keeper.rebuild(OTHER)) as running:
        await anext(running)
        late = await parts.register(40)
        with pytest.raises(FingerprintsMissingError) as caught:
            async for _ in running:
                pass
    assert caught.value.metadata["missing_tracks"] == "Piece 40 by Nobody"
    now = await parts.ledger()
    assert (now.algorithm_version, now.serving) == (CURRENT, generation(1))
    assert (await parts.find(pieces.clip(40, 5.0)))[0] == "Piece 40"

    # What was built is gone on with; the one that was missing goes there at once.
    assert late not in parts.index.tracks(2)
    await parts.register(40, OTHER)
    assert late in parts.index.tracks(2)
    parts.index.written.clear()
    await rebuilt(parts, OTHER)
    assert parts.index.written == []
    assert (await parts.find(pieces.clip(40, 5.0, version=OTHER)))[0] == "Piece 40"
    assert await parts.keeper.compare()


async def test_a_deleted_track_is_missed_no_more_and_leaves_nothing(parts: Parts) -> None:
    kept, gone = await register_both(parts, (1, 2))
    await parts.register(3)
    await parts.delete(3)
    await half_way(parts, OTHER)
    assert parts.index.tracks(2) == {kept, gone}
    await parts.delete(2)
    assert parts.index.tracks(1) == parts.index.tracks(2) == {kept}
    async with parts.database.connection("look") as connection:
        assert await connection.fetchval("SELECT count(*) FROM catalog.fingerprint") == 2
    await rebuilt(parts, OTHER)
    assert await parts.keeper.compare()


async def test_a_plain_rebuild_gives_a_move_up(parts: Parts) -> None:
    numbers = set(await register_both(parts, (1, 2)))
    await half_way(parts, OTHER)
    assert (await parts.catalog.statistics()).ledger.building == generation(2, OTHER)
    await rebuilt(parts)
    now = await parts.ledger()
    assert (now.algorithm_version, now.serving, now.building) == (CURRENT, generation(3), None)
    assert await parts.index.generations() == {generation(3)}
    assert parts.index.tracks(3) == numbers


async def test_a_new_track_goes_to_the_version_it_has_only(parts: Parts) -> None:
    await register_both(parts, (1,))
    await half_way(parts, OTHER)
    late = await parts.register(2)
    assert late in parts.index.tracks(1)
    assert late not in parts.index.tracks(2)


async def test_a_registration_overtaken_by_the_move_is_refused_and_undone(parts: Parts) -> None:
    await register_both(parts, (1,))
    parts.index.before_upsert.close()
    registering = asyncio.create_task(parts.register(2))
    await parts.index.before_upsert.reached()
    await rebuilt(parts, OTHER)
    parts.index.before_upsert.open()
    with pytest.raises(AlgorithmMismatchError) as caught:
        await registering
    assert caught.value.metadata["catalog_algorithm_version"] == str(OTHER)
    assert await states(parts) == [TrackState.ACTIVE, TrackState.PENDING]
    assert (await parts.catalog.page(0, 10))[1] == 1

    assert await reconcile(parts) == 1
    assert await states(parts) == [TrackState.ACTIVE]
    assert await parts.keeper.compare()
    number = await parts.register(2, OTHER)
    assert number in parts.index.tracks(2)


async def test_a_registration_begun_in_the_move_and_overtaken_by_its_end_is_refused(
    parts: Parts,
) -> None:
    await register_both(parts, (1,))
    async with aclosing(parts.keeper.rebuild(OTHER)) as running:
        await anext(running)
        parts.index.before_upsert.close()
        registering = asyncio.create_task(parts.register(2))
        await parts.index.before_upsert.reached()
        async for _ in running:
            pass
        parts.index.before_upsert.open()
    with pytest.raises(AlgorithmMismatchError):
        await registering
    assert await states(parts) == [TrackState.ACTIVE, TrackState.PENDING]


async def test_a_registration_overtaken_by_the_move_can_be_finished(parts: Parts) -> None:
    await register_both(parts, (1,))
    parts.index.before_upsert.close()
    registering = asyncio.create_task(parts.register(2))
    await parts.index.before_upsert.reached()
    await rebuilt(parts, OTHER)
    parts.index.before_upsert.open()
    with pytest.raises(AlgorithmMismatchError):
        await registering
    await parts.register(2, OTHER)
    assert await states(parts) == [TrackState.ACTIVE] * 2
    assert (await parts.find(pieces.clip(2, 5.0, version=OTHER)))[0] == "Piece 2"
    assert await reconcile(parts) == 0
    await rebuilt(parts, CURRENT)
    assert (await parts.find(pieces.clip(2, 5.0)))[0] == "Piece 2"


async def test_a_search_overtaken_by_the_move_is_refused_not_empty(parts: Parts) -> None:
    await register_both(parts, (1,))
    parts.index.after_search.close()
    finding = asyncio.create_task(parts.find(pieces.clip(1, 5.0)))
    await parts.index.after_search.reached()
    await rebuilt(parts, OTHER, drop=True)
    parts.index.after_search.open()
    with pytest.raises(AlgorithmMismatchError):
        await finding


async def test_a_cached_answer_does_not_survive_the_move(parts: Parts) -> None:
    await register_both(parts, (1,))
    clip = pieces.clip(1, 5.0)
    for _ in range(3):
        assert await parts.find(clip) == ["Piece 1"]
    await rebuilt(parts, OTHER)
    with pytest.raises(AlgorithmMismatchError):
        await parts.find(clip)


async def test_other_versions_are_dropped_when_asked_for(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("match_svc.rebuild._DROP_FINGERPRINTS", 2)
    await register_both(parts, range(1, 6))
    steps = await rebuilt(parts, OTHER, drop=True)
    assert [step.dropped_fingerprint_count for step in steps][-4:] == [2, 4, 5, 5]
    assert steps[-1].done
    assert not steps[-2].done
    assert (await parts.catalog.statistics()).track_counts == NONE | {OTHER: 5}
    assert (await parts.find(pieces.clip(3, 5.0, version=OTHER)))[0] == "Piece 3"
    with pytest.raises(FingerprintsMissingError) as caught:
        await rebuilt(parts, CURRENT)
    assert caught.value.metadata["missing_track_count"] == "5"
    # The files are asked for again, and there is a way back.
    for seed in range(1, 6):
        await parts.register(seed)
    await rebuilt(parts, CURRENT)
    assert (await parts.find(pieces.clip(3, 5.0)))[0] == "Piece 3"


async def test_a_rebuild_that_fails_drops_nothing(parts: Parts) -> None:
    await register_both(parts, (1,))
    await parts.register(2)
    with pytest.raises(FingerprintsMissingError):
        await rebuilt(parts, OTHER, drop=True)
    assert (await parts.catalog.statistics()).track_counts == NONE | {CURRENT: 2, OTHER: 1}


@pytest.mark.parametrize("version", [-1, 99])
async def test_a_version_nobody_has_is_refused(parts: Parts, version: int) -> None:
    with pytest.raises(AlgorithmUnsupportedError) as caught:
        await rebuilt(parts, version)
    assert caught.value.metadata["algorithm_version"] == str(version)


async def test_a_build_that_was_lost_begins_anew(parts: Parts) -> None:
    numbers = set(await register_both(parts, (1, 2)))
    await half_way(parts, OTHER)
    await parts.index.drop(generation(2, OTHER))
    await parts.register(3)
    with pytest.raises(IndexUnreachableError):
        await parts.register(3, OTHER)
    await parts.delete(3)
    await rebuilt(parts, OTHER)
    assert await parts.index.generations() == {generation(3, OTHER)}
    assert parts.index.tracks(3) == numbers


async def test_the_first_schema_is_brought_over(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = registration_from(pieces.registration(1, version=1))
    async with open_database(postgres_dsn, 4, 30.0, 5.0) as database:
        monkeypatch.setattr(migrating, "migrations", lambda: migrations()[:1])
        await migrate(database)
        monkeypatch.undo()
        async with database.connection("write_as_before") as connection:
            await connection.execute(
                """
                INSERT INTO catalog.track (content_sha256, title, artist, album, isrc, language,
                    genre, year, source_uri, duration_us, algorithm_version, active_window_count,
                    state)
                VALUES ($1, 'Piece 1', '', '', '', '', '', 0, '', $2, 1, $3, 'ACTIVE')
                """,
                made.content_sha256,
                made.fingerprint.duration,
                sum(map(bool, made.fingerprint.active_windows)),
            )
            await connection.execute(
                "INSERT INTO catalog.fingerprint SELECT 1, $1, $2, $3, '{0}'",
                made.fingerprint.vectors_f16le,
                made.fingerprint.active_windows,
                made.fingerprint.landmarks,
            )
            await connection.execute(
                """
                UPDATE catalog.ledger SET serving = 4, last_generation = 5, building = 5,
                    active_track_count = 1, active_window_count = $1
                """,
                sum(map(bool, made.fingerprint.active_windows)),
            )
    async with make_parts(postgres_dsn) as parts:
        now = await parts.ledger()
        assert (now.algorithm_version, now.serving, now.building) == (
            1,
            generation(4, 1),
            generation(5, 1),
        )
        await parts.keeper.restore()
        assert await parts.find(pieces.clip(1, 5.0, version=1)) == ["Piece 1"]
        assert await versions(parts, 1) == (1,)
        assert await parts.keeper.compare()
