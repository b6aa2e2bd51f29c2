"""Reads the passages of candidate tracks, and the epoch they were read in, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import sonica_core

from match_svc.landmark_starts import BUCKET_FRAMES, LANDMARK_BYTES
from match_svc.passage_ranges import EDGE_ROWS, REFERENCE_STRIDE_FRAMES, PassageRange

if TYPE_CHECKING:
    from match_svc.stores.postgres import Connection

_ROWS_PER_BUCKET = BUCKET_FRAMES // REFERENCE_STRIDE_FRAMES

# The ledger on the left gives the epoch even when no candidate is ACTIVE.
_READ = f"""
SELECT l.epoch, l.algorithm_version AS catalog_version, p.* FROM catalog.ledger l LEFT JOIN (
    SELECT t.track_number, t.track_id, t.revision, w.first_row,
        substring(f.vectors_f16le
            from w.first_row * $7::integer + 1 for w.row_count * $7::integer) AS vectors,
        substring(f.active_windows from w.first_row + 1 for w.row_count) AS active_windows,
        substring(f.landmarks
            from b.first * {LANDMARK_BYTES} + 1 for (b.past - b.first) * {LANDMARK_BYTES}
        ) AS landmarks
    FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::integer[], $5::integer[])
        AS w(track_number, first_row, row_count, first_bucket, past_bucket)
    JOIN catalog.track t ON t.track_number = w.track_number AND t.state = 'ACTIVE'
    JOIN catalog.fingerprint f
        ON f.track_number = w.track_number AND f.algorithm_version = $6
    CROSS JOIN LATERAL (SELECT
        coalesce(f.landmark_starts[w.first_bucket + 1],
            octet_length(f.landmarks) / {LANDMARK_BYTES}) AS first,
        coalesce(f.landmark_starts[w.past_bucket + 1],
            octet_length(f.landmarks) / {LANDMARK_BYTES}) AS past) b
) p ON true
"""  # noqa: S608 - only our own constants are put in


class Song(NamedTuple):
    """A track as something was said of it: neither part alone names that."""

    track_id: UUID
    revision: int


class Passages(NamedTuple):
    """What was read.

    Attributes:
        epoch: of the catalogue the passages are from.
        algorithm_version: that catalogue is searched by; not always that of the passages.
        references: passages of ACTIVE tracks.
        songs: id and revision by track number.
    """

    epoch: UUID
    algorithm_version: int
    references: list[sonica_core.ReferencePassage]
    songs: dict[int, Song]


async def read_epoch(connection: Connection) -> UUID:
    """Returns the current epoch."""
    epoch: UUID = await connection.fetchval("SELECT epoch FROM catalog.ledger")
    return epoch


async def read_passages(
    connection: Connection, algorithm_version: int, ranges: Sequence[PassageRange]
) -> Passages:
    """Reads slices of the fingerprints, of one version, of those tracks that are ACTIVE."""
    rows = await connection.fetch(
        _READ,
        [wanted.track_number for wanted in ranges],
        [wanted.first_row for wanted in ranges],
        [wanted.row_count for wanted in ranges],
        [wanted.first_row // _ROWS_PER_BUCKET for wanted in ranges],
        [-(-(wanted.past_row + EDGE_ROWS) // _ROWS_PER_BUCKET) for wanted in ranges],
        algorithm_version,
        sonica_core.row_bytes(algorithm_version),
    )
    found = [row for row in rows if row["track_number"] is not None and row["active_windows"]]
    return Passages(
        epoch=rows[0]["epoch"],
        algorithm_version=rows[0]["catalog_version"],
        references=[
            sonica_core.ReferencePassage(
                algorithm_version,
                row["track_number"],
                row["first_row"],
                row["vectors"],
                row["active_windows"],
                row["landmarks"],
            )
            for row in found
        ],
        songs={row["track_number"]: Song(row["track_id"], row["revision"]) for row in found},
    )
