"""A real Envoy between a real gateway and stand-ins, all on socket files of one folder."""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx

from gateway.server import build
from gateway.settings import Settings
from mesh.envoy.bootstrap import bootstrap
from mesh.envoy.plan import MeshPlan
from mesh.envoy.program import command
from mesh.envoy.tls import write_secrets
from mesh.runtime.testing import serving
from tests.integration import stores
from tests.integration.user_service import make_settings
from tests.mesh.stand_ins import StandIns
from tests.ports import free_port
from user_svc.server import build as build_users
from user_svc.settings import Settings as UserSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from mesh.runtime.serve import Registration

_START_SECONDS_MAX = 120.0


@dataclass
class Rig:
    """A running mesh.

    Attributes:
        plan: what Envoy was built from.
        services: what answers behind the gateway.
        edge: gRPC channel to the edge.
        inside: gRPC channel to the internal listener.
        rest: HTTP/1.1 client of the edge.
        admin: HTTP client of Envoy's admin socket.
        users: closing it ends user_svc, or its stand-in.
        operator_key: good for everything, where the real user_svc answers.
    """

    plan: MeshPlan
    services: StandIns
    edge: grpc.aio.Channel
    inside: grpc.aio.Channel
    rest: httpx.AsyncClient
    admin: httpx.AsyncClient
    users: AsyncExitStack
    operator_key: str

    async def healthy(self, cluster: str, count: int) -> None:
        """Waits until so many replicas of a cluster pass their health checks."""
        name = f"cluster.{cluster}.membership_healthy"
        async with asyncio.timeout(_START_SECONDS_MAX):
            while True:
                stats = (await self.admin.get("/stats", params={"filter": name})).text
                if f"{name}: {count}\n" in stats:
                    return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running_mesh(users: UserSettings | None = None, **overrides: Any) -> AsyncIterator[Rig]:
    """Runs Envoy, one gateway and one of each stand-in; `overrides` are fields of the plan.

    A field given here is used as it is: its endpoints are the test's to serve. With `users` the
    real user_svc stands in the place of its stand-in and the edge asks it who may call what; else
    the mesh is open.
    """
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        plan = replace(plan_in(folder), open=users is None, **overrides)
        operator_key = f"op_{secrets.token_urlsafe(32)}"
        services = StandIns()
        await stack.enter_async_context(
            serving(services.fingerprint_registrations(), listen=f"unix:{folder}/fingerprint")
        )
        await stack.enter_async_context(
            serving(services.match_registrations(), listen=f"unix:{folder}/match")
        )
        accounts = await stack.enter_async_context(AsyncExitStack())
        registrations: Sequence[Registration] = services.user_registrations()
        if users is not None:
            key_file = written(Path(folder, "operator.key"), operator_key)
            ours = {"jwks_listen": plan.user_keys[0], "operator_key_file": key_file}
            registrations = await accounts.enter_async_context(
                build_users(users.model_copy(update=ours))
            )
        await accounts.enter_async_context(serving(registrations, listen=f"unix:{folder}/user"))
        gateway = await stack.enter_async_context(build(Settings(mesh_address=plan.internal)))
        await stack.enter_async_context(serving(gateway, listen=f"unix:{folder}/gateway"))
        await stack.enter_async_context(running_envoy(plan, folder))
        yield Rig(
            plan,
            services,
            await stack.enter_async_context(grpc.aio.insecure_channel(plan.edge)),
            await stack.enter_async_context(grpc.aio.insecure_channel(plan.internal)),
            await stack.enter_async_context(rest_client(plan)),
            await stack.enter_async_context(admin_client(plan)),
            accounts,
            operator_key,
        )


@asynccontextmanager
async def mesh_with_accounts(
    plan: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Rig]:
    """Runs a mesh with the real user_svc on real PostgreSQL and Redis.

    Args:
        plan: fields of the plan.
        settings: of user_svc, beside its stores.
    """
    with stores.postgres() as (_, dsn), stores.redis() as (_, redis):
        users = make_settings(dsn, redis_url=redis, **settings)
        async with running_mesh(users, **(plan or {})) as running:
            yield running


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Returns a folder with a short name: a socket's path has at most 103 bytes."""
    return tempfile.TemporaryDirectory(prefix="mesh", dir="/tmp", ignore_cleanup_errors=True)


def plan_in(folder: str, edge: str | None = None) -> MeshPlan:
    """Returns a plan whose sockets and log lie in `folder`, with a free port for the edge."""
    return MeshPlan(
        edge=edge or f"127.0.0.1:{free_port()}",
        internal=f"unix:{folder}/internal",
        gateway=(f"unix:{folder}/gateway",),
        fingerprint=(f"unix:{folder}/fingerprint",),
        match=(f"unix:{folder}/match",),
        user=(f"unix:{folder}/user",),
        user_keys=(f"unix:{folder}/keys",),
        admin=f"unix:{folder}/admin",
        access_log=f"{folder}/access.log",
        # All tests of a mesh call from one address.
        anonymous_requests=0,
        credential_requests=0,
        authorization_requests=0,
    )


def rest_client(plan: MeshPlan) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://{plan.edge}", timeout=120, trust_env=False)


def admin_client(plan: MeshPlan) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=plan.admin.removeprefix("unix:"))
    return httpx.AsyncClient(transport=transport, base_url="http://admin", timeout=60)


def write_config(plan: MeshPlan, folder: str) -> Path:
    write_secrets(plan)
    return written(Path(folder, "envoy.json"), json.dumps(bootstrap(plan)))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


async def start_envoy(plan: MeshPlan, folder: str) -> asyncio.subprocess.Process:
    """Starts Envoy without waiting for anything."""
    config = write_config(plan, folder)
    return await asyncio.create_subprocess_exec(
        *command(config, plan), stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


@asynccontextmanager
async def running_envoy(plan: MeshPlan, folder: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs Envoy until all services are healthy by its own checks; prints its log when it dies."""
    process = await start_envoy(plan, folder)
    try:
        await asyncio.wait_for(_ready(plan, process), _START_SECONDS_MAX)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        _, errors = await process.communicate()
        if errors:
            print(errors.decode())


async def _ready(plan: MeshPlan, process: asyncio.subprocess.Process) -> None:
    async with rest_client(plan) as client:
        while process.returncode is None:
            try:
                if (await client.get("/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError("Envoy died")
