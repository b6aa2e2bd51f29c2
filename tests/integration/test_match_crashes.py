"""Aim: no crash loses an acknowledged track, and none leaves anything half visible.

Method: each store and match_svc itself is killed in the midst of writes, then started again.
"""

from __future__ import annotations

import asyncio
import signal
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import grpc
import pytest
from sonica.catalog.v1 import track_pb2

from match_svc import reconciler
from mesh.runtime.channels import open_channel
from tests.integration import pieces, stores
from tests.integration.match_service import (
    Client,
    make_settings,
    match_process,
    match_service,
    reason,
)

SEEDS = tuple(range(1, 25))
CONCURRENCY = 4


class Import:
    """Registers pieces as an importer does: several at once, each tried once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.acknowledged: dict[int, str] = {}
        self.refusals: list[tuple[grpc.StatusCode, str]] = []

    async def run(self, disturb: Callable[[], object] = lambda: None, after: int = 0) -> None:
        """Returns when every piece is acknowledged or refused.

        Args:
            disturb: what befalls it; called once, while other registrations are on their way.
            after: acknowledgements before that.
        """
        waiting = list(SEEDS)

        async def work() -> None:
            while waiting:
                seed = waiting.pop()
                try:
                    self.acknowledged[seed] = (await self._client.register(seed)).track_id
                    if len(self.acknowledged) == after:
                        # Not in a thread: nothing may be acknowledged until it is done.
                        disturb()
                except grpc.aio.AioRpcError as error:
                    # The connection itself may break without a typed status.
                    if error.code() is not grpc.StatusCode.UNAVAILABLE:
                        raise
                    if any(k == "grpc-status-details-bin" for k, _ in error.trailing_metadata()):
                        self.refusals.append(reason(error))

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(work())


async def eventually(check: Callable[[], Awaitable[bool]], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if await check():
                return
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.05)


async def assert_whole(client: Client, acknowledged: dict[int, str]) -> None:
    """Asserts that what was acknowledged is found and that nothing is left half-way."""

    async def settled() -> bool:
        return (await client.statistics()).pending_track_count == 0

    await eventually(settled)
    for seed, track_id in acknowledged.items():
        best = await client.best(seed)
        assert best is not None
        assert best.track.track_id == track_id, f"piece {seed} was acknowledged and is lost"
    statistics = await client.statistics()
    assert statistics.active_track_count >= len(acknowledged)
    expected = sum(
        sum(map(bool, pieces.registration(seed).fingerprint.active_windows)) for seed in SEEDS
    )
    if statistics.active_track_count == len(SEEDS):
        assert statistics.vector_count == expected
    else:
        assert statistics.vector_count < expected


async def test_match_svc_killed_in_an_import(
    postgres_dsn: str, engine_address: str, own_name: str
) -> None:
    settings = make_settings(postgres_dsn, engine_address, own_name)
    with stores.scratch_folder() as folder, match_process(settings, folder) as (process, target):
        acknowledged: dict[int, str] = {}
        for kill_after in (3, 8):
            async with open_channel(target) as channel:
                importing = Import(Client(channel))
                await importing.run(process.kill, kill_after)
            assert len(importing.acknowledged) < len(SEEDS), "it was killed too late"
            acknowledged |= importing.acknowledged
            await asyncio.to_thread(process.start)
        async with open_channel(target) as channel:
            client = Client(channel)
            await assert_whole(client, acknowledged)
            again = Import(client)
            await again.run()
            assert len(again.acknowledged) == len(SEEDS)
            assert acknowledged.items() <= again.acknowledged.items()
            await assert_whole(client, again.acknowledged)


async def test_the_engine_killed_in_an_import(postgres_dsn: str, own_name: str) -> None:
    with stores.engine() as (process, address):
        settings = make_settings(postgres_dsn, address, own_name)
        async with match_service(settings) as client:
            importing = Import(client)
            await importing.run(process.kill, 5)
            assert importing.refusals
            assert set(importing.refusals) == {(grpc.StatusCode.UNAVAILABLE, "INDEX_UNREACHABLE")}
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.best(1)
            assert reason(caught.value)[1] == "INDEX_UNREACHABLE"
            await asyncio.to_thread(process.start)
            await assert_whole(client, importing.acknowledged)
            again = Import(client)
            await again.run()
            assert importing.acknowledged.items() <= again.acknowledged.items()
            await assert_whole(client, again.acknowledged)


async def test_a_removal_without_the_engine_takes_effect_and_is_finished_later(
    postgres_dsn: str, own_name: str
) -> None:
    with stores.engine() as (process, address):
        settings = make_settings(postgres_dsn, address, own_name)
        async with match_service(settings) as client:
            kept, gone = await client.register(1), await client.register(2)
            await asyncio.to_thread(process.kill)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.delete(gone.track_id)
            assert reason(caught.value) == (grpc.StatusCode.UNAVAILABLE, "INDEX_UNREACHABLE")
            await asyncio.to_thread(process.start)

            async def answers() -> bool:
                best = await client.best(2)
                assert best is None or best.track.track_id == kept.track_id
                return True

            await eventually(answers)
            await assert_whole(client, {1: kept.track_id})
            only = sum(map(bool, pieces.registration(1).fingerprint.active_windows))
            assert (await client.statistics()).vector_count == only


async def test_postgresql_restarted_in_an_import(engine_address: str, own_name: str) -> None:
    with stores.postgres() as (process, dsn):
        settings = make_settings(dsn, engine_address, own_name)
        async with match_service(settings) as client:
            importing = Import(client)
            await importing.run(lambda: process.stop(signal.SIGINT), 5)
            assert importing.refusals
            assert {found[1] for found in importing.refusals} == {"STORE_UNREACHABLE"}
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.best(1)
            assert reason(caught.value)[1] == "STORE_UNREACHABLE"
            await asyncio.to_thread(process.start)
            await assert_whole(client, importing.acknowledged)
            again = Import(client)
            await again.run()
            assert not again.refusals
            await assert_whole(client, again.acknowledged)


@asynccontextmanager
async def full_disk(dsn: str) -> AsyncIterator[None]:
    """Makes PostgreSQL refuse fingerprints the way it does when the disk is full."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        """
        CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'could not extend file: No space left on device'
                USING ERRCODE = 'disk_full';
        END $$;
        CREATE TRIGGER no_room BEFORE INSERT ON catalog.fingerprint EXECUTE FUNCTION no_room();
        """
    )
    yield
    await connection.execute("DROP TRIGGER no_room ON catalog.fingerprint")
    await connection.close()


async def test_a_full_disk_refuses_and_stores_nothing(
    postgres_dsn: str, engine_address: str, own_name: str
) -> None:
    settings = make_settings(postgres_dsn, engine_address, own_name)
    async with match_service(settings) as client:
        await client.register(1)
        request = pieces.registration(2, str(uuid.uuid4()))
        async with full_disk(postgres_dsn):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.catalog.CreateTrack(request)
            assert reason(caught.value) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "STORAGE_FULL",
            )
            assert await client.best(1) is not None
            statistics = await client.statistics()
            assert (statistics.active_track_count, statistics.pending_track_count) == (1, 0)
        await client.catalog.CreateTrack(request)
        assert (await client.statistics()).active_track_count == 2


async def test_a_start_without_the_engine_recovers(
    postgres_dsn: str, own_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "_PATIENCE_SECONDS", 0.5)
    with stores.engine() as (process, address):
        await asyncio.to_thread(process.kill)
        async with match_service(make_settings(postgres_dsn, address, own_name)) as client:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.register(1)
            assert reason(caught.value)[1] == "INDEX_UNREACHABLE"
            await asyncio.to_thread(process.start)

            async def finished() -> bool:
                return (await client.statistics()).active_track_count == 1

            await eventually(finished)
            assert await client.best(1) is not None


async def test_a_start_before_the_engine_is_ready_only_with_an_index(
    postgres_dsn: str, own_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "_PATIENCE_SECONDS", 240.0)
    with stores.engine() as (process, address):
        await asyncio.to_thread(process.kill)
        service = match_service(make_settings(postgres_dsn, address, own_name))
        starting = asyncio.create_task(service.__aenter__())
        # Long enough for a first try to fail; however long it takes, it is not ready.
        done, _ = await asyncio.wait((starting,), timeout=3.0)
        assert not done
        await asyncio.to_thread(process.start)
        client = await starting
        try:
            # The very first call, and nobody tries it again.
            track = await client.register(1)
            assert track.state == track_pb2.TRACK_STATE_ACTIVE
        finally:
            await service.__aexit__(None, None, None)
