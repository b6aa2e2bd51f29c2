"""The history in PostgreSQL: all SQL about `users.recognition`."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from user_svc.recognition import Outcome, Place, Recognition, RecognitionQuery, RecognizedTrack
from user_svc.stores.conditions import Conditions

if TYPE_CHECKING:
    import asyncpg

    from user_svc.stores.postgres import Connection


class Placed(NamedTuple):
    """A recognition, and where it stands."""

    recognition: Recognition
    place: Place


async def wanted_by(connection: Connection, user_ids: Collection[UUID]) -> set[UUID]:
    """Returns those accounts that are there and want a history.

    They are there until the transaction ends: an erasure waits for it, and what comes after the
    erasure finds no account.
    """
    rows = await connection.fetch(
        "SELECT user_id, history_disabled FROM users.account WHERE user_id = ANY($1) "
        "ORDER BY user_id FOR KEY SHARE",
        list(user_ids),
    )
    return {row["user_id"] for row in rows if not row["history_disabled"]}


class Stored(NamedTuple):
    """A recognition that was just stored."""

    user_id: UUID
    recognition_number: int


async def insert(connection: Connection, recognitions: Sequence[Recognition]) -> list[Stored]:
    """Stores what is not stored yet, by its id; nothing is dated later than now.

    Returns:
        What was stored by this call.
    """
    rows = await connection.fetch(
        """
        INSERT INTO users.recognition
            (recognition_id, user_id, create_time, clip_seconds, matches, key_id, trace_id)
        SELECT r.id, r.user_id, least(r.create_time, now()), r.clip_seconds, r.matches::jsonb,
            r.key_id, r.trace_id
        FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::double precision[], $5::text[],
            $6::text[], $7::text[])
            AS r (id, user_id, create_time, clip_seconds, matches, key_id, trace_id)
        ON CONFLICT (recognition_id) DO NOTHING
        RETURNING user_id, recognition_number
        """,
        [each.recognition_id for each in recognitions],
        [each.user_id for each in recognitions],
        [each.create_time for each in recognitions],
        [each.clip_seconds for each in recognitions],
        [json.dumps([asdict(match) for match in each.matches]) for each in recognitions],
        [each.key_id for each in recognitions],
        [each.trace_id for each in recognitions],
    )
    return [Stored(*row) for row in rows]


async def forget_excess(connection: Connection, user_id: UUID, kept: int) -> None:
    """Removes the oldest recognitions of an account beyond `kept`.

    It walks the index over all that are kept: some tens of milliseconds for 100,000.
    """
    first = await connection.fetchrow(
        "SELECT create_time, recognition_number FROM users.recognition WHERE user_id = $1 "
        "ORDER BY create_time DESC, recognition_number DESC OFFSET $2 LIMIT 1",
        user_id,
        kept,
    )
    if first is not None:
        await connection.execute(
            "DELETE FROM users.recognition WHERE user_id = $1 "
            "AND (create_time, recognition_number) <= ($2, $3)",
            user_id,
            *first,
        )


async def forget_old(connection: Connection, retention_seconds: float, limit: int) -> int:
    """Removes recognitions of all accounts that are too old, at most `limit`; returns how many."""
    status = await connection.execute(
        """
        DELETE FROM users.recognition WHERE recognition_number IN (
            SELECT recognition_number FROM users.recognition
            WHERE create_time <= now() - make_interval(secs => $1)
            ORDER BY create_time LIMIT $2 FOR UPDATE SKIP LOCKED)
        """,
        retention_seconds,
        limit,
    )
    return _count(status)


async def page(
    connection: Connection,
    user_id: UUID,
    query: RecognitionQuery,
    retention_seconds: float,
    before: Place | None,
    limit: int,
) -> list[Placed]:
    """Returns the next recognitions of an account, the newest first.

    What is too old is not among them, whether it was removed already or not.
    """
    conditions = Conditions()
    conditions.add("user_id = {}", user_id)
    conditions.add("create_time > now() - make_interval(secs => {})", retention_seconds)
    if query.start_time is not None:
        conditions.add("create_time >= {}", query.start_time)
    if query.end_time is not None:
        conditions.add("create_time < {}", query.end_time)
    if query.outcome is Outcome.MATCHED:
        conditions.add("matches <> '[]'")
    if query.outcome is Outcome.UNMATCHED:
        conditions.add("matches = '[]'")
    if query.track_id:
        conditions.add("matches @> {}::jsonb", json.dumps([{"track_id": query.track_id}]))
    if before is not None:
        conditions.add("(create_time, recognition_number) < ({}, {})", *before)
    rows = await connection.fetch(
        f"""
        SELECT recognition_number, recognition_id, user_id, create_time, clip_seconds, matches,
            key_id, trace_id
        FROM users.recognition {conditions.where}
        ORDER BY create_time DESC, recognition_number DESC LIMIT {conditions.place(limit)}
        """,  # noqa: S608 - our own texts and placeholders
        *conditions.values,
    )
    return [
        Placed(_recognition(row), Place(row["create_time"], row["recognition_number"]))
        for row in rows
    ]


async def delete(connection: Connection, user_id: UUID, recognition_id: UUID) -> bool:
    """Removes one of an account; returns whether it was there."""
    status = await connection.execute(
        "DELETE FROM users.recognition WHERE user_id = $1 AND recognition_id = $2",
        user_id,
        recognition_id,
    )
    return _count(status) == 1


async def clear(connection: Connection, user_id: UUID) -> int:
    """Removes all of an account; returns how many."""
    return _count(
        await connection.execute("DELETE FROM users.recognition WHERE user_id = $1", user_id)
    )


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])  # "DELETE 3"


def _recognition(row: asyncpg.Record) -> Recognition:
    return Recognition(
        recognition_id=row["recognition_id"],
        user_id=row["user_id"],
        create_time=row["create_time"],
        clip_seconds=row["clip_seconds"],
        matches=tuple(RecognizedTrack(**match) for match in json.loads(row["matches"])),
        key_id=row["key_id"],
        trace_id=row["trace_id"],
    )
