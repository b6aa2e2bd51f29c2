"""Tracks in PostgreSQL: all SQL about `catalog.track`.

Every function takes a connection; who opens the transaction decides what is atomic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import asyncpg

from match_svc.model import Description, Registration, Track, TrackState
from match_svc.stores import fingerprints, track_text

if TYPE_CHECKING:
    from match_svc.filters import TrackFilter
    from match_svc.stores.postgres import Connection

_DESCRIPTION = tuple(field.name for field in fields(Description))
_COLUMNS = f"""t.track_number, t.track_id, t.content_sha256, t.duration_us, t.state,
    t.create_time, t.update_time, t.revision, coalesce(t.external_id, '') AS external_id,
    {", ".join(f"t.{name}" for name in _DESCRIPTION if name != "external_id")},
    (SELECT l.algorithm_version FROM catalog.ledger l) AS algorithm_version,
    ARRAY(SELECT f.algorithm_version FROM catalog.fingerprint f
        WHERE f.track_number = t.track_number ORDER BY 1) AS algorithm_versions"""  # noqa: S608
_BEYOND_ALL = 2**43
_SELECT = f"SELECT {_COLUMNS} FROM catalog.track t"  # noqa: S608 - names of our own columns


class Claim(NamedTuple):
    """A registered track, and the request it was registered by."""

    track: Track
    request_id: UUID | None


async def insert(connection: Connection, registration: Registration) -> Track | None:
    """Stores a PENDING track with its words and its fingerprint.

    Returns:
        None, with nothing stored, when its content, request id or external id is there already.
    """
    description, fingerprint = registration.description, registration.fingerprint
    row = await connection.fetchrow(
        f"""
        INSERT INTO catalog.track AS t (
            content_sha256, request_id, duration_us, {", ".join(_DESCRIPTION)})
        VALUES ($1, $2, $3, {_places(4)})
        ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 - names of our own columns
        registration.content_sha256,
        registration.request_id,
        fingerprint.duration,
        *_values(description),
    )
    if row is None:
        return None
    track = _track(row)
    await track_text.write(connection, track.track_number, description)
    await fingerprints.insert(connection, track.track_number, fingerprint)
    return replace(track, algorithm_versions=(fingerprint.algorithm_version,))


async def describe(
    connection: Connection, track_number: int, description: Description
) -> Track | None:
    """Stores what is said of a track, locked by the caller, in the place of what was.

    Returns:
        None, with nothing stored, when its external id is another track's.
    """
    try:
        async with connection.transaction():
            row = await connection.fetchrow(
                f"""
                UPDATE catalog.track t SET ({", ".join(_DESCRIPTION)}) = ({_places(2)}),
                    revision = revision + 1, update_time = clock_timestamp()
                WHERE track_number = $1 RETURNING {_COLUMNS}
                """,  # noqa: S608 - names of our own columns
                track_number,
                *_values(description),
            )
    except asyncpg.UniqueViolationError:
        return None
    await track_text.write(connection, track_number, description)
    return _track(row) if row else None


async def claims(connection: Connection, registration: Registration) -> list[Claim]:
    """Returns the tracks that share content, request id or external id with a registration."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS}, t.request_id FROM catalog.track t "  # noqa: S608 - our own columns
        "WHERE t.content_sha256 = $1 OR t.request_id = $2 OR t.external_id = nullif($3, '')",
        registration.content_sha256,
        registration.request_id,
        registration.description.external_id,
    )
    return [Claim(_track(row), row["request_id"]) for row in rows]


async def find(connection: Connection, track_id: UUID) -> Track | None:
    """Returns the track with this id, whatever its state."""
    row = await connection.fetchrow(f"{_SELECT} WHERE t.track_id = $1", track_id)
    return _track(row) if row else None


async def find_external(connection: Connection, external_id: str) -> Track | None:
    """Returns the track with this external id, whatever its state."""
    row = await connection.fetchrow(f"{_SELECT} WHERE t.external_id = $1", external_id)
    return _track(row) if row else None


async def find_contents(connection: Connection, content_sha256s: Sequence[bytes]) -> list[Track]:
    """Returns the ACTIVE tracks made of any of these recordings."""
    rows = await connection.fetch(
        f"{_SELECT} WHERE t.content_sha256 = ANY($1) AND t.state = 'ACTIVE'", content_sha256s
    )
    return [_track(row) for row in rows]


async def find_ids(connection: Connection, track_ids: Sequence[UUID]) -> list[Track]:
    """Returns the tracks with these ids, whatever their state."""
    rows = await connection.fetch(f"{_SELECT} WHERE t.track_id = ANY($1)", track_ids)
    return [_track(row) for row in rows]


async def find_numbers(connection: Connection, track_numbers: Sequence[int]) -> list[Track]:
    """Returns the tracks with these numbers, whatever their state."""
    rows = await connection.fetch(f"{_SELECT} WHERE t.track_number = ANY($1)", track_numbers)
    return [_track(row) for row in rows]


async def page(connection: Connection, wanted: TrackFilter, after: int, limit: int) -> list[Track]:
    """Returns the next ACTIVE tracks of a filter by track number, in its order.

    Args:
        connection: to read by.
        wanted: which tracks, in which order.
        after: last track number of the page before; 0 for the first.
        limit: most tracks.
    """
    beyond, order, begin = ("<", "DESC", _BEYOND_ALL) if wanted.descending else (">", "ASC", 0)
    conditions = "".join(f" AND {condition}" for condition in wanted.conditions)
    rows = await connection.fetch(
        f"{_SELECT} WHERE t.state = 'ACTIVE' AND t.track_number {beyond} $1"
        f"{conditions} ORDER BY t.track_number {order} LIMIT $2",
        after or begin,
        limit,
        *wanted.values,
    )
    return [_track(row) for row in rows]


async def lock(
    connection: Connection, track_number: int, *, skip_locked: bool = False
) -> Track | None:
    """Returns a track and keeps all other writers off it until the transaction ends.

    Args:
        connection: inside a transaction.
        track_number: the track.
        skip_locked: return None instead of waiting for another writer.
    """
    how = "FOR UPDATE SKIP LOCKED" if skip_locked else "FOR UPDATE"
    row = await connection.fetchrow(f"{_SELECT} WHERE t.track_number = $1 {how}", track_number)
    return _track(row) if row else None


async def keep_active(connection: Connection, after: int, limit: int) -> list[int]:
    """Returns the next ACTIVE track numbers; those tracks stay so until the transaction ends."""
    rows = await connection.fetch(
        """
        SELECT track_number FROM catalog.track
        WHERE track_number > $1 AND state = 'ACTIVE' ORDER BY track_number LIMIT $2 FOR SHARE
        """,
        after,
        limit,
    )
    return [row["track_number"] for row in rows]


async def unfinished(connection: Connection, grace_seconds: float, limit: int) -> list[int]:
    """Returns tracks a crash may have left: DELETING ones, and PENDING ones of some age."""
    rows = await connection.fetch(
        """
        SELECT track_number FROM catalog.track
        WHERE state <> 'ACTIVE'
            AND (state = 'DELETING' OR create_time < now() - make_interval(secs => $1))
        ORDER BY track_number LIMIT $2
        """,
        grace_seconds,
        limit,
    )
    return [row["track_number"] for row in rows]


async def count_unfinished(connection: Connection) -> int:
    """Returns how many tracks are PENDING or DELETING."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM catalog.track WHERE state <> 'ACTIVE'"
    )
    return count


async def begin_removal(connection: Connection, track_number: int) -> None:
    """Makes a track DELETING that never was ACTIVE."""
    await connection.execute(
        "UPDATE catalog.track SET state = 'DELETING' WHERE track_number = $1", track_number
    )


async def delete(connection: Connection, track_number: int) -> None:
    """Removes a track and its fingerprints."""
    await connection.execute("DELETE FROM catalog.track WHERE track_number = $1", track_number)


def _values(description: Description) -> list[object]:
    """Returns the values of `_DESCRIPTION` as PostgreSQL takes them."""
    values = {name: getattr(description, name) for name in _DESCRIPTION}
    values["external_id"] = values["external_id"] or None
    values["external_ids"] = json.dumps(values["external_ids"])
    return list(values.values())


def _places(first: int) -> str:
    return ", ".join(f"${first + at}" for at in range(len(_DESCRIPTION)))


def _track(row: asyncpg.Record) -> Track:
    return Track(
        track_number=row["track_number"],
        track_id=row["track_id"],
        description=replace(
            Description(**{name: row[name] for name in _DESCRIPTION}),
            artists=tuple(row["artists"]),
            external_ids=json.loads(row["external_ids"]),
        ),
        duration=row["duration_us"],
        state=TrackState(row["state"]),
        algorithm_version=row["algorithm_version"],
        algorithm_versions=tuple(row["algorithm_versions"]),
        create_time=row["create_time"],
        content_sha256=row["content_sha256"],
        revision=row["revision"],
        update_time=row["update_time"],
    )
