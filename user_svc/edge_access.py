"""Decides for the proxy whether a call to another service may go on, and whose it is.

It is asked about calls with an API key, and about those that not everybody may make. What it looks
at is the RPC the proxy has found, never a path; who it believes is a token that the proxy has
verified, and then only while its session lives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from user_svc.access import Access
from user_svc.access_tokens import Claims
from user_svc.errors import CredentialsMissingError
from user_svc.model import Caller, Role, Scope


class Level(StrEnum):
    """Who at least the caller of an RPC has to be; as in the contract."""

    PUBLIC = "PUBLIC"
    SIGNED_IN = "SIGNED_IN"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call the proxy asks about.

    Attributes:
        level: of the RPC.
        scope: what an API key must be good for; None means that none of an account is.
        claims: of the access token, verified; None when the call has none.
        api_key: None when the call has none; not looked at beside an access token.
    """

    level: Level
    scope: Scope | None
    claims: Claims | None
    api_key: str | None = field(repr=False)


class EdgeAccess:
    """Answers the proxy; a denial is recorded as those of our own calls are."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def check(self, asked: Asked) -> Caller | None:
        """Returns who calls; None is nobody who has said so, which may go on too.

        Raises:
            CredentialsMissingError, CredentialsRefusedError, AccessDeniedError,
            StoreUnreachableError.
        """
        if asked.claims is not None:
            caller = await self._access.holder(asked.claims)
        elif asked.api_key is not None:
            caller = await self._access.key_holder(asked.api_key, asked.scope)
        elif asked.level is Level.PUBLIC:
            return None
        else:
            raise CredentialsMissingError(asked.scope.value if asked.scope else "")
        if asked.level is Level.ADMIN:
            await self._access.of_role(caller, Role.ADMIN)
        return caller
