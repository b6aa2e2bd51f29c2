"""The audit log in PostgreSQL: all SQL about `users.audit_event`. It is only ever added to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from mesh.runtime import telemetry
from user_svc.model import AuditAction, AuditEvent

if TYPE_CHECKING:
    from user_svc.stores.postgres import Connection


async def record(
    connection: Connection,
    action: AuditAction,
    *,
    user_id: UUID | None,
    actor_id: UUID | None = None,
    resource: str = "",
) -> None:
    """Adds an event; `connection` is inside the transaction of what the event tells.

    Args:
        connection: of that transaction.
        action: what is done.
        user_id: account it is done to; None when there is none.
        actor_id: who does it; None when nobody is logged in.
        resource: what of the account; empty is the account itself.
    """
    await connection.execute(
        "INSERT INTO users.audit_event (action, actor_id, user_id, resource, trace_id) "
        "VALUES ($1, $2, $3, $4, $5)",
        action.value,
        actor_id,
        user_id,
        resource,
        telemetry.current_trace_id(),
    )


async def page(
    connection: Connection, user_id: UUID | None, before: int | None, limit: int
) -> list[AuditEvent]:
    """Returns the next events, of one account or of all, the newest first."""
    rows = await connection.fetch(
        """
        SELECT event_number, create_time, action, actor_id, user_id, resource, trace_id
        FROM users.audit_event
        WHERE ($1::uuid IS NULL OR user_id = $1) AND ($2::bigint IS NULL OR event_number < $2)
        ORDER BY event_number DESC LIMIT $3
        """,
        user_id,
        before,
        limit,
    )
    return [
        AuditEvent(
            event_number=row["event_number"],
            create_time=row["create_time"],
            action=AuditAction(row["action"]),
            actor_id=row["actor_id"],
            user_id=row["user_id"],
            resource=row["resource"],
            trace_id=row["trace_id"],
        )
        for row in rows
    ]
