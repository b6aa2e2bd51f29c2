"""user_svc for tests: in this process, with a hasher that counts."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sonica.user.v1 import (
    account_pb2,
    account_service_pb2_grpc,
    api_key_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
)
from sonica.user.v1 import account_service_pb2 as account_pb

from mesh.runtime.channels import open_channel
from mesh.runtime.testing import serving
from user_svc.server import build
from user_svc.settings import Settings

PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
Metadata = list[tuple[str, str]]


@dataclass
class User:
    """A registered person.

    Attributes:
        name: `users/{user}`.
        tokens: of their session.
    """

    email: str
    name: str
    tokens: session_service_pb2.Tokens = field(default_factory=session_service_pb2.Tokens)

    @property
    def bearer(self) -> Metadata:
        """Metadata of their calls."""
        return bearer(self.tokens.access_token)


def bearer(token: str) -> Metadata:
    """Returns the metadata that carry an access token."""
    return [("authorization", f"Bearer {token}")]


@dataclass
class Client:
    """The four services over one channel."""

    channel: grpc.aio.Channel

    def __post_init__(self) -> None:
        self.accounts = account_service_pb2_grpc.AccountServiceStub(self.channel)
        self.sessions = session_service_pb2_grpc.SessionServiceStub(self.channel)
        self.keys = api_key_service_pb2_grpc.ApiKeyServiceStub(self.channel)
        self.audit = audit_service_pb2_grpc.AuditServiceStub(self.channel)

    async def register(self, email: str = "") -> User:
        """Registers somebody who is not logged in."""
        email = email or f"{uuid.uuid4().hex}@example.org"
        request = account_pb.RegisterRequest(email=email, password=PASSWORD)
        response = await self.accounts.Register(request)
        return User(email, response.account.name)

    async def log_in(self, email: str, password: str = PASSWORD) -> session_service_pb2.Tokens:
        """Begins a session."""
        request = session_service_pb2.LogInRequest(email=email, password=password)
        response = await self.sessions.LogIn(request)
        return response.tokens

    async def newcomer(self) -> User:
        """Registers somebody and logs them in."""
        user = await self.register()
        user.tokens = await self.log_in(user.email)
        return user

    async def refresh(self, refresh_token: str) -> session_service_pb2.Tokens:
        """Takes the next tokens."""
        request = session_service_pb2.RefreshRequest(refresh_token=refresh_token)
        response = await self.sessions.Refresh(request)
        return response.tokens

    async def get(self, metadata: Metadata, name: str = "users/me") -> account_pb2.Account:
        """Returns an account."""
        request = account_pb.GetAccountRequest(name=name)
        response = await self.accounts.GetAccount(request, metadata=metadata)
        return response.account

    async def events(self, admin: User, user: str = "") -> list[str]:
        """Returns what was done to an account, the newest first, without the prefix."""
        request = audit_service_pb2.ListEventsRequest(user=user, page_size=1000)
        response = await self.audit.ListEvents(request, metadata=admin.bearer)
        names = [audit_service_pb2.AuditAction.Name(event.action) for event in response.events]
        return [name.removeprefix("AUDIT_ACTION_") for name in names]


def make_settings(dsn: str, **more: object) -> Settings:
    """Returns settings that hash quickly, give a busy machine time, and let accounts call often."""
    values = {
        "database_url": dsn,
        "argon2_memory_kib": 7168,
        "argon2_passes": 1,
        "store_timeout_seconds": 60.0,
        "redis_timeout_seconds": 5.0,
        "free_requests_per_minute": 0,
        "premium_requests_per_minute": 0,
        **more,
    }
    return Settings.model_validate(values)


@asynccontextmanager
async def user_service(settings: Settings) -> AsyncIterator[Client]:
    """Serves in this process and yields a client."""
    async with (
        build(settings) as registrations,
        serving(registrations) as target,
        open_channel(target) as channel,
    ):
        yield Client(channel)


def refusal(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """Returns code and reason of a typed error."""
    assert isinstance(error, grpc.aio.AioRpcError)
    status = rpc_status.from_call(error)
    assert status is not None, f"untyped: {error}"
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    assert info.domain == "sonica.user"
    return error.code(), info.reason
