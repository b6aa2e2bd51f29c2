"""Deliveries in PostgreSQL: all SQL about `users.webhook_delivery`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from user_svc.webhooks.model import Delivery, Event, Outcome, State

if TYPE_CHECKING:
    import asyncpg

    from user_svc.stores.postgres import Connection

_COLUMNS = """delivery_number, event_id, event, body, state, attempt_count, create_time,
    attempt_time, last_attempt_time, last_status_code, last_error, response_excerpt"""
_SWEPT_AT_ONCE = 10_000


class Attempt(NamedTuple):
    """One delivery that is tried now.

    Attributes:
        attempt_count: with this attempt; a delivery whose count has changed is another's by now.
    """

    delivery_number: int
    event_id: str
    body: str
    attempt_count: int


async def counts_waiting(connection: Connection, webhook_numbers: Sequence[int]) -> dict[int, int]:
    """Returns how many deliveries wait, by webhook."""
    rows = await connection.fetch(
        "SELECT webhook_number, count(*) FROM users.webhook_delivery "
        "WHERE webhook_number = ANY($1) AND attempt_time IS NOT NULL GROUP BY webhook_number",
        webhook_numbers,
    )
    return {row["webhook_number"]: row["count"] for row in rows}


async def insert(
    connection: Connection, webhook_number: int, event_id: str, event: Event, body: str
) -> Delivery | None:
    """Queues an event; returns None when the webhook had it before."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO users.webhook_delivery (webhook_number, event_id, event, body)
        VALUES ($1, $2, $3, $4) ON CONFLICT (webhook_number, event_id) DO NOTHING
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - names of our own columns
        webhook_number,
        event_id,
        event.value,
        body,
    )
    return _delivery(row) if row else None


async def queue_again(
    connection: Connection, webhook_number: int, delivery_number: int
) -> Delivery | None:
    """Lets a delivery begin anew, now; returns None when there is none."""
    row = await connection.fetchrow(
        f"""
        UPDATE users.webhook_delivery
        SET state = 'WAITING', attempt_time = now(), attempt_count = 0
        WHERE webhook_number = $1 AND delivery_number = $2 RETURNING {_COLUMNS}
        """,  # noqa: S608 - names of our own columns
        webhook_number,
        delivery_number,
    )
    return _delivery(row) if row else None


async def page(
    connection: Connection, webhook_number: int, before: int | None, limit: int
) -> list[Delivery]:
    """Returns the next deliveries of a webhook, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM users.webhook_delivery "  # noqa: S608 - our columns
        "WHERE webhook_number = $1 AND ($2::bigint IS NULL OR delivery_number < $2) "
        "ORDER BY delivery_number DESC LIMIT $3",
        webhook_number,
        before,
        limit,
    )
    return [_delivery(row) for row in rows]


async def begin(
    connection: Connection, webhook_number: int, limit: int, seconds: float
) -> list[Attempt]:
    """Takes what is due, the oldest first, and counts the attempt.

    Should we die, it is due again after `seconds`.
    """
    rows = await connection.fetch(
        """
        UPDATE users.webhook_delivery SET attempt_count = attempt_count + 1,
            last_attempt_time = now(), attempt_time = now() + make_interval(secs => $3)
        WHERE delivery_number IN (
            SELECT delivery_number FROM users.webhook_delivery
            WHERE webhook_number = $1 AND attempt_time <= now()
            ORDER BY attempt_time, delivery_number LIMIT $2)
        RETURNING delivery_number, event_id, body, attempt_count
        """,
        webhook_number,
        limit,
        seconds,
    )
    return [Attempt(*row.values()) for row in rows]


async def end(
    connection: Connection, attempt: Attempt, outcome: Outcome, wait_seconds: float | None
) -> None:
    """Stores what came of an attempt, unless the delivery has begun anew meanwhile.

    Args:
        connection: inside a transaction.
        attempt: what `begin` returned.
        outcome: of it.
        wait_seconds: until the next attempt; None when there is none.
    """
    state = State.WAITING
    if outcome.is_taken:
        state, wait_seconds = State.DELIVERED, None
    elif wait_seconds is None:
        state = State.GIVEN_UP
    await connection.execute(
        """
        UPDATE users.webhook_delivery SET state = $3,
            attempt_time = now() + make_interval(secs => $4), last_status_code = $5,
            last_error = $6, response_excerpt = $7
        WHERE delivery_number = $1 AND attempt_count = $2 AND state = 'WAITING'
        """,
        attempt.delivery_number,
        attempt.attempt_count,
        state.value,
        wait_seconds,
        outcome.status_code,
        outcome.error,
        outcome.excerpt,
    )


async def put_off(
    connection: Connection, attempt: Attempt, outcome: Outcome, wait_seconds: float
) -> None:
    """Lets an attempt that came to nothing through no fault of the receiver's be made again.

    Args:
        connection: inside a transaction.
        attempt: what `begin` returned; it counts no more.
        outcome: tells why.
        wait_seconds: until it is made again.
    """
    await connection.execute(
        """
        UPDATE users.webhook_delivery SET attempt_count = attempt_count - 1,
            attempt_time = now() + make_interval(secs => $3), last_error = $4
        WHERE delivery_number = $1 AND attempt_count = $2 AND state = 'WAITING'
        """,
        attempt.delivery_number,
        attempt.attempt_count,
        wait_seconds,
        outcome.error,
    )


async def give_up_waiting(connection: Connection, webhook_number: int, why: str) -> None:
    """Gives up whatever waits for a webhook."""
    await connection.execute(
        "UPDATE users.webhook_delivery SET state = 'GIVEN_UP', attempt_time = NULL, "
        "last_error = $2 WHERE webhook_number = $1 AND attempt_time IS NOT NULL",
        webhook_number,
        why,
    )


async def sweep(connection: Connection, kept_seconds: float, kept_each: int) -> None:
    """Forgets some of what is over and old, or one of too many of one webhook."""
    await connection.execute(
        """
        DELETE FROM users.webhook_delivery WHERE delivery_number IN (
            SELECT delivery_number FROM users.webhook_delivery
            WHERE create_time < now() - make_interval(secs => $1) AND attempt_time IS NULL
            LIMIT $2)
        """,
        kept_seconds,
        _SWEPT_AT_ONCE,
    )
    await connection.execute(
        """
        DELETE FROM users.webhook_delivery d
        USING users.webhook w CROSS JOIN LATERAL (
            SELECT delivery_number FROM users.webhook_delivery
            WHERE webhook_number = w.webhook_number
            ORDER BY delivery_number DESC OFFSET $1 LIMIT 1) AS oldest_kept
        WHERE d.webhook_number = w.webhook_number AND d.attempt_time IS NULL
            AND d.delivery_number <= oldest_kept.delivery_number
        """,
        kept_each,
    )


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(
        delivery_number=row["delivery_number"],
        event_id=row["event_id"],
        event=Event(row["event"]),
        body=row["body"],
        state=State(row["state"]),
        attempt_count=row["attempt_count"],
        create_time=row["create_time"],
        attempt_time=row["attempt_time"],
        last_attempt_time=row["last_attempt_time"],
        last_status_code=row["last_status_code"],
        last_error=row["last_error"],
        response_excerpt=row["response_excerpt"],
    )
