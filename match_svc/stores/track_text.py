"""The words of tracks in PostgreSQL: all SQL about `catalog.track_text`.

Every function takes a connection; a row is written in the transaction that writes its track.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from match_svc.folding import FOLDING_VERSION
from match_svc.lexemes import folded_fields, track_lexemes
from match_svc.model import Description

if TYPE_CHECKING:
    from match_svc.stores.postgres import Connection


class FoundText(NamedTuple):
    """A track that a query found, and its words."""

    track_number: int
    folded: list[str]


async def write(connection: Connection, track_number: int, about: Description) -> None:
    """Stores the words of a track in the place of those it had."""
    await write_all(connection, [(track_number, about)])


async def write_all(connection: Connection, described: Iterable[tuple[int, Description]]) -> None:
    """Stores the words of tracks in the place of those they had."""
    await connection.executemany(
        """
        INSERT INTO catalog.track_text (track_number, folding_version, folded, lexemes)
        VALUES ($1, $2, $3, $4::text::tsvector)
        ON CONFLICT (track_number) DO UPDATE SET
            folding_version = excluded.folding_version,
            folded = excluded.folded,
            lexemes = excluded.lexemes
        """,
        [
            (number, FOLDING_VERSION, folded_fields(about), track_lexemes(about))
            for number, about in described
        ],
    )


async def find(connection: Connection, query: str, limit: int) -> list[FoundText]:
    """Returns the ACTIVE ones of the first tracks that a tsquery finds, by registration.

    What the index has is counted out before the first are taken, and those are fetched one by one:
    left alone, the planner walks through all tracks, in one order or another, whenever it thinks
    that many are found.
    """
    rows = await connection.fetch(
        """
        WITH found AS MATERIALIZED (
            SELECT track_number FROM catalog.track_text WHERE lexemes @@ $1::text::tsquery
        )
        SELECT x.track_number, x.folded
        FROM catalog.track_text x JOIN catalog.track t USING (track_number)
        WHERE t.state = 'ACTIVE' AND x.track_number = ANY (
            ARRAY (SELECT track_number FROM found ORDER BY track_number LIMIT $2)
        )
        """,
        query,
        limit,
    )
    return [FoundText(row["track_number"], row["folded"]) for row in rows]


async def stale(connection: Connection, after: int, limit: int) -> list[int]:
    """Returns the next tracks without words of this folding; nobody else writes them meanwhile."""
    rows = await connection.fetch(
        """
        SELECT track_number FROM catalog.track t
        WHERE track_number > $1 AND NOT EXISTS (
            SELECT FROM catalog.track_text x
            WHERE x.track_number = t.track_number AND x.folding_version = $3
        )
        ORDER BY track_number LIMIT $2 FOR UPDATE
        """,
        after,
        limit,
        FOLDING_VERSION,
    )
    return [row["track_number"] for row in rows]
