"""Webhooks in PostgreSQL: all SQL about `users.webhook`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from user_svc.webhooks.model import Event, Webhook

if TYPE_CHECKING:
    import asyncpg

    from user_svc.stores.postgres import Connection

_COLUMNS = """webhook_number, webhook_id, user_id, display_name, url, events, disabled,
    disable_reason, create_time, update_time, fail_time, dropped_count"""
#: Columns that `update` may set.
CHANGEABLE = frozenset({"display_name", "url", "events", "disabled"})


@dataclass(frozen=True, slots=True)
class Leased:
    """A webhook that one replica posts to for now.

    Attributes:
        lease_time: until when, by the database's clock.
        sealed_secrets: those that are good, the newest first, as stored.
    """

    webhook_number: int
    user_id: UUID
    name: str
    url: str = field(repr=False)
    lease_time: datetime
    sealed_secrets: tuple[bytes, ...] = field(repr=False)


async def count(connection: Connection, user_id: UUID) -> int:
    """Returns how many webhooks an account has."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM users.webhook WHERE user_id = $1", user_id
    )
    return found


async def insert(
    connection: Connection,
    user_id: UUID,
    webhook_id: str,
    values: Mapping[str, object],
    secret: bytes,
    request_id: UUID | None,
) -> Webhook:
    """Stores a new webhook.

    Args:
        connection: inside a transaction.
        user_id: whose it is.
        webhook_id: of the new one.
        values: of all columns in `CHANGEABLE`.
        secret: sealed.
        request_id: of the call, None when it has none.
    """
    row = await connection.fetchrow(
        f"""
        INSERT INTO users.webhook
            (user_id, webhook_id, display_name, url, events, disabled, secret, request_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_COLUMNS}
        """,  # noqa: S608 - names of our own columns
        user_id,
        webhook_id,
        values["display_name"],
        values["url"],
        values["events"],
        values["disabled"],
        secret,
        request_id,
    )
    assert row is not None  # noqa: S101 - an INSERT that returns
    return _webhook(row)


async def find_request(connection: Connection, user_id: UUID, request_id: UUID) -> Webhook | None:
    """Returns the webhook that a request of an account has made."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM users.webhook "  # noqa: S608 - our columns
        "WHERE user_id = $1 AND request_id = $2",
        user_id,
        request_id,
    )
    return _webhook(row) if row else None


async def find(
    connection: Connection, user_id: UUID, webhook_id: str, *, lock: bool = False
) -> Webhook | None:
    """Returns a webhook; with `lock` nobody else changes it in this transaction."""
    locking = "FOR NO KEY UPDATE" if lock else ""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM users.webhook "  # noqa: S608 - our columns
        f"WHERE user_id = $1 AND webhook_id = $2 {locking}",
        user_id,
        webhook_id,
    )
    return _webhook(row) if row else None


async def page(
    connection: Connection, user_id: UUID, before: int | None, limit: int
) -> list[Webhook]:
    """Returns the next webhooks of an account, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM users.webhook "  # noqa: S608 - our columns
        "WHERE user_id = $1 AND ($2::bigint IS NULL OR webhook_number < $2) "
        "ORDER BY webhook_number DESC LIMIT $3",
        user_id,
        before,
        limit,
    )
    return [_webhook(row) for row in rows]


async def update(
    connection: Connection, webhook_number: int, changes: Mapping[str, object]
) -> Webhook:
    """Stores values of columns among `CHANGEABLE`; one that is enabled begins anew.

    Raises:
        ValueError: another column is named.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise ValueError(f"not to be changed: {sorted(unknown)}")
    columns = "".join(f", {name} = ${place}" for place, name in enumerate(changes, start=2))
    if changes.get("disabled") is False:
        columns += ", disable_reason = '', fail_time = NULL"
    row = await connection.fetchrow(
        f"UPDATE users.webhook SET update_time = now(){columns} "  # noqa: S608 - our columns
        f"WHERE webhook_number = $1 RETURNING {_COLUMNS}",
        webhook_number,
        *changes.values(),
    )
    assert row is not None  # noqa: S101 - who calls holds it locked
    return _webhook(row)


async def rotate(
    connection: Connection, webhook_number: int, secret: bytes, overlap_seconds: float
) -> Webhook:
    """Stores another secret; the one before stays good for a while."""
    row = await connection.fetchrow(
        f"""
        UPDATE users.webhook SET update_time = now(), secret = $2, previous_secret = secret,
            previous_end_time = now() + make_interval(secs => $3)
        WHERE webhook_number = $1 RETURNING {_COLUMNS}
        """,  # noqa: S608 - names of our own columns
        webhook_number,
        secret,
        overlap_seconds,
    )
    assert row is not None  # noqa: S101 - who calls holds it locked
    return _webhook(row)


async def delete(connection: Connection, user_id: UUID, webhook_id: str) -> bool:
    """Deletes a webhook with its deliveries; returns whether there was one."""
    found = await connection.fetchval(
        "DELETE FROM users.webhook WHERE user_id = $1 AND webhook_id = $2 RETURNING true",
        user_id,
        webhook_id,
    )
    return bool(found)


async def lock_wanting(
    connection: Connection, user_ids: Sequence[UUID], events: Sequence[Event]
) -> list[Webhook]:
    """Returns the webhooks that happenings may be for, which nobody changes meanwhile.

    They are locked in one order, so two transactions never wait for each other.

    Args:
        connection: inside the transaction of what happened.
        user_ids: whose recognitions there are; those who keep no history are left out.
        events: of the catalogue, for admins.
    """
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM users.webhook w
        WHERE NOT disabled AND (
            user_id IN (SELECT a.user_id FROM users.account a
                WHERE a.user_id = ANY($1) AND NOT a.history_disabled)
            AND 'RECOGNITION_MATCHED' = ANY(events)
            OR events && $2 AND user_id IN (SELECT a.user_id FROM users.account a
                WHERE a.role = 'ADMIN'))
        ORDER BY webhook_number FOR NO KEY UPDATE
        """,  # noqa: S608 - names of our own columns
        user_ids,
        [event.value for event in events],
    )
    return [_webhook(row) for row in rows]


async def wake(connection: Connection, webhook_number: int, dropped: int = 0) -> None:
    """Stores that something waits to be posted now, and what found no room."""
    await connection.execute(
        "UPDATE users.webhook SET due_time = least(due_time, now()), "
        "dropped_count = dropped_count + $2 WHERE webhook_number = $1",
        webhook_number,
        dropped,
    )


async def lease(connection: Connection, limit: int, seconds: float) -> list[Leased]:
    """Takes the webhooks that have waited longest and that no replica has for now."""
    rows = await connection.fetch(
        """
        UPDATE users.webhook SET lease_time = now() + make_interval(secs => $2)
        WHERE webhook_number IN (
            SELECT webhook_number FROM users.webhook
            WHERE due_time <= now() AND NOT disabled
                AND (lease_time IS NULL OR lease_time <= now())
            ORDER BY due_time LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING webhook_number, webhook_id, user_id, url, lease_time, secret,
            CASE WHEN previous_end_time > now() THEN previous_secret END AS previous_secret
        """,
        limit,
        seconds,
    )
    return [
        Leased(
            webhook_number=row["webhook_number"],
            user_id=row["user_id"],
            name=f"users/{row['user_id']}/webhooks/{row['webhook_id']}",
            url=row["url"],
            lease_time=row["lease_time"],
            sealed_secrets=tuple(s for s in (row["secret"], row["previous_secret"]) if s),
        )
        for row in rows
    ]


async def lock(connection: Connection, webhook_number: int) -> bool:
    """Waits until nobody else changes a webhook or its deliveries; returns whether it is there."""
    found = await connection.fetchval(
        "SELECT true FROM users.webhook WHERE webhook_number = $1 FOR NO KEY UPDATE",
        webhook_number,
    )
    return bool(found)


async def give_back(
    connection: Connection, leased: Leased, *, taken: bool | None, disable_seconds: float
) -> bool:
    """Ends a lease; returns whether nothing was taken for so long that it has to be disabled.

    What still waits is due from now on, not since it waits: the webhooks take turns.

    Args:
        connection: inside a transaction that holds `lock`, in which its deliveries were stored.
        leased: what `lease` returned.
        taken: whether the receiver took any of them; None when none was tried.
        disable_seconds: how long it may take none.
    """
    too_long = await connection.fetchval(
        """
        UPDATE users.webhook SET
            lease_time = CASE WHEN lease_time = $2 THEN NULL ELSE lease_time END,
            due_time = (SELECT greatest(d.attempt_time, now()) FROM users.webhook_delivery d
                WHERE d.webhook_number = $1 AND d.attempt_time IS NOT NULL
                ORDER BY d.attempt_time LIMIT 1),
            fail_time = CASE $3::boolean WHEN true THEN NULL
                WHEN false THEN coalesce(fail_time, now()) ELSE fail_time END
        WHERE webhook_number = $1
        RETURNING NOT $3 AND fail_time <= now() - make_interval(secs => $4)
        """,
        leased.webhook_number,
        leased.lease_time,
        taken,
        disable_seconds,
    )
    return bool(too_long)


async def disable(connection: Connection, webhook_number: int, reason: str) -> bool:
    """Posts nothing more to a webhook; returns whether it was not disabled before."""
    changed = await connection.fetchval(
        "UPDATE users.webhook SET disabled = true, disable_reason = $2, update_time = now(), "
        "due_time = NULL WHERE webhook_number = $1 AND NOT disabled RETURNING true",
        webhook_number,
        reason,
    )
    return bool(changed)


def _webhook(row: asyncpg.Record) -> Webhook:
    return Webhook(
        webhook_number=row["webhook_number"],
        webhook_id=row["webhook_id"],
        user_id=row["user_id"],
        display_name=row["display_name"],
        url=row["url"],
        events=tuple(map(Event, row["events"])),
        disabled=row["disabled"],
        disable_reason=row["disable_reason"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        fail_time=row["fail_time"],
        dropped_count=row["dropped_count"],
    )
