"""Between the messages of the contracts and the nouns of the model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from sonica.user.v1 import (
    account_pb2,
    account_service_pb2,
    api_key_pb2,
    audit_service_pb2,
    session_service_pb2,
    usage_pb2,
)

from mesh.runtime.errors import InvalidRequestError
from user_svc.access import Presented
from user_svc.api_keys import key_name
from user_svc.errors import (
    DOMAIN,
    CredentialsRefusedError,
    UpdateMaskInvalidError,
)
from user_svc.model import (
    OPERATOR_ID,
    Account,
    ApiKey,
    AuditAction,
    AuditEvent,
    Role,
    Scope,
    Tokens,
)
from user_svc.rate_limits import Limit, Usage
from user_svc.social.model import SocialLogIn

_PATHS_MAX = 10
_PREFERENCES = ("languages", "genres", "history_disabled")
_PATHS = ("display_name", "preferences", *(f"preferences.{name}" for name in _PREFERENCES))


def presented_by(metadata: Sequence[tuple[str, str | bytes]]) -> Presented:
    """Reads the credentials and the address of a call.

    Raises:
        CredentialsRefusedError: there is more than one of a kind, or another scheme.
    """
    headers = ("authorization", "x-api-key", "x-forwarded-for", "x-sonica-address")
    found: dict[str, list[str]] = {name: [] for name in headers}
    for name, value in metadata:
        if name in found and isinstance(value, str):
            found[name].append(value)
    if len(found["authorization"]) > 1 or len(found["x-api-key"]) > 1:
        raise CredentialsRefusedError
    token = None
    for value in found["authorization"]:
        scheme, _, token = value.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise CredentialsRefusedError
    # The last is the one the proxy has added; those before are what the client says. Behind
    # proxies that it trusts it is one of theirs, and the edge says by itself whose call it is.
    addresses = ",".join(found["x-forwarded-for"]).split(",")
    address = next(iter(found["x-sonica-address"]), addresses[-1].strip())
    return Presented(token, next(iter(found["x-api-key"]), None), address)


def user_from(name: str) -> UUID | None:
    """Reads `users/{user}`, with or without what follows; None for `users/me`."""
    user = name.split("/")[1]
    return None if user == "me" else UUID(user)


def key_from(name: str) -> tuple[UUID | None, str]:
    """Reads `users/{user}/apiKeys/{key}`."""
    return user_from(name), name.rsplit("/", 1)[-1]


def uuid_from(text: str) -> UUID:
    """Reads an id that its contract requires."""
    return UUID(text)


def proof_from(request: Any, password: str) -> str | SocialLogIn:
    """Reads what proves whose the account is; the contract lets exactly one be given."""
    if not request.HasField("social_log_in"):
        return password
    given = request.social_log_in
    return SocialLogIn(given.state, given.code, given.flow_token)


def request_id_from(text: str) -> UUID | None:
    """Reads a request id, which may be empty."""
    return UUID(text) if text else None


def changes_from(request: account_service_pb2.UpdateAccountRequest) -> dict[str, object]:
    """Returns the new values by column.

    Raises:
        UpdateMaskInvalidError: the mask is too long or names another field, or nothing changes.
    """
    wanted = request.account
    preferences = wanted.preferences
    values: dict[str, object] = {
        "display_name": wanted.display_name,
        "languages": list(preferences.languages),
        "genres": list(preferences.genres),
        "history_disabled": preferences.history_disabled,
    }
    paths = list(request.update_mask.paths)
    for path in paths[: _PATHS_MAX + 1]:
        if path not in _PATHS or len(paths) > _PATHS_MAX:
            raise _mask_invalid(path)
    if not paths:
        values = {column: value for column, value in values.items() if value}
        if not values:
            raise _mask_invalid("")
        return values
    columns = {name for path in paths for name in _columns(path)}
    return {column: value for column, value in values.items() if column in columns}


def _columns(path: str) -> Sequence[str]:
    return _PREFERENCES if path == "preferences" else (path.rpartition(".")[2],)


def _mask_invalid(path: str) -> UpdateMaskInvalidError:
    known = ", ".join(_PATHS)
    return UpdateMaskInvalidError(
        f"update_mask has {path!r}; it may name {known}, at most {_PATHS_MAX} of them, and "
        "without it something must be set",
        path=path,
        known_paths=known,
    )


def scopes_from(numbers: Sequence[Any]) -> list[Scope]:
    """Reads scopes, in the order of the contract."""
    return [Scope(api_key_pb2.Scope.Name(n).removeprefix("SCOPE_")) for n in sorted(numbers)]


def time_from(message: Any, name: str) -> datetime | None:
    """Reads a time that need not be set.

    Raises:
        InvalidRequestError: it is no time of the years 1 to 9999.
    """
    if not message.HasField(name):
        return None
    sent = getattr(message, name)
    try:
        time: datetime = sent.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        shown = f"{sent.seconds} s and {sent.nanos} ns"
        broken = (name, shown, "must be a time of the years 1 to 9999")
        raise InvalidRequestError(DOMAIN, [broken]) from None
    return time


def account_to(account: Account) -> account_pb2.Account:
    """Writes an account."""
    preferences = account.preferences
    return account_pb2.Account(
        name=user_name(account.user_id),
        email=account.email,
        display_name=account.display_name,
        role=f"ROLE_{account.role.value}",
        preferences=account_pb2.Preferences(
            languages=preferences.languages,
            genres=preferences.genres,
            history_disabled=preferences.history_disabled,
        ),
        create_time=time_to(account.create_time),
        update_time=time_to(account.update_time),
    )


def tokens_to(tokens: Tokens) -> session_service_pb2.Tokens:
    """Writes the tokens of a session."""
    return session_service_pb2.Tokens(
        access_token=tokens.access_token,
        access_expire_time=time_to(tokens.access_expire_time),
        refresh_token=tokens.refresh_token,
        refresh_expire_time=time_to(tokens.refresh_expire_time),
    )


def api_key_to(key: ApiKey) -> api_key_pb2.ApiKey:
    """Writes a key."""
    return api_key_pb2.ApiKey(
        name=key_name(key),
        display_name=key.display_name,
        scopes=[f"SCOPE_{scope.value}" for scope in key.scopes],
        create_time=time_to(key.create_time),
        expire_time=time_to(key.expire_time),
        last_use_time=time_to(key.last_use_time),
        revoke_time=time_to(key.revoke_time),
        daily_recognition_limit=key.daily_recognition_limit,
    )


def usage_to(user_id: UUID, usage: Usage) -> usage_pb2.Usage:
    """Writes the limits of an account."""
    message = usage_pb2.Usage(
        name=user_name(user_id),
        requests=_allowance_to(usage.requests),
        recognitions=_allowance_to(usage.recognitions),
    )
    if usage.key_recognitions is not None:
        message.key_recognitions.CopyFrom(_allowance_to(usage.key_recognitions))
    return message


def _allowance_to(limit: Limit) -> usage_pb2.Allowance:
    if not limit.amount:
        return usage_pb2.Allowance(unlimited=True)
    return usage_pb2.Allowance(
        limit=limit.amount,
        used=limit.used,
        remaining=limit.remaining,
        reset_time=Timestamp(seconds=limit.reset_time),
    )


def actions_from(numbers: Sequence[Any]) -> tuple[AuditAction, ...]:
    """Reads actions of the audit log."""
    names = map(audit_service_pb2.AuditAction.Name, numbers)
    return tuple(AuditAction(name.removeprefix("AUDIT_ACTION_")) for name in names)


def role_from(number: Any) -> Role | None:
    """Reads a role; None when it is not specified."""
    return Role(account_pb2.Role.Name(number).removeprefix("ROLE_")) if number else None


def event_to(event: AuditEvent) -> audit_service_pb2.AuditEvent:
    """Writes an event."""
    return audit_service_pb2.AuditEvent(
        event_number=event.event_number,
        create_time=time_to(event.create_time),
        action=f"AUDIT_ACTION_{event.action.value}",
        actor=_actor_name(event.actor_id),
        user=user_name(event.user_id) if event.user_id else "",
        resource=_resource_to(event),
        trace_id=event.trace_id,
        old_role=f"ROLE_{event.old_role.value}" if event.old_role else None,
        new_role=f"ROLE_{event.new_role.value}" if event.new_role else None,
        occurrence_count=event.occurrence_count,
    )


def _actor_name(actor_id: UUID | None) -> str:
    if actor_id is None:
        return ""
    return "operator" if actor_id == OPERATOR_ID else user_name(actor_id)


def _resource_to(event: AuditEvent) -> str:
    if not event.resource or event.user_id is None:
        return event.resource
    return f"{user_name(event.user_id)}/{event.resource}"


def user_name(user_id: UUID) -> str:
    """Returns the resource name of an account."""
    return f"users/{user_id}"


def time_to(time: datetime | None) -> Timestamp | None:
    """Writes a time; None stays unset."""
    if time is None:
        return None
    message = Timestamp()
    message.FromDatetime(time)
    return message


def seconds_from(duration: Duration) -> float:
    """Reads a length or an offset, in seconds."""
    return duration.seconds + duration.nanos / 1e9


def duration_to(seconds: float) -> Duration:
    """Writes a length or an offset, to the microsecond."""
    message = Duration()
    message.FromMicroseconds(round(seconds * 1e6))
    return message
