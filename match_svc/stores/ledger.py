"""The ledger: one row that orders writes against rebuilds and counts what is ACTIVE.

Every function takes the connection of the caller's transaction. Lock order in all of match_svc:
rows of `track` first, the ledger last and briefly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from match_svc.model import Generation, Ledger

if TYPE_CHECKING:
    import asyncpg

    from match_svc.stores.postgres import Connection

_COLUMNS = """epoch, algorithm_version, serving, building, building_algorithm_version,
    building_cursor, active_track_count, active_window_count, active_duration_us"""
_READ = f"SELECT {_COLUMNS} FROM catalog.ledger"  # noqa: S608 - no input


async def read(connection: Connection) -> Ledger:
    """Returns the ledger as committed."""
    return _ledger(await connection.fetchrow(_READ))


async def lock(connection: Connection) -> Ledger:
    """Returns the ledger; until the transaction ends no track becomes, or ceases to be, ACTIVE."""
    return _ledger(await connection.fetchrow(f"{_READ} FOR UPDATE"))


async def begin_catalog(connection: Connection, algorithm_version: int) -> Ledger:
    """Gives a new catalogue its version; one that has been begun keeps its own."""
    await connection.execute(
        "UPDATE catalog.ledger SET algorithm_version = $1 WHERE algorithm_version = 0",
        algorithm_version,
    )
    return await read(connection)


async def enter_active(connection: Connection, track_number: int, written: Ledger) -> bool:
    """Makes a PENDING track, locked by the caller, ACTIVE.

    Args:
        connection: inside a transaction.
        track_number: the track; it has a fingerprint of the version that is served.
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
            active_window_count = l.active_window_count + f.active_window_count,
            active_duration_us = l.active_duration_us + t.duration_us
        FROM catalog.track t JOIN catalog.fingerprint f USING (track_number)
        WHERE t.track_number = $1 AND f.algorithm_version = $2
            AND l.algorithm_version = $2 AND l.serving = $3 AND l.building = $4
        RETURNING true
        """,
        track_number,
        written.algorithm_version,
        _number(written.serving),
        _number(written.building),
    )
    if counted:
        await connection.execute(
            "UPDATE catalog.track SET state = 'ACTIVE' WHERE track_number = $1", track_number
        )
    return bool(counted)


async def leave_active(connection: Connection, track_number: int) -> None:
    """Makes an ACTIVE track, locked by the caller, DELETING: from the commit on it is unknown."""
    # Locked in a statement of its own: one that waited for the lock would go on with the
    # fingerprint of the version that was served before it waited.
    now = await lock(connection)
    await connection.execute(
        """
        UPDATE catalog.ledger l SET
            epoch = gen_random_uuid(),
            active_track_count = l.active_track_count - 1,
            active_window_count = l.active_window_count - f.active_window_count,
            active_duration_us = l.active_duration_us - t.duration_us
        FROM catalog.track t JOIN catalog.fingerprint f USING (track_number)
        WHERE t.track_number = $1 AND f.algorithm_version = $2
        """,
        track_number,
        now.algorithm_version,
    )
    await connection.execute(
        "UPDATE catalog.track SET state = 'DELETING' WHERE track_number = $1", track_number
    )


async def renew_epoch(connection: Connection) -> None:
    """From the commit on, answers given before are not repeated: they may say what has changed."""
    await connection.execute("UPDATE catalog.ledger SET epoch = gen_random_uuid()")


async def allocate_generation(connection: Connection, algorithm_version: int) -> Generation:
    """Returns a generation whose number was never used before."""
    number: int = await connection.fetchval(
        "UPDATE catalog.ledger SET last_generation = last_generation + 1 RETURNING last_generation"
    )
    return Generation(algorithm_version, number)


async def begin_building(connection: Connection, generation: Generation) -> None:
    """From the commit on, every write reaches `generation` too."""
    await connection.execute(
        """
        UPDATE catalog.ledger
        SET building_algorithm_version = $1, building = $2, building_cursor = 0
        """,
        *generation,
    )


async def advance_building(connection: Connection, track_number: int) -> None:
    """Notes that tracks up to and including this one are in the generation being built."""
    await connection.execute("UPDATE catalog.ledger SET building_cursor = $1", track_number)


async def finish_building(connection: Connection, generation: Generation) -> None:
    """Makes `generation` the one that answers, and the only one; its version is served from now.

    Args:
        connection: inside a transaction that has locked the ledger.
        generation: every ACTIVE track has a fingerprint of its version.
    """
    await connection.execute(
        """
        UPDATE catalog.ledger SET
            algorithm_version = $1, serving = $2, epoch = gen_random_uuid(),
            building_algorithm_version = 0, building = 0, building_cursor = 0,
            active_window_count = CASE
                WHEN algorithm_version = $1 THEN active_window_count
                ELSE (
                    SELECT coalesce(sum(f.active_window_count), 0)::bigint
                    FROM catalog.fingerprint f JOIN catalog.track t USING (track_number)
                    WHERE f.algorithm_version = $1 AND t.state = 'ACTIVE'
                )
            END
        """,
        *generation,
    )


def _number(generation: Generation | None) -> int:
    return generation.number if generation else 0


def _ledger(row: asyncpg.Record | None) -> Ledger:
    if row is None:
        raise RuntimeError("the ledger has lost its row; restore the database from a backup")
    version, serving, building = row["algorithm_version"], row["serving"], row["building"]
    return Ledger(
        epoch=row["epoch"],
        algorithm_version=version,
        serving=Generation(version, serving) if serving else None,
        building=Generation(row["building_algorithm_version"], building) if building else None,
        building_cursor=row["building_cursor"],
        active_track_count=row["active_track_count"],
        active_window_count=row["active_window_count"],
        active_duration=row["active_duration_us"],
    )
