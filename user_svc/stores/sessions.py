"""Sessions in PostgreSQL: all SQL about `users.session`. One that has ended is not there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from user_svc.model import Caller, Role

if TYPE_CHECKING:
    from user_svc.stores.postgres import Connection


class Held(NamedTuple):
    """A session that may be refreshed."""

    user_id: UUID
    role: Role
    refresh_sha256: bytes


class Shown(NamedTuple):
    """A session as its owner may see it."""

    session_id: UUID
    create_time: datetime
    expire_time: datetime


async def of(connection: Connection, user_id: UUID) -> list[Shown]:
    """Returns the sessions of an account, whose number is bounded, the newest first."""
    rows = await connection.fetch(
        "SELECT session_id, create_time, expire_time FROM users.session WHERE user_id = $1 "
        "ORDER BY create_time DESC",
        user_id,
    )
    return [Shown(*row) for row in rows]


async def insert(
    connection: Connection,
    session_id: UUID,
    user_id: UUID,
    refresh_sha256: bytes,
    refresh_seconds: float,
    session_seconds: float,
) -> datetime:
    """Stores a new session; returns when it ends unless it is refreshed."""
    expire_time: datetime = await connection.fetchval(
        """
        INSERT INTO users.session (session_id, user_id, refresh_sha256, expire_time, end_time)
        SELECT $1, $2, $3, least(t.idle, t.last), t.last FROM (
            SELECT now() + make_interval(secs => $4) AS idle,
                now() + make_interval(secs => $5) AS last) t
        RETURNING expire_time
        """,
        session_id,
        user_id,
        refresh_sha256,
        refresh_seconds,
        session_seconds,
    )
    return expire_time


async def make_room(connection: Connection, user_id: UUID, kept: int) -> None:
    """Removes the sessions of an account that have ended, and the oldest beyond `kept`."""
    await connection.execute(
        """
        DELETE FROM users.session WHERE user_id = $1 AND (expire_time <= now() OR session_id NOT IN
            (SELECT session_id FROM users.session WHERE user_id = $1 AND expire_time > now()
            ORDER BY create_time DESC LIMIT $2))
        """,
        user_id,
        kept,
    )


async def lock(connection: Connection, session_id: UUID) -> Held | None:
    """Returns a session that goes on; nobody else refreshes or ends it in this transaction."""
    row = await connection.fetchrow(
        """
        SELECT s.user_id, a.role, s.refresh_sha256
        FROM users.session s JOIN users.account a USING (user_id)
        WHERE s.session_id = $1 AND s.expire_time > now() FOR UPDATE OF s
        """,
        session_id,
    )
    return Held(row["user_id"], Role(row["role"]), row["refresh_sha256"]) if row else None


async def refresh(
    connection: Connection, session_id: UUID, refresh_sha256: bytes, refresh_seconds: float
) -> datetime:
    """Stores the next refresh token of a session; returns when that one ends."""
    expire_time: datetime = await connection.fetchval(
        """
        UPDATE users.session SET refresh_sha256 = $2,
            expire_time = least(now() + make_interval(secs => $3), end_time)
        WHERE session_id = $1 RETURNING expire_time
        """,
        session_id,
        refresh_sha256,
        refresh_seconds,
    )
    return expire_time


async def caller(connection: Connection, session_id: UUID, user_id: UUID) -> Caller | None:
    """Returns whose session this is, with the role of now; None when it has ended."""
    role = await connection.fetchval(
        """
        SELECT a.role FROM users.session s JOIN users.account a USING (user_id)
        WHERE s.session_id = $1 AND s.user_id = $2 AND s.expire_time > now()
        """,
        session_id,
        user_id,
    )
    return Caller(user_id, Role(role), session_id) if role else None


async def end(connection: Connection, session_id: UUID) -> None:
    """Ends a session."""
    await connection.execute("DELETE FROM users.session WHERE session_id = $1", session_id)


async def end_all(connection: Connection, user_id: UUID, kept: UUID | None = None) -> int:
    """Ends the sessions of an account but one; returns how many of them went on till now."""
    count: int = await connection.fetchval(
        """
        WITH ended AS (
            DELETE FROM users.session WHERE user_id = $1 AND session_id IS DISTINCT FROM $2
            RETURNING expire_time)
        SELECT count(*) FROM ended WHERE expire_time > now()
        """,
        user_id,
        kept,
    )
    return count
