"""Fingerprints in PostgreSQL: all SQL about `catalog.fingerprint` but that of `passages`.

A track has at most one of each algorithm version. Every function takes a connection; who opens the
transaction decides what is atomic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from match_svc.landmark_starts import landmark_starts
from match_svc.model import Fingerprint

if TYPE_CHECKING:
    from match_svc.stores.postgres import Connection


async def insert(connection: Connection, track_number: int, fingerprint: Fingerprint) -> bool:
    """Stores a fingerprint of a track; returns False when one of its version is there already."""
    stored = await connection.fetchval(
        """
        INSERT INTO catalog.fingerprint (track_number, algorithm_version, active_window_count,
            vectors_f16le, active_windows, landmarks, landmark_starts)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT DO NOTHING RETURNING true
        """,
        track_number,
        fingerprint.algorithm_version,
        len(fingerprint.active_windows) - fingerprint.active_windows.count(0),
        fingerprint.vectors_f16le,
        fingerprint.active_windows,
        fingerprint.landmarks,
        landmark_starts(fingerprint.landmarks),
    )
    return bool(stored)


async def read(
    connection: Connection, track_number: int, algorithm_version: int
) -> Fingerprint | None:
    """Returns a whole fingerprint; None when the track is gone or has none of that version."""
    row = await connection.fetchrow(
        """
        SELECT t.duration_us, f.vectors_f16le, f.active_windows, f.landmarks
        FROM catalog.track t JOIN catalog.fingerprint f USING (track_number)
        WHERE t.track_number = $1 AND f.algorithm_version = $2
        """,
        track_number,
        algorithm_version,
    )
    if row is None:
        return None
    return Fingerprint(
        algorithm_version=algorithm_version,
        vectors_f16le=row["vectors_f16le"],
        active_windows=row["active_windows"],
        landmarks=row["landmarks"],
        duration=row["duration_us"],
    )


async def read_active_windows(connection: Connection, track_number: int) -> list[bytes]:
    """Returns, for each fingerprint of a track, which rows the index may hold."""
    rows = await connection.fetch(
        "SELECT active_windows FROM catalog.fingerprint WHERE track_number = $1", track_number
    )
    return [row["active_windows"] for row in rows]


async def missing(
    connection: Connection, algorithm_version: int, limit: int
) -> tuple[int, list[str]]:
    """Returns how many ACTIVE tracks have no fingerprint of a version, and names of the first."""
    rows = await connection.fetch(
        """
        SELECT count(*) OVER () AS count,
            coalesce(nullif(t.title, ''), t.external_id, t.track_id::text)
                || coalesce(' by ' || nullif(t.artist, ''), '') AS name
        FROM catalog.track t
        WHERE t.state = 'ACTIVE' AND NOT EXISTS (
            SELECT FROM catalog.fingerprint f
            WHERE f.track_number = t.track_number AND f.algorithm_version = $1)
        ORDER BY t.track_number LIMIT $2
        """,
        algorithm_version,
        limit,
    )
    return (rows[0]["count"], [row["name"] for row in rows]) if rows else (0, [])


async def count_tracks(connection: Connection, algorithm_versions: Sequence[int]) -> dict[int, int]:
    """Returns, for each version, how many ACTIVE tracks have a fingerprint of it."""
    rows = await connection.fetch(
        """
        SELECT v.algorithm_version, (
            SELECT count(*) FROM catalog.fingerprint f JOIN catalog.track t USING (track_number)
            WHERE f.algorithm_version = v.algorithm_version AND t.state = 'ACTIVE') AS count
        FROM unnest($1::integer[]) AS v(algorithm_version)
        """,
        algorithm_versions,
    )
    return {row["algorithm_version"]: row["count"] for row in rows}


async def count_active(
    connection: Connection, through: int, algorithm_version: int
) -> tuple[int, int]:
    """Returns number and vectors of the ACTIVE tracks up to and including a track number.

    Only those count that have a fingerprint of the version.
    """
    row = await connection.fetchrow(
        """
        SELECT count(*) AS tracks, coalesce(sum(f.active_window_count), 0)::bigint AS windows
        FROM catalog.track t JOIN catalog.fingerprint f USING (track_number)
        WHERE t.track_number <= $1 AND t.state = 'ACTIVE' AND f.algorithm_version = $2
        """,
        through,
        algorithm_version,
    )
    return (row["tracks"], row["windows"]) if row else (0, 0)


async def count_unfinished_windows(connection: Connection, algorithm_version: int) -> int:
    """Returns how many vectors tracks that are PENDING or DELETING may have in a generation."""
    count: int = await connection.fetchval(
        """
        SELECT coalesce(sum(f.active_window_count), 0)::bigint
        FROM catalog.track t JOIN catalog.fingerprint f USING (track_number)
        WHERE t.state <> 'ACTIVE' AND f.algorithm_version = $1
        """,
        algorithm_version,
    )
    return count


async def delete_others(connection: Connection, algorithm_version: int, limit: int) -> int:
    """Deletes some fingerprints of other versions; returns how many."""
    # Two ranges, not `<>`, for which PostgreSQL would read the whole index.
    rows = await connection.fetch(
        """
        DELETE FROM catalog.fingerprint f USING (
            SELECT track_number, algorithm_version FROM catalog.fingerprint
            WHERE algorithm_version < $1 OR algorithm_version > $1 LIMIT $2
        ) other
        WHERE f.track_number = other.track_number
            AND f.algorithm_version = other.algorithm_version
        RETURNING true
        """,
        algorithm_version,
        limit,
    )
    return len(rows)
