"""What finding tracks by words costs: `python -m tests.bench.text_search [TRACKS]`.

The real match_svc over real PostgreSQL, asked over gRPC without a proxy. Titles are made of 30,000
made-up words, as unevenly used as those of a language; the tracks have no fingerprints, which no
search by words reads. Searches and GetTrack take turns, so what is told is a ratio.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import asyncpg
from sonica.catalog.v1 import catalog_service_pb2 as pb

from match_svc.filling import fill
from match_svc.server import build
from match_svc.stores.postgres import open_database
from mesh.runtime.channels import open_channel
from mesh.runtime.testing import serving
from tests.integration import stores
from tests.integration.match_service import Client, make_settings

_TRACKS = 10_000
_WORDS = 30_000
_ROUNDS = 100
_ADD = """
INSERT INTO catalog.track (content_sha256, title, artist, album, isrc, language, genre, year,
    source_uri, duration_us, state)
SELECT sha256(convert_to(n::text, 'UTF8')), title, artist, album, '', '', '', 0, '', 0, 'ACTIVE'
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[]) AS made(n, title, artist, album)
"""


class Titles:
    """Made-up titles; the same for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        parts = [c + v for c in "bcdfghjklmnprstvyz" for v in "aeiou"]
        made = ("".join(self.random.choices(parts, k=self.random.choice((1, 2, 2, 3, 3, 4))))
                for _ in iter(int, 1))  # fmt: skip
        self._words = list(dict.fromkeys(next(made) for _ in range(_WORDS)))
        shares = (1 / rank for rank in range(10, 10 + len(self._words)))
        self._cumulated = list(itertools.accumulate(shares))

    def text(self, *counts: int) -> str:
        """Returns so many words, as one of `counts` says."""
        count = self.random.choice(counts)
        return " ".join(self.random.choices(self._words, cum_weights=self._cumulated, k=count))

    def misspelt(self, text: str) -> str:
        """Returns a text with one letter of its longest word missing."""
        word = max(text.split(), key=len)
        at = self.random.randrange(len(word))
        return text.replace(word, word[:at] + word[at + 1 :], 1)


async def add(dsn: str, titles: Titles, count: int) -> list[str]:
    """Stores tracks without words; returns their titles."""
    made = [titles.text(1, 2, 2, 3, 3, 4, 5) for _ in range(count)]
    artists = [titles.text(2) for _ in range(max(1, count // 10))]
    albums = [titles.text(1, 2, 3) for _ in range(max(1, count // 10))]
    by = [titles.random.randrange(len(artists)) for _ in made]
    connection = await asyncpg.connect(dsn)
    for begin in range(0, count, 10_000):
        part = range(begin, min(begin + 10_000, count))
        await connection.execute(
            _ADD,
            list(part),
            [made[n] for n in part],
            [artists[by[n]] for n in part],
            [albums[by[n]] for n in part],
        )
    await connection.execute("ANALYZE")
    await connection.close()
    return made


async def measure(client: Client, titles: Titles, made: list[str]) -> None:
    """Prints a line a kind of query."""
    [track] = (await client.catalog.ListTracks(pb.ListTracksRequest(page_size=1))).tracks
    whole = [title for title in made if " " in title and len(max(title.split(), key=len)) > 5]
    commonest = statistics.mode(word for title in made for word in title.split())
    kinds: dict[str, Callable[[], str]] = {
        "title": lambda: titles.random.choice(whole),
        "title, as typed so far": lambda: titles.random.choice(whole)[:-2],
        "title, misspelt": lambda: titles.misspelt(titles.random.choice(whole)),
        "two letters": lambda: titles.random.choice(whole)[:2],
        "the commonest word": lambda: commonest,
        "nothing there": lambda: "qqqqxx wwwwqq xxqqww",
    }
    waited: dict[str, list[float]] = {"GetTrack": [], **{kind: [] for kind in kinds}}
    found = dict.fromkeys(kinds, 0)

    async def timed(kind: str, call: Awaitable[object]) -> object:
        began = time.perf_counter()
        answer = await call
        waited[kind].append((time.perf_counter() - began) * 1e3)
        return answer

    for _ in range(_ROUNDS):
        named = pb.GetTrackRequest(track_id=track.track_id)
        await timed("GetTrack", client.catalog.GetTrack(named))
        for kind, query in kinds.items():
            request = pb.SearchTracksRequest(query=query())
            answer = await timed(kind, client.catalog.SearchTracks(request))
            assert isinstance(answer, pb.SearchTracksResponse)
            found[kind] += len(answer.results)
    base = statistics.median(waited["GetTrack"])
    for kind, times in waited.items():
        half, tail = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        results = f", {found[kind] / _ROUNDS:.1f} results" if kind in found else ""
        ratio = f"{half / base:.1f} x GetTrack{results}"
        print(f"{kind}: p50 {half:.1f} ms, p95 {tail:.1f} ms, {ratio}")


async def main(count: int) -> None:
    """Measures one size of catalogue."""
    titles = Titles()
    with stores.postgres() as (_, dsn), stores.engine() as (_, engine):
        settings = make_settings(dsn, engine, "text")
        async with (
            build(settings) as registrations,
            serving(registrations) as target,
            open_channel(target) as channel,
            open_database(dsn, 4, 60.0, 60.0) as database,
        ):
            made = await add(dsn, titles, count)
            began = time.perf_counter()
            await fill(database)
            seconds = time.perf_counter() - began
            print(f"{count} tracks; their words made in {seconds:.1f} s")
            await measure(Client(channel), titles, made)
        connection = await asyncpg.connect(dsn)
        size = await connection.fetchval("SELECT pg_total_relation_size('catalog.track_text')")
        await connection.close()
        print(f"{size / count:.0f} bytes a track")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else _TRACKS))
