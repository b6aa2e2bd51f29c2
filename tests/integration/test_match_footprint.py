"""Aim: an hour of music stays within 6 MB on disk, PostgreSQL and index together.

Method: composed music as one-hour tracks; relation sizes asked of PostgreSQL, the engine's folder
measured after its index is built. Run with `-s` to see the figures.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import asyncpg
from sonica.catalog.v1 import catalog_service_pb2 as pb
from sonica.catalog.v1 import track_pb2

from mesh.local.engine.stubs import collections_pb2 as cpb
from tests.integration import pieces, stores
from tests.integration.engine_process import Client
from tests.integration.match_service import make_settings, match_service

TRACKS = 4
TRACK_SECONDS = 300.0
HOURS = TRACKS * TRACK_SECONDS / 3600
MB = 1e6
_TABLES = """
SELECT sum(pg_total_relation_size(c.oid))::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'catalog' AND c.relkind = 'r'
"""


def _request(seed: int) -> pb.CreateTrackRequest:
    pcm = pieces.piece(seed, TRACK_SECONDS)
    pieces.piece.cache_clear()
    return pb.CreateTrackRequest(
        track=track_pb2.Track(title=f"Long piece {seed}"),
        fingerprint=pieces.fingerprint(pcm, "reference"),
        content_sha256=hashlib.sha256(pcm.tobytes()).digest(),
    )


def _folder_bytes(folder: Path) -> int:
    return sum(p.stat().st_blocks * 512 for p in folder.rglob("*") if p.is_file())


async def _settle(address: str) -> None:
    """Waits until the engine has looked several times and found nothing to build any more."""
    client = Client(address)
    [collection] = (await client.collections.List(cpb.ListCollectionsRequest())).collections
    looks = 0
    async with asyncio.timeout(500):
        while looks < 10:
            await asyncio.sleep(0.25)  # as often as the engine looks itself
            info = await client.info(collection.name)
            idle = info.status == cpb.Green and info.segments_count > 0
            looks = looks + 1 if idle else 0
    await client.close()


async def test_an_hour_of_music_fits(postgres_dsn: str, own_name: str) -> None:
    with stores.engine(idle_seal_seconds="0.2") as (
        process,
        address,
    ):
        async with match_service(make_settings(postgres_dsn, address, own_name)) as client:
            connection = await asyncpg.connect(postgres_dsn)
            empty: int = await connection.fetchval(_TABLES)
            requests = [_request(seed) for seed in range(TRACKS)]
            for request in requests:
                await client.catalog.CreateTrack(request, timeout=240)
            await _settle(address)
            postgres = (await connection.fetchval(_TABLES) - empty) / HOURS
            await connection.close()
            engine = _folder_bytes(process.folder / "data") / HOURS
    vectors = sum(len(request.fingerprint.vectors_f16le) for request in requests)
    rows = sum(len(request.fingerprint.active_windows) for request in requests)
    marks = sum(len(request.fingerprint.landmarks) for request in requests)
    print(
        f"\nper hour of music: PostgreSQL {postgres / MB:.2f} MB, index {engine / MB:.2f} MB, "
        f"together {(postgres + engine) / MB:.2f} MB (of that {rows} vectors = "
        f"{vectors / MB:.2f} MB, {marks // 8} landmarks = {marks / MB:.2f} MB)"
    )
    assert postgres + engine < 6 * MB
