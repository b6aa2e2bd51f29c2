"""user_svc for tests: in this process, with a hasher that counts."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sonica.user.v1 import (
    account_pb2,
    account_service_pb2_grpc,
    activity_pb2,
    activity_service_pb2_grpc,
    api_key_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    history_pb2,
    history_service_pb2_grpc,
    identity_service_pb2_grpc,
    personal_data_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    webhook_service_pb2_grpc,
)
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import activity_service_pb2 as activity_pb
from sonica.user.v1 import history_service_pb2 as history_pb

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
    """The services over one channel."""

    channel: grpc.aio.Channel

    def __post_init__(self) -> None:
        self.accounts = account_service_pb2_grpc.AccountServiceStub(self.channel)
        self.sessions = session_service_pb2_grpc.SessionServiceStub(self.channel)
        self.keys = api_key_service_pb2_grpc.ApiKeyServiceStub(self.channel)
        self.audit = audit_service_pb2_grpc.AuditServiceStub(self.channel)
        self.history = history_service_pb2_grpc.HistoryServiceStub(self.channel)
        self.personal = personal_data_service_pb2_grpc.PersonalDataServiceStub(self.channel)
        self.activity = activity_service_pb2_grpc.ActivityServiceStub(self.channel)
        self.identities = identity_service_pb2_grpc.IdentityServiceStub(self.channel)
        self.webhooks = webhook_service_pb2_grpc.WebhookServiceStub(self.channel)

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
        request = audit_service_pb2.ListAuditEventsRequest(user=user, page_size=1000)
        response = await self.audit.ListAuditEvents(request, metadata=admin.bearer)
        names = [audit_service_pb2.AuditAction.Name(event.action) for event in response.events]
        return [name.removeprefix("AUDIT_ACTION_") for name in names]

    async def report(self, *activities: activity_pb2.Activity) -> None:
        """Reports what another service did."""
        await self.activity.ReportActivity(activity_pb.ReportActivityRequest(activities=activities))

    async def recognitions(self, user: User, **fields: Any) -> list[history_pb2.Recognition]:
        """Returns a page of somebody's history."""
        request = history_pb.ListRecognitionsRequest(parent="users/me", **fields)
        response = await self.history.ListRecognitions(request, metadata=user.bearer)
        return list(response.recognitions)


def file_of(method: Any, request: Any, metadata: Metadata) -> asyncio.Future[bytes]:
    """Calls a method that answers with a file; returns the whole of it."""

    async def read() -> bytes:
        parts = [response.content.data async for response in method(request, metadata=metadata)]
        assert all(len(part) <= 256 * 1024 for part in parts)
        return b"".join(parts)

    return asyncio.ensure_future(read())


def recognition(
    user: str, /, *titles: str, minutes_ago: float = 0, **fields: Any
) -> activity_pb2.Activity:
    """Returns the report of a recognition, with a match for each title."""
    matches = [
        {
            "track_id": f"id of {title}"[:64],
            "title": title,
            "artist": "Somebody",
            "score": 0.75,
            "track_offset": {"seconds": 61, "nanos": 440_000_000},
            "clip_offset": {"nanos": 128_000_000},
        }
        for title in titles
    ]
    values = {
        "activity_id": str(uuid.uuid4()),
        "user": user,
        "trace_id": "ab" * 16,
        "recognition": {"clip_duration": {"seconds": 5}, "matches": matches},
        **fields,
    }
    activity = activity_pb2.Activity(**values)
    activity.occur_time.FromDatetime(datetime.now(UTC) - timedelta(minutes=minutes_ago))
    return activity


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
