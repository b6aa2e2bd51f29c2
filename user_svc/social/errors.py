"""Why a log-in at another provider is refused.

ServiceError
├── ProviderUnknownError         PROVIDER_UNKNOWN
├── ProviderUnreachableError     PROVIDER_UNREACHABLE
├── RedirectUriRefusedError      REDIRECT_URI_REFUSED
├── SocialLogInRefusedError      SOCIAL_LOGIN_REFUSED     state, code or token, however
├── SocialLogInBusyError         SOCIAL_LOGIN_BUSY        too many under way
├── SocialEmailTakenError        SOCIAL_EMAIL_TAKEN       log in with the password, then link
├── SocialEmailUnverifiedError   SOCIAL_EMAIL_UNVERIFIED
├── IdentityTakenError           IDENTITY_TAKEN           linked to another account
├── IdentityNotFoundError        IDENTITY_NOT_FOUND
├── IdentityLimitReachedError    IDENTITY_LIMIT_REACHED
├── IdentityNeededError          IDENTITY_NEEDED          proves whose the account is
└── IdentityNoProofError         IDENTITY_NO_PROOF        the account was not made with it
"""

from __future__ import annotations

import grpc

from mesh.runtime.errors import ServiceError
from user_svc.errors import DOMAIN


class ProviderUnknownError(ServiceError):
    """The operator has set up no provider of this name."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "PROVIDER_UNKNOWN"
    domain = DOMAIN
    metadata_keys = ("provider", "known_providers")


class ProviderUnreachableError(ServiceError):
    """The provider does not answer, or not as a provider does."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "PROVIDER_UNREACHABLE"
    domain = DOMAIN
    metadata_keys = ("provider",)


class RedirectUriRefusedError(ServiceError):
    """The provider may not send people there."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "REDIRECT_URI_REFUSED"
    domain = DOMAIN


class SocialLogInRefusedError(ServiceError):
    """The log-in at a provider did not come to a good end, or was ended before."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "SOCIAL_LOGIN_REFUSED"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing: every cause has the same words."""
        super().__init__("the log-in is not valid, or not any more; begin it again")


class SocialLogInBusyError(ServiceError):
    """Too many log-ins at providers are under way."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "SOCIAL_LOGIN_BUSY"
    domain = DOMAIN


class SocialEmailTakenError(ServiceError):
    """An account has the person's address already; an address alone opens no account."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "SOCIAL_EMAIL_TAKEN"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing: the address is not repeated."""
        super().__init__("an account has this email already; log in to it, then link the provider")


class SocialEmailUnverifiedError(ServiceError):
    """A new account needs an address, and the provider vouches for none."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SOCIAL_EMAIL_UNVERIFIED"
    domain = DOMAIN
    metadata_keys = ("provider",)


class IdentityTakenError(ServiceError):
    """The person is linked to another account."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "IDENTITY_TAKEN"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing: whose it is is not told."""
        super().__init__("this identity is linked to another account; unlink it there first")


class IdentityNotFoundError(ServiceError):
    """The account has no identity of this name."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "IDENTITY_NOT_FOUND"
    domain = DOMAIN
    metadata_keys = ("name",)


class IdentityLimitReachedError(ServiceError):
    """The account has as many identities as it may have; unlinking one makes room."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "IDENTITY_LIMIT_REACHED"
    domain = DOMAIN
    metadata_keys = ("max_identities",)

    def details(self) -> tuple[()]:
        """Returns nothing: no time to wait would help."""
        return ()


class IdentityNeededError(ServiceError):
    """The account was made with it and has no password that would prove whose it is."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "IDENTITY_NEEDED"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing."""
        super().__init__("the account was made with this identity; set a password first")


class IdentityNoProofError(ServiceError):
    """The person who logged in does not prove whose the account is."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "IDENTITY_NO_PROOF"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing: whose the identity is is not told."""
        super().__init__(
            "the account was not made with this identity; log in with the one it was made with, or "
            "give the password"
        )
