"""Signing keys in PostgreSQL: all SQL about `users.signing_key`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from user_svc.model import SigningKey

if TYPE_CHECKING:
    from user_svc.stores.postgres import Connection

# Two replicas must not both find that the next key is missing. The number is arbitrary but ours.
_LOCK = 0x50_4E_49_43_41_00_03


class Stored(NamedTuple):
    """The keys that are not forgotten, the oldest first, and the time by the database's clock."""

    keys: list[SigningKey]
    now: datetime


async def lock(connection: Connection) -> None:
    """Waits until no other replica makes a key; holds until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def read(connection: Connection) -> Stored:
    """Returns all keys that may still verify a token, or will."""
    now = await connection.fetchval("SELECT now()")
    rows = await connection.fetch(
        "SELECT key_id, seed, sign_time, retire_time FROM users.signing_key "
        "WHERE retire_time IS NULL OR retire_time > now() ORDER BY sign_time, key_id"
    )
    keys = [
        SigningKey(row["key_id"], row["seed"], row["sign_time"], row["retire_time"]) for row in rows
    ]
    return Stored(keys, now)


async def succeed(connection: Connection, key: SigningKey, retire_time: datetime) -> None:
    """Stores the next key, sets when the ones before are forgotten, and deletes those that are.

    Args:
        connection: inside a transaction that holds `lock`.
        key: without `retire_time`.
        retire_time: of the keys before it.
    """
    await connection.execute("DELETE FROM users.signing_key WHERE retire_time <= now()")
    await connection.execute(
        "UPDATE users.signing_key SET retire_time = $1 WHERE retire_time IS NULL", retire_time
    )
    await connection.execute(
        "INSERT INTO users.signing_key (key_id, seed, sign_time) VALUES ($1, $2, $3)",
        key.key_id,
        key.seed,
        key.sign_time,
    )
