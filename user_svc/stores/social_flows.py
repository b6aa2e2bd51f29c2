"""Log-ins under way in PostgreSQL: all SQL about `users.social_flow`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from user_svc.social.flow import FlowSecrets
from user_svc.social.model import Flow

if TYPE_CHECKING:
    from user_svc.stores.postgres import Connection

_FORGOTTEN_AT_ONCE = 100


async def count(connection: Connection) -> int:
    """Forgets some that have ended; returns how many there are."""
    await connection.execute(
        """
        DELETE FROM users.social_flow WHERE state_sha256 IN (
            SELECT state_sha256 FROM users.social_flow WHERE expire_time <= now()
            LIMIT $1 FOR UPDATE SKIP LOCKED)
        """,
        _FORGOTTEN_AT_ONCE,
    )
    found: int = await connection.fetchval("SELECT count(*) FROM users.social_flow")
    return found


async def insert(
    connection: Connection, flow: FlowSecrets, provider: str, redirect_uri: str, seconds: float
) -> datetime:
    """Stores a flow, without its secrets; returns when it ends."""
    expire_time: datetime = await connection.fetchval(
        """
        INSERT INTO users.social_flow (state_sha256, flow_sha256, provider, redirect_uri,
            expire_time)
        VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5)) RETURNING expire_time
        """,
        flow.state_sha256,
        flow.flow_sha256,
        provider,
        redirect_uri,
        seconds,
    )
    return expire_time


async def take(connection: Connection, state_sha256: bytes) -> Flow | None:
    """Returns the flow of a state, which is good for this one use; None when it has ended."""
    row = await connection.fetchrow(
        "DELETE FROM users.social_flow WHERE state_sha256 = $1 "
        "RETURNING flow_sha256, provider, redirect_uri, expire_time > now() AS goes_on",
        state_sha256,
    )
    if row is None or not row["goes_on"]:
        return None
    return Flow(row["flow_sha256"], row["provider"], row["redirect_uri"])
