"""The nouns of accounts. Times are UTC; what is secret is never shown by `repr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What an account may do; as in the contract."""

    FREE = "FREE"
    PREMIUM = "PREMIUM"
    ADMIN = "ADMIN"


class Scope(StrEnum):
    """What an API key may be used for; as in the contract."""

    RECOGNIZE = "RECOGNIZE"
    CATALOG_READ = "CATALOG_READ"
    CATALOG_WRITE = "CATALOG_WRITE"
    ACCOUNT_READ = "ACCOUNT_READ"


class AuditAction(StrEnum):
    """What was done; as in the contract."""

    REGISTERED = "REGISTERED"
    ACCOUNT_UPDATED = "ACCOUNT_UPDATED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - an action, not a password
    ROLE_CHANGED = "ROLE_CHANGED"
    LOGGED_IN = "LOGGED_IN"
    LOGIN_REFUSED = "LOGIN_REFUSED"
    LOGGED_OUT = "LOGGED_OUT"
    LOGGED_OUT_EVERYWHERE = "LOGGED_OUT_EVERYWHERE"
    REFRESH_REUSED = "REFRESH_REUSED"
    API_KEY_CREATED = "API_KEY_CREATED"
    API_KEY_ROTATED = "API_KEY_ROTATED"
    API_KEY_REVOKED = "API_KEY_REVOKED"
    ACCESS_DENIED = "ACCESS_DENIED"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What an account prefers, the dearest first."""

    languages: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    history_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A person or a program that uses Sonica."""

    user_id: UUID
    email: str = field(repr=False)
    display_name: str
    role: Role
    preferences: Preferences
    create_time: datetime
    update_time: datetime


#: Stands where an account stands for the operator, who has none; nothing else ever has it.
OPERATOR_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call.

    Attributes:
        user_id: of the account; OPERATOR_ID for the operator.
        role: of the account, as stored now.
        session_id: of the access token; None when a key was used.
        key_id: of the API key; empty when none was used.
    """

    user_id: UUID
    role: Role
    session_id: UUID | None
    key_id: str = ""

    @property
    def is_operator(self) -> bool:
        """Whether it is who runs the mesh, and has no account."""
        return self.user_id == OPERATOR_ID

    @property
    def is_admin(self) -> bool:
        """Whether the call may reach other accounts; the key of an account never does."""
        return self.is_operator or (self.role is Role.ADMIN and self.session_id is not None)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a session is used with."""

    access_token: str = field(repr=False)
    access_expire_time: datetime
    refresh_token: str = field(repr=False)
    refresh_expire_time: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential for programs, without its secret.

    Attributes:
        key_number: order of making; never used twice.
        key_id: 16 hexadecimal digits, the part that may be shown.
    """

    key_number: int
    key_id: str
    user_id: UUID
    display_name: str
    scopes: tuple[Scope, ...]
    create_time: datetime
    expire_time: datetime | None
    last_use_time: datetime | None
    revoke_time: datetime | None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit log; `resource` is empty when it is the account itself."""

    event_number: int
    create_time: datetime
    action: AuditAction
    actor_id: UUID | None
    user_id: UUID | None
    resource: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key for access tokens.

    Attributes:
        key_id: `kid` of its tokens.
        seed: Ed25519 private key, 32 bytes.
        sign_time: from when on it signs; it is published before.
        retire_time: when its public half is forgotten; None while it has no successor.
    """

    key_id: str
    seed: bytes = field(repr=False)
    sign_time: datetime
    retire_time: datetime | None
