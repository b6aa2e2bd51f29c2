"""The ledger: one row that orders writes against rebuilds and counts what is ACTIVE.

Every function takes the connection of the caller's transaction. Lock order in all of match_svc:
rows of `track` first, the ledger last and briefly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from match_svc.model import Ledger

if TYPE_CHECKING:
    import asyncpg

    from match_svc.stores.postgres import Connection

_COLUMNS = """epoch, serving, building, building_cursor, active_track_count, active_window_count,
    active_duration_us"""


async def read(connection: Connection) -> Ledger:
    """Returns the ledger as committed."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM catalog.ledger")  # noqa: S608 - no input
    return _ledger(row)


async def enter_active(connection: Connection, track_number: int, written: Ledger) -> bool:
    """Makes a PENDING track, locked by the caller, ACTIVE.

    Args:
        connection: inside a transaction.
        track_number: the track.
        written: the ledger whose generations its vectors were written to.

    Returns:
        False, with nothing done, when a write has to reach other generations by now.
    """
    # The lock taken here makes the condition hold until we commit.
    counted = await connection.fetchval(
        """
        UPDATE catalog.ledger l SET
            epoch = gen_random_uuid(),
            active_track_count = l.active_track_count + 1,
            active_window_count = l.active_window_count + t.active_window_count,
            active_duration_us = l.active_duration_us + t.duration_us
        FROM catalog.track t
        WHERE t.track_number = $1 AND l.serving = $2 AND l.building = $3
        RETURNING true
        """,
        track_number,
        written.serving,
        written.building,
    )
    if counted:
        await connection.execute(
            "UPDATE catalog.track SET state = 'ACTIVE' WHERE track_number = $1", track_number
        )
    return bool(counted)


async def leave_active(connection: Connection, track_number: int) -> None:
    """Makes an ACTIVE track, locked by the caller, DELETING: from the commit on it is unknown."""
    await connection.execute(
        """
        UPDATE catalog.ledger l SET
            epoch = gen_random_uuid(),
            active_track_count = l.active_track_count - 1,
            active_window_count = l.active_window_count - t.active_window_count,
            active_duration_us = l.active_duration_us - t.duration_us
        FROM catalog.track t WHERE t.track_number = $1
        """,
        track_number,
    )
    await connection.execute(
        "UPDATE catalog.track SET state = 'DELETING' WHERE track_number = $1", track_number
    )


async def allocate_generation(connection: Connection) -> int:
    """Returns a generation number never used before."""
    number: int = await connection.fetchval(
        "UPDATE catalog.ledger SET last_generation = last_generation + 1 RETURNING last_generation"
    )
    return number


async def begin_building(connection: Connection, generation: int) -> None:
    """From the commit on, every write reaches `generation` too. 0 ends that."""
    await connection.execute(
        "UPDATE catalog.ledger SET building = $1, building_cursor = 0", generation
    )


async def advance_building(connection: Connection, track_number: int) -> None:
    """Notes that tracks up to and including this one are in the generation being built."""
    await connection.execute("UPDATE catalog.ledger SET building_cursor = $1", track_number)


async def finish_building(connection: Connection, generation: int) -> None:
    """Makes `generation` the one that answers, and the only one."""
    await connection.execute(
        """
        UPDATE catalog.ledger
        SET serving = $1, building = 0, building_cursor = 0, epoch = gen_random_uuid()
        """,
        generation,
    )


def _ledger(row: asyncpg.Record | None) -> Ledger:
    if row is None:
        raise RuntimeError("the ledger has lost its row; restore the database from a backup")
    return Ledger(
        epoch=row["epoch"],
        serving=row["serving"],
        building=row["building"],
        building_cursor=row["building_cursor"],
        active_track_count=row["active_track_count"],
        active_window_count=row["active_window_count"],
        active_duration=row["active_duration_us"],
    )
