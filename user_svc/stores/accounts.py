"""Accounts in PostgreSQL: all SQL about `users.account`.

Every function takes a connection; who opens the transaction decides what is atomic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from user_svc.model import Account, AccountQuery, Preferences, Role
from user_svc.stores.conditions import Conditions

if TYPE_CHECKING:
    import asyncpg

    from user_svc.stores.postgres import Connection

_COLUMNS = """user_id, email, display_name, role, languages, genres, history_disabled,
    create_time, update_time"""
_LIKE_LITERAL = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})
#: Columns that `update` may set.
CHANGEABLE = frozenset({"display_name", "languages", "genres", "history_disabled"})


@dataclass(frozen=True, slots=True)
class Login:
    """What a password is compared with."""

    account: Account
    password_hash: str = field(repr=False)
    request_id: UUID | None


async def insert(
    connection: Connection,
    email: str,
    password_hash: str,
    display_name: str,
    request_id: UUID | None,
) -> Account | None:
    """Stores a new account; returns None, with nothing stored, when the address is taken."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO users.account (email, password_hash, display_name, request_id)
        VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 - names of our own columns
        email,
        password_hash,
        display_name,
        request_id,
    )
    return _account(row) if row else None


async def find(connection: Connection, user_id: UUID) -> Account | None:
    """Returns the account with this id."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM users.account WHERE user_id = $1",  # noqa: S608 - our columns
        user_id,
    )
    return _account(row) if row else None


async def find_login(connection: Connection, email: str) -> Login | None:
    """Returns the account with this address, and its hash."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, password_hash, request_id "  # noqa: S608 - our columns
        "FROM users.account WHERE email = $1",
        email,
    )
    return Login(_account(row), row["password_hash"], row["request_id"]) if row else None


async def password_hash(connection: Connection, user_id: UUID) -> str | None:
    """Returns the hash of an account."""
    found: str | None = await connection.fetchval(
        "SELECT password_hash FROM users.account WHERE user_id = $1", user_id
    )
    return found


async def lock(connection: Connection, user_id: UUID) -> str | None:
    """Returns the hash of an account, which nobody changes until the transaction ends.

    It also puts what counts the rows of an account in a line.
    """
    found: str | None = await connection.fetchval(
        "SELECT password_hash FROM users.account WHERE user_id = $1 FOR UPDATE", user_id
    )
    return found


async def set_password_hash(connection: Connection, user_id: UUID, password_hash: str) -> None:
    """Stores the hash of a password that its owner knows."""
    await connection.execute(
        "UPDATE users.account SET password_hash = $2, password_unknown = false WHERE user_id = $1",
        user_id,
        password_hash,
    )


async def set_role(connection: Connection, user_id: UUID, role: Role) -> Role | None:
    """Stores the role of an account; returns the one before, None when there is no account."""
    found = await connection.fetchval(
        """
        UPDATE users.account a SET role = $2,
            update_time = CASE WHEN a.role = $2 THEN a.update_time ELSE now() END
        FROM (SELECT user_id, role FROM users.account WHERE user_id = $1 FOR UPDATE) before
        WHERE a.user_id = before.user_id RETURNING before.role
        """,
        user_id,
        role.value,
    )
    return Role(found) if found else None


async def lock_admins(connection: Connection) -> set[UUID]:
    """Returns the admins; none of them stops being one until the transaction ends."""
    rows = await connection.fetch(
        "SELECT user_id FROM users.account WHERE role = 'ADMIN' ORDER BY user_id FOR UPDATE"
    )
    return {row["user_id"] for row in rows}


async def erase(connection: Connection, user_id: UUID) -> None:
    """Removes an account with all rows that refer to it."""
    await connection.execute("DELETE FROM users.account WHERE user_id = $1", user_id)


async def page(
    connection: Connection, query: AccountQuery, before: int | None, limit: int
) -> list[tuple[int, Account]]:
    """Returns the next accounts with their numbers, the newest first."""
    conditions = Conditions()
    if query.email_prefix:
        # An address may hold what LIKE gives a meaning to.
        prefix = query.email_prefix.lower().translate(_LIKE_LITERAL)
        conditions.add("email LIKE {}", f"{prefix}%")
    if query.role is not None:
        conditions.add("role = {}", query.role.value)
    if before is not None:
        conditions.add("account_number < {}", before)
    rows = await connection.fetch(
        f"SELECT account_number, {_COLUMNS} FROM users.account {conditions.where} "  # noqa: S608
        f"ORDER BY account_number DESC LIMIT {conditions.place(limit)}",
        *conditions.values,
    )
    return [(row["account_number"], _account(row)) for row in rows]


async def update(
    connection: Connection, user_id: UUID, changes: Mapping[str, object]
) -> Account | None:
    """Stores values of columns among `CHANGEABLE`; returns None when there is no account.

    Raises:
        ValueError: another column is named.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise ValueError(f"not to be changed: {sorted(unknown)}")
    columns = "".join(f", {name} = ${place}" for place, name in enumerate(changes, start=2))
    row = await connection.fetchrow(
        f"UPDATE users.account SET update_time = now(){columns} "  # noqa: S608 - our columns
        f"WHERE user_id = $1 RETURNING {_COLUMNS}",
        user_id,
        *changes.values(),
    )
    return _account(row) if row else None


def _account(row: asyncpg.Record) -> Account:
    return Account(
        user_id=row["user_id"],
        email=row["email"],
        display_name=row["display_name"],
        role=Role(row["role"]),
        preferences=Preferences(
            tuple(row["languages"]), tuple(row["genres"]), row["history_disabled"]
        ),
        create_time=row["create_time"],
        update_time=row["update_time"],
    )
