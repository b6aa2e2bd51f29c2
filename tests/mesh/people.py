"""Everybody who may call a mesh, with the credentials they call with."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
from sonica.user.v1 import api_key_pb2
from sonica.user.v1 import api_key_service_pb2 as key_pb

from tests.hand_made_tokens import KEY_ID, SEED
from tests.integration import stores
from tests.integration.user_service import Client, Metadata, User, make_settings
from tests.mesh.rig import Rig, running_mesh
from user_svc.grant import grant
from user_svc.model import Role
from user_svc.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True)
class People:
    """A closed mesh and whom it knows.

    Attributes:
        users: somebody of each role, by its name in lower case.
        dsn: of the database of user_svc.
    """

    rig: Rig
    client: Client
    users: dict[str, User]
    dsn: str

    async def key(self, owner: str, *scopes: str) -> tuple[str, str]:
        """Makes an API key of somebody with some scopes; returns its name and its text."""
        request = key_pb.CreateApiKeyRequest(
            parent="users/me",
            display_name="radio",
            scopes=[api_key_pb2.Scope.Value(f"SCOPE_{scope}") for scope in scopes],
        )
        user = await self.renew(owner)
        made = await self.client.keys.CreateApiKey(request, metadata=user.bearer)
        return made.api_key.name, made.key_text

    async def revoke(self, owner: str, name: str) -> None:
        """Ends a key."""
        request = key_pb.RevokeApiKeyRequest(name=name)
        await self.client.keys.RevokeApiKey(request, metadata=self.users[owner].bearer)

    async def renew(self, owner: str) -> User:
        """Logs somebody in again, whose session a test may have ended."""
        user = self.users[owner]
        user.tokens = await self.client.log_in(user.email)
        return user

    @property
    def operator(self) -> Metadata:
        """Metadata of the operator."""
        return [("x-api-key", self.rig.operator_key)]


@asynccontextmanager
async def closed_mesh(**settings: object) -> AsyncIterator[People]:
    """Runs a mesh that asks for credentials, with somebody of each role.

    The key of the tokens made by hand is one of its signing keys.
    """
    with stores.postgres() as (_, dsn), stores.redis() as (_, redis):
        users = make_settings(dsn, redis_url=redis, max_api_keys=1000, **settings)
        await _plant_key(users, dsn)
        async with running_mesh(users) as rig:
            client = Client(rig.edge)
            people = {role.value.lower(): await client.register() for role in Role}
            for role in Role:
                assert await grant(users, people[role.value.lower()].email, role)
            made = People(rig, client, people, dsn)
            for name in people:
                await made.renew(name)
            yield made


async def _plant_key(users: Settings, dsn: str) -> None:
    # Has the schema made, and finds nobody.
    assert not await grant(users, f"{uuid.uuid4().hex}@example.org", Role.FREE)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO users.signing_key (key_id, seed, sign_time) "
            "VALUES ($1, $2, now() - interval '1 minute')",
            KEY_ID,
            SEED,
        )
    finally:
        await connection.close()
