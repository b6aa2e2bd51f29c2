"""Imports in PostgreSQL: all SQL about `catalog.import` and `catalog.import_item`.

Every function takes a connection; who opens the transaction decides what is atomic. The row of an
import is locked before any of its items is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from match_svc.importing.model import Import, ImportState, Item, ItemState, NewItem, OpenItem
from match_svc.model import Outcome

if TYPE_CHECKING:
    import asyncpg

    from match_svc.stores.postgres import Connection

# The number is arbitrary but ours.
_BEGIN_LOCK = 0x50_4E_49_43_41_00_04
_SELECT = """
SELECT i.*, c.* FROM catalog.import i CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'WAITING') AS waiting_count,
        count(*) FILTER (WHERE outcome = 'REGISTERED') AS registered_count,
        count(*) FILTER (WHERE outcome = 'ALREADY_REGISTERED') AS already_registered_count,
        count(*) FILTER (WHERE state = 'FAILED') AS failed_count
    FROM catalog.import_item p WHERE p.import_number = i.import_number
) c
"""


async def lock_beginning(connection: Connection) -> None:
    """Lets nobody else begin an import until the transaction ends, so that a count stays true."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _BEGIN_LOCK)


async def count_open(connection: Connection, owner: str) -> tuple[int, int]:
    """Returns how many imports of an owner are open, and how many of all."""
    row = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE owner = $1), count(*) FROM catalog.import "
        "WHERE state = 'OPEN'",
        owner,
    )
    return (row[0], row[1]) if row else (0, 0)


async def insert(
    connection: Connection, owner: str, items: Sequence[NewItem], request_id: UUID | None
) -> UUID:
    """Stores a new import, all items waiting; returns its id."""
    row = await connection.fetchrow(
        """
        INSERT INTO catalog.import (owner, request_id, item_count) VALUES ($1, $2, $3)
        RETURNING import_number, import_id
        """,
        owner,
        request_id,
        len(items),
    )
    if row is None:
        raise RuntimeError("an import was stored and is not there")
    await connection.execute(
        """
        INSERT INTO catalog.import_item (import_number, position, item_id, track)
        SELECT $1, n.position, n.item_id, n.track
        FROM unnest($2::text[], $3::bytea[]) WITH ORDINALITY AS n(item_id, track, position)
        """,
        row["import_number"],
        [item.item_id for item in items],
        [item.track for item in items],
    )
    import_id: UUID = row["import_id"]
    return import_id


async def find(connection: Connection, import_id: UUID) -> Import | None:
    """Returns the import with this id."""
    row = await connection.fetchrow(f"{_SELECT} WHERE i.import_id = $1", import_id)
    return _import(row) if row else None


async def find_request(connection: Connection, request_id: UUID) -> Import | None:
    """Returns the import that a request began."""
    row = await connection.fetchrow(f"{_SELECT} WHERE i.request_id = $1", request_id)
    return _import(row) if row else None


async def page(connection: Connection, before: int, limit: int) -> list[Import]:
    """Returns the imports before a number, the newest first; 0 means from the newest on."""
    rows = await connection.fetch(
        f"{_SELECT} WHERE i.import_number < $1 ORDER BY i.import_number DESC LIMIT $2",
        before or 2**62,
        limit,
    )
    return [_import(row) for row in rows]


async def lock(connection: Connection, import_id: UUID) -> tuple[int, ImportState] | None:
    """Returns number and state of an import, which nobody changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT import_number, state FROM catalog.import WHERE import_id = $1 FOR UPDATE",
        import_id,
    )
    return (row["import_number"], ImportState(row["state"])) if row else None


async def end(connection: Connection, number: int, state: ImportState) -> None:
    """Ends an import, locked by the caller; whose it was is only known while it is open."""
    await connection.execute(
        "UPDATE catalog.import SET state = $2, owner = '', end_time = clock_timestamp() "
        "WHERE import_number = $1",
        number,
        state.value,
    )


async def find_item(connection: Connection, number: int, item_id: str) -> OpenItem | None:
    """Returns an item with what it is registered by."""
    row = await connection.fetchrow(
        "SELECT * FROM catalog.import_item WHERE import_number = $1 AND item_id = $2",
        number,
        item_id,
    )
    return OpenItem(_item(row), row["track"], row["request_id"]) if row else None


async def write_item(connection: Connection, number: int, item: Item) -> bool:
    """Stores the result of an item of an import, locked by the caller.

    Returns:
        Whether every item of the import has one now.
    """
    await connection.execute(
        """
        UPDATE catalog.import_item SET state = $3, track_id = $4, outcome = $5, error = $6
        WHERE import_number = $1 AND position = $2
        """,
        number,
        item.position,
        item.state.value,
        item.track_id,
        item.outcome.value if item.outcome else None,
        item.error,
    )
    waits = await connection.fetchval(
        """
        UPDATE catalog.import i SET update_time = clock_timestamp() WHERE import_number = $1
        RETURNING EXISTS (
            SELECT FROM catalog.import_item p
            WHERE p.import_number = i.import_number AND p.state = 'WAITING'
        )
        """,
        number,
    )
    return not waits


async def items(connection: Connection, number: int, after: int, limit: int) -> list[Item]:
    """Returns the items of an import after a position."""
    rows = await connection.fetch(
        "SELECT * FROM catalog.import_item WHERE import_number = $1 AND position > $2 "
        "ORDER BY position LIMIT $3",
        number,
        after,
        limit,
    )
    return [_item(row) for row in rows]


async def failures(connection: Connection, number: int, limit: int) -> list[Item]:
    """Returns the first items of an import that have failed."""
    rows = await connection.fetch(
        "SELECT * FROM catalog.import_item WHERE import_number = $1 AND state = 'FAILED' "
        "ORDER BY position LIMIT $2",
        number,
        limit,
    )
    return [_item(row) for row in rows]


async def abandon(connection: Connection, idle_seconds: float) -> int:
    """Ends the imports in which nothing has happened for so long; returns how many."""
    rows = await connection.fetch(
        """
        UPDATE catalog.import
        SET state = 'ABANDONED', owner = '', end_time = clock_timestamp()
        WHERE state = 'OPEN' AND update_time < now() - make_interval(secs => $1)
        RETURNING import_number
        """,
        idle_seconds,
    )
    return len(rows)


async def forget(connection: Connection, kept_seconds: float, limit: int) -> int:
    """Deletes imports that ended so long ago, at most `limit`; returns how many."""
    rows = await connection.fetch(
        """
        DELETE FROM catalog.import WHERE import_number IN (
            SELECT import_number FROM catalog.import
            WHERE end_time < now() - make_interval(secs => $1)
            ORDER BY import_number LIMIT $2
        ) RETURNING import_number
        """,
        kept_seconds,
        limit,
    )
    return len(rows)


def _import(row: asyncpg.Record) -> Import:
    return Import(
        number=row["import_number"],
        import_id=row["import_id"],
        state=ImportState(row["state"]),
        item_count=row["item_count"],
        waiting_count=row["waiting_count"],
        registered_count=row["registered_count"],
        already_registered_count=row["already_registered_count"],
        failed_count=row["failed_count"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        end_time=row["end_time"],
    )


def _item(row: asyncpg.Record) -> Item:
    return Item(
        position=row["position"],
        item_id=row["item_id"],
        state=ItemState(row["state"]),
        track_id=row["track_id"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        error=row["error"],
    )
