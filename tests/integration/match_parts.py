"""match_svc without its servers: real PostgreSQL, and an index in memory that can be held still.

For tests of what happens when two things happen at once, in a given order.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sonica.fingerprint.v1 import fingerprint_pb2

from match_svc.hot import HotCache, Lifetimes
from match_svc.messages import fingerprint_from, registration_from
from match_svc.model import Generation, Ledger
from match_svc.rebuild import IndexKeeper
from match_svc.recognition import Question, Recognizer
from match_svc.service import Catalog
from match_svc.stores import ledger
from match_svc.stores.lru import LruCache
from match_svc.stores.memory import MemoryIndex
from match_svc.stores.migrate import migrate
from match_svc.stores.port import F32Array, Neighbours, U64Array
from match_svc.stores.postgres import Database, open_database
from match_svc.workers import open_workers
from match_svc.writer import TrackWriter
from tests.integration import pieces


class Gate:
    """A point where the next to come waits until it is let through."""

    def __init__(self) -> None:
        self._closed = False
        self._reached = asyncio.Event()
        self._opened = asyncio.Event()

    def close(self) -> None:
        """Makes the next to come wait."""
        self._closed = True

    async def reached(self) -> None:
        """Waits until somebody waits here."""
        await asyncio.wait_for(self._reached.wait(), 60)

    def open(self) -> None:
        """Lets through whoever waits."""
        self._opened.set()

    async def through(self) -> None:
        """Waits here if the gate is closed; only the first does."""
        if self._closed:
            self._closed = False
            self._reached.set()
            await self._opened.wait()


class HeldIndex(MemoryIndex):
    """The exact index, noting which tracks were written where; can be held at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[int, int]] = []
        self.after_search = Gate()
        self.before_upsert = Gate()
        self.before_delete = Gate()

    async def search(self, algorithm_version: int, vectors: F32Array) -> Neighbours:
        found = await super().search(algorithm_version, vectors)
        await self.after_search.through()
        return found

    async def upsert(self, generation: Generation, ids: U64Array, vectors: F32Array) -> None:
        await self.before_upsert.through()
        await super().upsert(generation, ids, vectors)
        self.written.append((generation.number, int(ids[0]) >> 20))

    async def delete(self, generation: Generation, ids: U64Array) -> None:
        await self.before_delete.through()
        await super().delete(generation, ids)

    def tracks(self, number: int) -> set[int]:
        """Track numbers that have points in the generation with a number."""
        points = [p for known, p in self._generations.items() if known.number == number]
        return {point >> 20 for point in (points[0] if points else ())}


@dataclass
class Parts:
    """match_svc without its servers."""

    database: Database
    index: HeldIndex
    catalog: Catalog
    keeper: IndexKeeper
    recognizer: Recognizer

    async def find(self, fingerprint: fingerprint_pb2.Fingerprint) -> list[str]:
        """Returns the titles of all candidates, best first."""
        query = fingerprint_from(fingerprint, fingerprint_pb2.FINGERPRINT_PURPOSE_QUERY)
        answer = (await self.recognizer.find(Question(query, 5, include_rejected=True))).answer
        return [match.track.description.title for match in (*answer.matches, *answer.rejected)]

    async def register(self, seed: int, version: int = pieces.CURRENT) -> int:
        request = pieces.registration(seed, version=version)
        track, _ = await self.catalog.register(registration_from(request))
        return track.track_number

    async def delete(self, seed: int) -> None:
        digest = hashlib.sha256(pieces.piece(seed).tobytes()).digest()
        [track] = await self.catalog.lookup([digest])
        await self.catalog.delete(str(track.track_id))

    async def ledger(self) -> Ledger:
        async with self.database.connection("read_ledger") as connection:
            return await ledger.read(connection)


def generation(number: int, version: int = pieces.CURRENT) -> Generation:
    """The generation with a number."""
    return Generation(version, number)


def _cache() -> HotCache:
    return HotCache("t", LruCache(1_000_000), None, Lifetimes(60, 60))


@asynccontextmanager
async def make_parts(dsn: str) -> AsyncIterator[Parts]:
    index = HeldIndex()
    with open_workers(2) as workers:
        async with open_database(dsn, 16, 60.0, 60.0) as database:
            await migrate(database)
            async with database.connection("begin_catalog") as connection:
                await ledger.begin_catalog(connection, pieces.CURRENT)
            keeper = IndexKeeper(database, index, workers)
            await keeper.make()
            writer = TrackWriter(database, index, workers, 8)
            catalog = Catalog(database, index, writer, _cache(), workers)
            # Its cache is not told of writes, as if it were in another replica.
            recognizer = Recognizer(database, index, _cache(), workers)
            yield Parts(database, index, catalog, keeper, recognizer)
