"""The audit log in PostgreSQL: all SQL about `users.audit_event`. It is only ever added to.

An event names accounts by their `audit_id`. That of an account leads to its `user_id` by the row of
the account only, so once it is erased its events name nobody, and stay as they were written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from mesh.runtime import telemetry
from user_svc.model import AuditAction, AuditEvent, AuditQuery, Role
from user_svc.stores.conditions import Conditions

if TYPE_CHECKING:
    import asyncpg

    from user_svc.stores.postgres import Connection

_AUDIT_ID = "(SELECT audit_id FROM users.account WHERE user_id = {0})"
# The operator acts without an account, by an id that no account has.
_ACTOR_ID = (
    f"coalesce({_AUDIT_ID}, CASE {{0}} WHEN '00000000-0000-0000-0000-000000000000' THEN {{0}} END)"
)
_NUMBER_MAX = 2**63 - 1
_COLUMNS = """event_number, create_time, action, actor_audit_id, audit_id, resource, trace_id,
    old_role, new_role, occurrence_count"""


async def record(
    connection: Connection,
    action: AuditAction,
    *,
    user_id: UUID | None,
    actor_id: UUID | None = None,
    resource: str = "",
    roles: tuple[Role, Role] | None = None,
    occurrence_count: int = 1,
) -> None:
    """Adds an event; `connection` is inside the transaction of what the event tells.

    Args:
        connection: of that transaction.
        action: what is done.
        user_id: account it is done to; None when there is none. One that is not there is not
            recorded: the id may be that of an account that was erased.
        actor_id: who does it; None when nobody is logged in, all zeros for the operator.
        resource: name of what of the account; empty is the account itself.
        roles: the account's before and since, when that is what is done.
        occurrence_count: how many of the kind it stands for.
    """
    old_role, new_role = roles or (None, None)
    await connection.execute(
        f"""
        INSERT INTO users.audit_event (action, actor_audit_id, audit_id, resource, trace_id,
            old_role, new_role, occurrence_count)
        VALUES ($1, {_ACTOR_ID.format("$2::uuid")}, {_AUDIT_ID.format("$3")}, $4, $5, $6, $7, $8)
        """,  # noqa: S608 - our own texts
        action.value,
        actor_id,
        user_id,
        resource.removeprefix(f"users/{user_id}/"),
        telemetry.current_trace_id(),
        old_role,
        new_role,
        occurrence_count,
    )


async def page(
    connection: Connection, query: AuditQuery, before: int | None, limit: int
) -> list[AuditEvent]:
    """Returns the next events, the newest first.

    Accounts that were erased appear by their `audit_id`, by which they can be asked for too.
    """
    conditions = Conditions()
    if query.user_id is not None:
        of = conditions.place(query.user_id)
        conditions.add(f"audit_id = coalesce({_AUDIT_ID.format(of)}, {of})")
    if query.actions:
        conditions.add("action = ANY({}::text[])", [action.value for action in query.actions])
    if query.start_time is not None:
        conditions.add("create_time >= {}", query.start_time)
    if query.end_time is not None:
        conditions.add("create_time < {}", query.end_time)
    if before is not None:
        conditions.add("event_number < {}", before)
    rows = await connection.fetch(
        f"""
        SELECT e.*, coalesce(actor.user_id, e.actor_audit_id) AS actor_id,
            coalesce(account.user_id, e.audit_id) AS user_id
        FROM (SELECT {_COLUMNS} FROM users.audit_event {conditions.where}
            ORDER BY event_number DESC LIMIT {conditions.place(limit)}) e
        LEFT JOIN users.account actor ON actor.audit_id = e.actor_audit_id
        LEFT JOIN users.account account ON account.audit_id = e.audit_id
        ORDER BY e.event_number DESC
        """,  # noqa: S608 - our own texts and placeholders
        *conditions.values,
    )
    return [_event(row) for row in rows]


async def page_naming(
    connection: Connection, user_id: UUID, before: int | None, limit: int
) -> list[AuditEvent]:
    """Returns the next events that name an account, the newest first.

    In them others have no name: what an admin did to the account, or the account to others.
    """
    # Each half by its own index; an OR would be a search of the whole log.
    half = f"""(SELECT {_COLUMNS} FROM users.audit_event
        WHERE {{column}} = {_AUDIT_ID.format("$1")} AND event_number < $2
        ORDER BY event_number DESC LIMIT $3)"""  # noqa: S608 - our own texts
    rows = await connection.fetch(
        f"""
        SELECT e.*, CASE WHEN e.actor_audit_id = {_AUDIT_ID.format("$1")} THEN $1 END AS actor_id,
            CASE WHEN e.audit_id = {_AUDIT_ID.format("$1")} THEN $1 END AS user_id
        FROM ({half.format(column="audit_id")} UNION {half.format(column="actor_audit_id")}) e
        ORDER BY e.event_number DESC LIMIT $3
        """,  # noqa: S608 - our own texts
        user_id,
        _NUMBER_MAX if before is None else before,
        limit,
    )
    return [_event(row) for row in rows]


def _event(row: asyncpg.Record) -> AuditEvent:
    return AuditEvent(
        event_number=row["event_number"],
        create_time=row["create_time"],
        action=AuditAction(row["action"]),
        actor_id=row["actor_id"],
        user_id=row["user_id"],
        resource=row["resource"],
        trace_id=row["trace_id"],
        old_role=Role(row["old_role"]) if row["old_role"] else None,
        new_role=Role(row["new_role"]) if row["new_role"] else None,
        occurrence_count=row["occurrence_count"],
    )
