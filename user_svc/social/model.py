"""The nouns of log-ins at other providers; what is secret is never shown by `repr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from user_svc.social.endpoint import check_endpoint


class ProviderSettings(BaseModel):
    """One provider, as the operator has set it up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$", description="How people call it.")
    issuer: Annotated[str, AfterValidator(check_endpoint)] = Field(
        max_length=500, description="`iss` of its tokens, a URL."
    )
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a provider has vouched for.

    Attributes:
        email: in lower case; None unless the provider says that it has verified it.
        display_name: may be empty.
    """

    issuer: str
    subject: str = field(repr=False)
    email: str | None = field(repr=False)
    display_name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SocialLogIn:
    """How a log-in at a provider came back."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    flow_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person at a provider who is linked to an account.

    Attributes:
        identity_number: order of linking; never used twice.
        identity_id: 16 hexadecimal digits.
        founding: whether the account was made with it.
    """

    identity_number: int
    identity_id: str
    user_id: UUID
    provider: str
    issuer: str
    subject: str = field(repr=False)
    create_time: datetime
    last_use_time: datetime | None
    founding: bool

    @property
    def name(self) -> str:
        """Resource name."""
        return f"users/{self.user_id}/identities/{self.identity_id}"


@dataclass(frozen=True, slots=True)
class Flow:
    """A log-in that is under way, as stored."""

    flow_sha256: bytes = field(repr=False)
    provider: str
    redirect_uri: str
