"""Finds tracks by words: from what is written so to what is nearly written so, then ranked.

A search takes up to 500 tracks from a query of each kind, strict ones first; misspellings and
sounds are asked for only when few tracks have the words as they are, so that they never crowd out
what was meant. All of them are ranked, whatever page is wanted: pages of one query fit together as
long as the catalogue stays.
"""

from __future__ import annotations

from typing import NamedTuple

from match_svc.folding import words
from match_svc.lexemes import QUERY_WORDS_MAX, tiers
from match_svc.model import Track, TrackState
from match_svc.relevance import Ranking
from match_svc.scan_limit import scan_limit
from match_svc.stores import track_text, tracks
from match_svc.stores.postgres import Connection, Database
from match_svc.stores.track_text import FoundText
from match_svc.workers import Workers
from mesh.runtime.errors import InvalidRequestError

RESULTS_MAX = 500
# With so many tracks found by what was written, nothing else is looked for.
_ENOUGH = 20


class FoundTrack(NamedTuple):
    """A track and how well it fits, in (0, 1]."""

    track: Track
    relevance: float


class TrackFinder:
    """Use case of `CatalogService.SearchTracks`."""

    def __init__(self, database: Database, workers: Workers) -> None:
        self._database = database
        self._workers = workers

    async def find(self, query: str, begin: int, size: int) -> tuple[list[FoundTrack], int]:
        """Returns results `begin` to `begin + size` of a query, best first.

        Returns:
            The results, and how many there are on all pages.

        Raises:
            InvalidRequestError: the query has no letter or digit.
            QueryTooBroadError, StoreUnreachableError.
        """
        wanted = words(query, QUERY_WORDS_MAX)
        if not wanted:
            raise InvalidRequestError(
                "sonica.catalog", [("query", repr(query), "must have a letter or a digit")]
            )
        async with self._database.connection("search_tracks") as connection:
            async with scan_limit():
                found = await _found(connection, wanted)
            ranked = await self._workers.run(_ranked, wanted, list(found.values()))
            shown = dict(ranked[begin : begin + size])
            known = await tracks.find_numbers(connection, list(shown))
        by_number = {track.track_number: track for track in known}
        results = [
            FoundTrack(by_number[number], relevance)
            for number, relevance in shown.items()
            if number in by_number and by_number[number].state is TrackState.ACTIVE
        ]
        return results, len(ranked)


async def _found(connection: Connection, wanted: list[str]) -> dict[int, FoundText]:
    found: dict[int, FoundText] = {}
    for looked_for, only_for_want in tiers(wanted):
        if len(found) >= (_ENOUGH if only_for_want else RESULTS_MAX):
            break
        for each in await track_text.find(connection, looked_for, RESULTS_MAX):
            if len(found) < RESULTS_MAX:
                found.setdefault(each.track_number, each)
    return found


def _ranked(query: list[str], found: list[FoundText]) -> list[tuple[int, float]]:
    """Returns track numbers with their relevance; of equals, the shorter title comes first."""
    ranking = Ranking(query)
    order = [
        (-ranking.relevance(text.folded), len(text.folded[0].split()), text.track_number)
        for text in found
    ]
    return [(number, -relevance) for relevance, _, number in sorted(order)]
