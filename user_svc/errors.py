"""Every reason user_svc can give for a refusal; those of webhooks and social log-in stand there.

    ServiceError
    ├── CredentialsMissingError      CREDENTIALS_MISSING      no token where one is needed
    ├── CredentialsRefusedError      CREDENTIALS_REFUSED      one that is not good, however
    ├── LoginRefusedError            LOGIN_REFUSED            unknown address or wrong password
    ├── RefreshRefusedError          REFRESH_REFUSED          unknown, ended or used before
    ├── AccessDeniedError            ACCESS_DENIED            not the caller's
    ├── PasswordWrongError           PASSWORD_WRONG           where it is needed again
    ├── AttemptsExhaustedError       ATTEMPTS_EXHAUSTED       too many wrong passwords
    ├── HashingBusyError             HASHING_BUSY             too many log-ins at once
    ├── EmailTakenError              EMAIL_TAKEN
    ├── AccountNotFoundError         ACCOUNT_NOT_FOUND        said to admins only
    ├── LastAdminError               LAST_ADMIN               no admin would be left
    ├── RecognitionNotFoundError     RECOGNITION_NOT_FOUND
    ├── UpdateMaskInvalidError       UPDATE_MASK_INVALID
    ├── ApiKeyNotFoundError          API_KEY_NOT_FOUND
    ├── ApiKeyLimitReachedError      API_KEY_LIMIT_REACHED
    ├── ExpireTimePastError          EXPIRE_TIME_PAST
    ├── RequestIdReusedError         REQUEST_ID_REUSED        it has made a key before
    ├── PageTokenInvalidError        PAGE_TOKEN_INVALID
    ├── StoreUnreachableError        STORE_UNREACHABLE        PostgreSQL is down or too slow
    ├── StorageFullError             STORAGE_FULL             PostgreSQL has no room left
    ├── CountsUnreachableError       COUNTS_UNREACHABLE       Redis is down or too slow
    ├── RateLimitedError             RATE_LIMITED             too many calls in this minute
    └── QuotaExhaustedError          QUOTA_EXHAUSTED          too many recognitions on this day

A refused credential is answered in the same words whatever is wrong with it: what is said to its
owner is said to a thief too. No message holds a password, a token, a key or an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from mesh.runtime.errors import ServiceError

DOMAIN = "sonica.user"
#: Of what the edge refuses before any service sees the call.
EDGE_DOMAIN = "sonica.edge"


class CredentialsMissingError(ServiceError):
    """The call needs an access token and came without one."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "CREDENTIALS_MISSING"
    domain = DOMAIN

    def __init__(self, key_scope: str = "") -> None:
        """Takes the scope with which an API key would do; empty when none would."""
        key = f"; an API key with the scope {key_scope} would do as well" if key_scope else ""
        super().__init__(
            "this call needs an access token: log in and send it as "
            f"`authorization: Bearer ...`{key}"
        )


class CredentialsRefusedError(ServiceError):
    """The access token or API key is not valid, or not any more."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "CREDENTIALS_REFUSED"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing: every cause has the same words."""
        super().__init__("the credentials are not valid, or not any more; log in again")


class LoginRefusedError(ServiceError):
    """No account has this address and this password."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "LOGIN_REFUSED"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing: every cause has the same words."""
        super().__init__("no account has this email and this password")


class RefreshRefusedError(ServiceError):
    """The refresh token is unknown, has ended, or was used before, which ended its session."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "REFRESH_REFUSED"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing: every cause has the same words."""
        super().__init__("the refresh token is not valid, or not any more; log in again")


class AccessDeniedError(ServiceError):
    """The caller asked for what is not theirs, whether it exists or not."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "ACCESS_DENIED"
    domain = DOMAIN
    metadata_keys = ("role", "scope")

    def __init__(
        self,
        message: str = "the caller may not do this; `users/me` names the caller's own account",
        *,
        role: str = "",
        scope: str = "",
    ) -> None:
        """Takes the role or scope that is needed; whether what was asked for exists is not told."""
        super().__init__(message)
        needed = {"role": role, "scope": scope}
        self.metadata = {name: value for name, value in needed.items() if value}


class PasswordWrongError(ServiceError):
    """The password, which this call needs again, is another."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "PASSWORD_WRONG"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing."""
        super().__init__("the password given is not that of this account")


class AttemptsExhaustedError(ServiceError):
    """Too many wrong passwords for one account came from one address."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "ATTEMPTS_EXHAUSTED"
    domain = DOMAIN

    def __init__(self, retry_after_seconds: float) -> None:
        """Takes the time after which a try makes sense."""
        super().__init__(
            f"too many failed attempts; try again in {max(1, round(retry_after_seconds))} s",
            retry_after_seconds=retry_after_seconds,
        )


class HashingBusyError(ServiceError):
    """As many passwords wait to be hashed as the service takes."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "HASHING_BUSY"
    domain = DOMAIN
    metadata_keys = ("max_waiting_hashes",)


class EmailTakenError(ServiceError):
    """An account has this address already."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "EMAIL_TAKEN"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing: the address is not repeated."""
        super().__init__("an account has this email already; log in, or register another")


class AccountNotFoundError(ServiceError):
    """No account has this name; said to admins only."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "ACCOUNT_NOT_FOUND"
    domain = DOMAIN
    metadata_keys = ("name",)


class LastAdminError(ServiceError):
    """The account is the only admin; giving another one the role makes room."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "LAST_ADMIN"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing."""
        super().__init__("this is the only admin; give another account the role first")


class RecognitionNotFoundError(ServiceError):
    """The history of the account has no recognition of this name, or not any more."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "RECOGNITION_NOT_FOUND"
    domain = DOMAIN
    metadata_keys = ("name",)


class UpdateMaskInvalidError(ServiceError):
    """The mask names what cannot be changed, or nothing is left to change."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "UPDATE_MASK_INVALID"
    domain = DOMAIN
    metadata_keys = ("path", "known_paths")


class ApiKeyNotFoundError(ServiceError):
    """The account has no key of this name, or it has ended."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "API_KEY_NOT_FOUND"
    domain = DOMAIN
    metadata_keys = ("name",)


class ApiKeyLimitReachedError(ServiceError):
    """The account has as many keys as it may have; revoking one makes room, waiting does not."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "API_KEY_LIMIT_REACHED"
    domain = DOMAIN
    metadata_keys = ("max_api_keys",)

    def details(self) -> tuple[()]:
        """Returns nothing: no time to wait would help."""
        return ()


class ExpireTimePastError(ServiceError):
    """The key would have ended before it was made."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "EXPIRE_TIME_PAST"
    domain = DOMAIN
    metadata_keys = ("expire_time",)


class RequestIdReusedError(ServiceError):
    """This request id made a key before, whose secret cannot be shown again."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "REQUEST_ID_REUSED"
    domain = DOMAIN
    metadata_keys = ("request_id", "name")


class PageTokenInvalidError(ServiceError):
    """The page token is not one this call gave, or it gave it for another request."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "PAGE_TOKEN_INVALID"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing."""
        super().__init__(
            "page_token is not one of this list; send next_page_token as it was, and the rest of "
            "the request too, or no token"
        )


class StoreUnreachableError(ServiceError):
    """PostgreSQL does not answer in time."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "STORE_UNREACHABLE"
    domain = DOMAIN


class StorageFullError(ServiceError):
    """There is no room for what was to be stored; what was stored before is whole."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "STORAGE_FULL"
    domain = DOMAIN


class CountsUnreachableError(ServiceError):
    """Redis, which counts calls for all replicas, does not answer in time."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "COUNTS_UNREACHABLE"
    domain = DOMAIN


class _LimitError(ServiceError):
    """A call is one too many; waiting helps."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    domain = EDGE_DOMAIN

    def __init__(
        self, message: str, subject: str, retry_after_seconds: float, **metadata: str
    ) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds, **metadata)
        self._subject = subject

    def details(self) -> Sequence[Message]:
        """Returns RetryInfo and whose limit it is."""
        violation = error_details_pb2.QuotaFailure.Violation(
            subject=self._subject, description=self.message
        )
        return (*super().details(), error_details_pb2.QuotaFailure(violations=[violation]))


class RateLimitedError(_LimitError):
    """The account has made as many calls in this minute as it may."""

    reason = "RATE_LIMITED"
    metadata_keys = ("limit", "window_seconds")

    def __init__(self, subject: str, limit: int, retry_after_seconds: int) -> None:
        """Takes the account, its limit, and the time until the minute is over."""
        super().__init__(
            f"{subject} may make {limit} calls in a minute and has made them; "
            f"try again in {retry_after_seconds} s",
            subject,
            retry_after_seconds,
            limit=str(limit),
            window_seconds="60",
        )


class QuotaExhaustedError(_LimitError):
    """The account, or the API key used, has recognised as often on this UTC day as it may."""

    reason = "QUOTA_EXHAUSTED"
    metadata_keys = ("limit", "reset_time")

    def __init__(
        self, subject: str, limit: int, retry_after_seconds: int, reset_time: datetime
    ) -> None:
        """Takes account or key, its limit, and when the next day begins."""
        shown = f"{reset_time:%Y-%m-%dT%H:%M:%SZ}"
        super().__init__(
            f"{subject} may recognise {limit} times on one UTC day and has; "
            f"the next day begins at {shown}",
            subject,
            retry_after_seconds,
            limit=str(limit),
            reset_time=shown,
        )
