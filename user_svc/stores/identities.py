"""Identities in PostgreSQL: all SQL about `users.identity`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from user_svc.social.model import Identity, Person

if TYPE_CHECKING:
    import asyncpg

    from user_svc.stores.postgres import Connection

_COLUMNS = """identity_number, identity_id, user_id, provider, issuer, subject, create_time,
    last_use_time, founding"""


async def find(connection: Connection, person: Person) -> Identity | None:
    """Returns the identity of a person, whomever it is linked to."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM users.identity "  # noqa: S608 - our columns
        "WHERE issuer = $1 AND subject = $2",
        person.issuer,
        person.subject,
    )
    return _identity(row) if row else None


async def insert(
    connection: Connection,
    user_id: UUID,
    identity_id: str,
    provider: str,
    person: Person,
    *,
    founding: bool,
) -> Identity | None:
    """Links a person; returns None when it is linked already, to whomever."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO users.identity (user_id, identity_id, provider, issuer, subject, founding)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (issuer, subject) DO NOTHING
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - names of our own columns
        user_id,
        identity_id,
        provider,
        person.issuer,
        person.subject,
        founding,
    )
    return _identity(row) if row else None


async def mark_used(connection: Connection, identity_number: int) -> None:
    """Stores that somebody has logged in with an identity now."""
    await connection.execute(
        "UPDATE users.identity SET last_use_time = now() WHERE identity_number = $1",
        identity_number,
    )


async def count(connection: Connection, user_id: UUID) -> int:
    """Returns how many identities an account has."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM users.identity WHERE user_id = $1", user_id
    )
    return found


async def page(
    connection: Connection, user_id: UUID, before: int | None, limit: int
) -> list[Identity]:
    """Returns the next identities of an account, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM users.identity "  # noqa: S608 - our columns
        "WHERE user_id = $1 AND ($2::bigint IS NULL OR identity_number < $2) "
        "ORDER BY identity_number DESC LIMIT $3",
        user_id,
        before,
        limit,
    )
    return [_identity(row) for row in rows]


async def delete(connection: Connection, user_id: UUID, identity_id: str) -> Identity | None:
    """Unlinks an identity; returns it as it was, None when the account had it not."""
    row = await connection.fetchrow(
        "DELETE FROM users.identity "  # noqa: S608 - our columns
        f"WHERE user_id = $1 AND identity_id = $2 RETURNING {_COLUMNS}",
        user_id,
        identity_id,
    )
    return _identity(row) if row else None


async def set_password_unknown(connection: Connection, user_id: UUID) -> None:
    """Stores that nobody knows the password of an account: it was made without one."""
    await connection.execute(
        "UPDATE users.account SET password_unknown = true WHERE user_id = $1", user_id
    )


async def is_password_unknown(connection: Connection, user_id: UUID) -> bool:
    """Tells whether an account can be logged in to by its identities only."""
    found = await connection.fetchval(
        "SELECT password_unknown FROM users.account WHERE user_id = $1", user_id
    )
    return bool(found)


def _identity(row: asyncpg.Record) -> Identity:
    return Identity(
        identity_number=row["identity_number"],
        identity_id=row["identity_id"],
        user_id=row["user_id"],
        provider=row["provider"],
        issuer=row["issuer"],
        subject=row["subject"],
        create_time=row["create_time"],
        last_use_time=row["last_use_time"],
        founding=row["founding"],
    )
