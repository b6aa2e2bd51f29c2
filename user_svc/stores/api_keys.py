"""API keys in PostgreSQL: all SQL about `users.api_key`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from user_svc.model import ApiKey, Role, Scope

if TYPE_CHECKING:
    import asyncpg

    from user_svc.stores.postgres import Connection

# A revoked key is kept so that its owner can see it; older ones make room for newer ones.
_REVOKED_KEPT = 100
# Last use is stored at most this often, so that a busy key does not write on every call.
_USE_SECONDS = 60.0
_COLUMNS = """key_number, key_id, user_id, display_name, scopes, create_time, expire_time,
    last_use_time, revoke_time, daily_recognition_limit"""
_LIVE = "revoke_time IS NULL AND (expire_time IS NULL OR expire_time > now())"


class Presented(NamedTuple):
    """A key that is good, and what the rest of its text has to be."""

    user_id: UUID
    role: Role
    scopes: tuple[Scope, ...]
    secret_sha256: bytes
    used_lately: bool


async def count_kept(connection: Connection, user_id: UUID) -> int:
    """Forgets the revoked keys beyond what is kept; returns how many are not revoked."""
    await connection.execute(
        """
        DELETE FROM users.api_key WHERE key_number IN (
            SELECT key_number FROM users.api_key WHERE user_id = $1 AND revoke_time IS NOT NULL
            ORDER BY key_number DESC OFFSET $2)
        """,
        user_id,
        _REVOKED_KEPT,
    )
    count: int = await connection.fetchval(
        "SELECT count(*) FROM users.api_key WHERE user_id = $1 AND revoke_time IS NULL", user_id
    )
    return count


async def insert(
    connection: Connection,
    user_id: UUID,
    key_id: str,
    secret_sha256: bytes,
    display_name: str,
    scopes: Sequence[Scope],
    expire_time: datetime | None,
    request_id: UUID | None,
    daily_recognition_limit: int,
) -> ApiKey:
    """Stores a new key."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO users.api_key
            (user_id, key_id, secret_sha256, display_name, scopes, expire_time, request_id,
             daily_recognition_limit)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_COLUMNS}
        """,  # noqa: S608 - names of our own columns
        user_id,
        key_id,
        secret_sha256,
        display_name,
        [scope.value for scope in scopes],
        expire_time,
        request_id,
        daily_recognition_limit,
    )
    return _key(row)


async def find_request(connection: Connection, user_id: UUID, request_id: UUID) -> ApiKey | None:
    """Returns the key that a request of an account has made."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM users.api_key "  # noqa: S608 - our columns
        "WHERE user_id = $1 AND request_id = $2",
        user_id,
        request_id,
    )
    return _key(row) if row else None


async def page(
    connection: Connection, user_id: UUID, before: int | None, limit: int
) -> list[ApiKey]:
    """Returns the next keys of an account, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM users.api_key "  # noqa: S608 - our columns
        "WHERE user_id = $1 AND ($2::bigint IS NULL OR key_number < $2) "
        "ORDER BY key_number DESC LIMIT $3",
        user_id,
        before,
        limit,
    )
    return [_key(row) for row in rows]


async def rotate(
    connection: Connection, user_id: UUID, key_id: str, secret_sha256: bytes
) -> ApiKey | None:
    """Stores another secret; returns None when the account has no such key that is good."""
    row = await connection.fetchrow(
        f"UPDATE users.api_key SET secret_sha256 = $3 "  # noqa: S608 - our columns
        f"WHERE user_id = $1 AND key_id = $2 AND {_LIVE} RETURNING {_COLUMNS}",
        user_id,
        key_id,
        secret_sha256,
    )
    return _key(row) if row else None


async def revoke(connection: Connection, user_id: UUID, key_id: str) -> ApiKey | None:
    """Revokes a key, or leaves it as revoked as it is; returns None when there is none."""
    row = await connection.fetchrow(
        f"UPDATE users.api_key SET revoke_time = coalesce(revoke_time, now()) "  # noqa: S608
        f"WHERE user_id = $1 AND key_id = $2 RETURNING {_COLUMNS}",
        user_id,
        key_id,
    )
    return _key(row) if row else None


async def find_live(connection: Connection, key_id: str) -> Presented | None:
    """Returns what a presented key is compared with; None when it is unknown or has ended."""
    row = await connection.fetchrow(
        f"""
        SELECT a.user_id, a.role, k.scopes, k.secret_sha256,
            k.last_use_time > now() - make_interval(secs => $2) AS used_lately
        FROM users.api_key k JOIN users.account a USING (user_id)
        WHERE k.key_id = $1 AND {_LIVE}
        """,  # noqa: S608 - no input
        key_id,
        _USE_SECONDS,
    )
    if row is None:
        return None
    return Presented(
        row["user_id"],
        Role(row["role"]),
        tuple(map(Scope, row["scopes"])),
        row["secret_sha256"],
        bool(row["used_lately"]),
    )


async def daily_recognition_limit(connection: Connection, key_id: str) -> int:
    """Returns the limit of a key; 0 when it has none of its own, or is unknown."""
    limit: int | None = await connection.fetchval(
        "SELECT daily_recognition_limit FROM users.api_key WHERE key_id = $1", key_id
    )
    return limit or 0


async def mark_used(connection: Connection, key_id: str) -> None:
    """Stores that a key was used now."""
    await connection.execute(
        "UPDATE users.api_key SET last_use_time = now() WHERE key_id = $1", key_id
    )


def _key(row: asyncpg.Record | None) -> ApiKey:
    assert row is not None  # noqa: S101 - who calls has looked, or has just inserted it
    return ApiKey(
        key_number=row["key_number"],
        key_id=row["key_id"],
        user_id=row["user_id"],
        display_name=row["display_name"],
        scopes=tuple(map(Scope, row["scopes"])),
        create_time=row["create_time"],
        expire_time=row["expire_time"],
        last_use_time=row["last_use_time"],
        revoke_time=row["revoke_time"],
        daily_recognition_limit=row["daily_recognition_limit"],
    )
