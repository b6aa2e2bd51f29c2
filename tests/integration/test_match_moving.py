"""Aim: the service moves a catalogue from one extractor to another while it is used and killed.

Method: the real service over real stores, searched and written to all the while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import asyncpg
import grpc
import pytest
from sonica.catalog.v1 import catalog_service_pb2 as pb

from mesh.runtime.channels import open_channel
from mesh.runtime.errors import from_rpc_error
from tests.integration import pieces, stores
from tests.integration.match_service import (
    ALREADY_REGISTERED,
    Client,
    make_settings,
    match_process,
    match_service,
)
from tests.integration.pieces import CURRENT, NONE, OTHER


async def move(client: Client, version: int, *, drop: bool = False) -> None:
    """Moves the catalogue; begins again, as a person would, while a new track is half-way there."""
    request = pb.RebuildIndexRequest(algorithm_version=version, drop_other_versions=drop)
    async with asyncio.timeout(50):
        while True:
            try:
                steps = [step async for step in client.catalog.RebuildIndex(request)]
            except grpc.aio.AioRpcError as error:
                typed = from_rpc_error(error)
                if typed is None or typed.reason != "FINGERPRINTS_MISSING":
                    raise
            else:
                assert steps[-1].done
                return


def served_version(error: grpc.aio.AioRpcError) -> int:
    """Returns the version that a refusal for its version names; fails on any other failure."""
    typed = from_rpc_error(error)
    assert typed is not None, error
    assert typed.reason == "ALGORITHM_MISMATCH", typed
    return int(typed.metadata["catalog_algorithm_version"])


class Traffic:
    """Searches and registrations that know of a move only by what they are told."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ended = asyncio.Event()
        self.tracks: dict[int, str] = {}
        self.answered: list[int] = []

    def end(self) -> None:
        """Begins nothing more."""
        self._ended.set()

    async def search(self) -> None:
        """Asks as the gateway does: in the version of the last answer or refusal."""
        served = CURRENT
        while not self._ended.is_set():
            seed = 1 + len(self.answered) % 12
            try:
                best = await self._client.best(seed, version=served)
            except grpc.aio.AioRpcError as error:
                served = served_version(error)
                continue
            assert best is not None
            assert best.track.title == f"Piece {seed}"
            assert best.track.algorithm_version == served
            self.answered.append(served)

    async def register(self, seeds: Iterable[int]) -> None:
        """Registers each piece in whichever version is taken, then adds the other."""
        for seed in seeds:
            if self._ended.is_set():
                return
            for version in (CURRENT, OTHER, CURRENT):
                try:
                    self.tracks[seed] = (await self._client.register(seed, version)).track_id
                except grpc.aio.AioRpcError as error:
                    served_version(error)

    async def answers_in(self, version: int) -> None:
        """Waits until an answer was given in a version."""
        async with asyncio.timeout(40):
            while self.answered[-1:] != [version]:  # noqa: ASYNC110 - told by the searcher
                await asyncio.sleep(0.01)


async def test_searching_and_registering_go_on_through_the_move_and_back(
    postgres_dsn: str, engine_address: str, own_name: str
) -> None:
    settings = make_settings(postgres_dsn, engine_address, own_name)
    async with match_service(settings) as client:
        traffic = Traffic(client)
        await traffic.register(range(1, 13))
        async with asyncio.TaskGroup() as group:
            group.create_task(traffic.search())
            group.create_task(traffic.register(range(30, 90)))
            await traffic.answers_in(CURRENT)
            for version in (OTHER, CURRENT):
                await move(client, version)
                await traffic.answers_in(version)
            traffic.end()

        statistics = await client.statistics()
        assert statistics.algorithm_version == CURRENT
        assert statistics.active_track_count == len(traffic.tracks) > 12
        for seed, track_id in traffic.tracks.items():
            best = await client.best(seed)
            assert best is not None
            assert best.track.track_id == track_id


async def test_killed_between_upgrade_and_switch(
    postgres_dsn: str, engine_address: str, own_name: str
) -> None:
    settings = make_settings(postgres_dsn, engine_address, own_name)
    with stores.scratch_folder() as folder, match_process(settings, folder) as (process, target):
        async with open_channel(target) as channel:
            client = Client(channel)
            for seed in range(1, 25):
                await client.register(seed)
                await client.register(seed, OTHER)
            request = pb.RebuildIndexRequest(algorithm_version=OTHER)
            running = client.catalog.RebuildIndex(request)
            while (step := await running.read()).track_count == 0:
                pass
            assert not step.done
            await asyncio.to_thread(process.kill)
        await asyncio.to_thread(process.start)
        async with open_channel(target) as channel:
            client = Client(channel)
            statistics = await client.statistics()
            assert statistics.algorithm_version == CURRENT
            assert statistics.building_algorithm_version == OTHER
            assert {c.algorithm_version: c.track_count for c in statistics.coverages} == NONE | {
                CURRENT: 24,
                OTHER: 24,
            }
            assert (await client.best(3)) is not None
            # Registered while the move rests, with both fingerprints.
            await client.register(40)
            await client.register(40, OTHER)
            await move(client, OTHER, drop=True)
            for seed in (1, 24, 40):
                best = await client.best(seed, version=OTHER)
                assert best is not None
                assert best.track.title == f"Piece {seed}"
            statistics = await client.statistics()
            assert statistics.algorithm_version == OTHER
            assert statistics.building_algorithm_version == 0
            assert {c.algorithm_version: c.track_count for c in statistics.coverages} == NONE | {
                CURRENT: 0,
                OTHER: 25,
            }
    connection = await asyncpg.connect(postgres_dsn)
    left = await connection.fetch("SELECT DISTINCT algorithm_version FROM catalog.fingerprint")
    await connection.close()
    assert [row["algorithm_version"] for row in left] == [OTHER]


async def test_the_answer_to_an_upgrade(
    postgres_dsn: str, engine_address: str, own_name: str
) -> None:
    async with match_service(make_settings(postgres_dsn, engine_address, own_name)) as client:
        first = await client.register(1)
        answer = await client.catalog.CreateTrack(pieces.registration(1, version=OTHER))
        assert answer.outcome == ALREADY_REGISTERED
        assert answer.track.algorithm_versions == sorted((CURRENT, OTHER))
        assert (answer.track.track_id, answer.track.algorithm_version) == (first.track_id, CURRENT)


async def test_missing_fingerprints_are_a_typed_answer(
    postgres_dsn: str, engine_address: str, own_name: str
) -> None:
    async with match_service(make_settings(postgres_dsn, engine_address, own_name)) as client:
        await client.register(1)
        request = pb.RebuildIndexRequest(algorithm_version=OTHER)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in client.catalog.RebuildIndex(request):
                pass
        error = from_rpc_error(caught.value)
        assert error is not None
        assert (error.code, error.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "FINGERPRINTS_MISSING",
        )
        assert error.metadata["missing_tracks"] == "Piece 1 by Nobody"
        assert "register their files" in error.message
