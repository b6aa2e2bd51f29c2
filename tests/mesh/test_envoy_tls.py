"""Aim: the edge speaks TLS 1.3 and nothing else, and takes a new certificate without a restart.

Method: a real Envoy with certificates of a real authority, and clients that check them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import httpx
import pytest
import pytest_asyncio
from cryptography import x509

from mesh.envoy.plan import MeshPlan
from mesh.envoy.tls import spiffe_id
from mesh.local.certificates import Authority
from mesh.runtime.testing import serving
from tests.mesh.rig import admin_client, plan_in, start_envoy, temporary_folder
from tests.mesh.stand_ins import StandIns
from tests.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass
class Edge:
    """A running edge with nothing behind it."""

    plan: MeshPlan
    authority: Authority

    @property
    def url(self) -> str:
        return f"https://{self.plan.edge}"

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority.certificate))

    async def serial_number(self) -> int:
        """Returns which certificate a new connection gets."""
        context = self.context()
        host, port = self.plan.edge.split(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        del reader
        return x509.load_der_x509_certificate(certificate).serial_number


@asynccontextmanager
async def encrypted_edge() -> AsyncIterator[Edge]:
    with temporary_folder() as folder:
        authority = Authority(Path(folder, "tls"), "edge")
        pair = authority.keep("edge", NAMES)
        plan = replace(
            plan_in(folder, f"127.0.0.1:{free_port()}"),
            tls_certificate=str(pair.certificate),
            tls_private_key=str(pair.private_key),
            secrets_dir=folder,
        )
        process = await start_envoy(plan, folder)
        edge = Edge(plan, authority)
        try:
            async with asyncio.timeout(120):
                while not _listens(plan.edge):
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
            yield edge
        finally:
            process.terminate()
            print((await process.communicate())[1].decode())


def _listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with encrypted_edge() as running:
        yield running


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_rest_over_tls(edge: Edge, host: str) -> None:
    url = edge.url.replace("127.0.0.1", host)
    async with httpx.AsyncClient(verify=edge.context(), trust_env=False) as client:
        answer = await client.get(f"{url}/v1/nothing")
    assert answer.json()["details"][0]["reason"] == "ROUTE_NOT_FOUND"


async def test_grpc_over_tls(edge: Edge) -> None:
    roots = edge.authority.certificate.read_bytes()
    credentials = grpc.ssl_channel_credentials(roots)
    async with grpc.aio.secure_channel(edge.plan.edge, credentials) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/sonica.nothing.v1.Nothing/Get")(b"", timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(("offered", "chosen"), [("h2", "h2"), ("http/1.1", "http/1.1")])
async def test_both_versions_of_http_are_agreed_on(edge: Edge, offered: str, chosen: str) -> None:
    context = edge.context()
    context.set_alpn_protocols([offered])
    host, port = edge.plan.edge.split(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    spoken = writer.get_extra_info("ssl_object")
    assert (spoken.selected_alpn_protocol(), spoken.version()) == (chosen, "TLSv1.3")
    writer.close()


async def test_older_tls_is_refused(edge: Edge) -> None:
    context = edge.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    host, port = edge.plan.edge.split(":")
    with pytest.raises(ssl.SSLError, match="VERSION"):
        await asyncio.open_connection(host, int(port), ssl=context)


async def test_plain_text_is_refused(edge: Edge) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://{edge.plan.edge}/healthz", timeout=60)


async def test_a_stranger_is_not_taken_for_the_edge(edge: Edge, tmp_path: Path) -> None:
    other = Authority(tmp_path / "tls", "edge")
    other.keep("edge", NAMES)
    context = ssl.create_default_context(cafile=str(other.certificate))
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await client.get(f"{edge.url}/healthz")


async def test_a_new_certificate_is_served_without_a_restart(edge: Edge) -> None:
    before = await edge.serial_number()
    # Another name makes it another certificate.
    edge.authority.keep("edge", (*NAMES, "new.example"))
    async with asyncio.timeout(120):
        while await edge.serial_number() == before:  # noqa: ASYNC110 - Envoy has no event
            await asyncio.sleep(0.05)


async def test_envoy_takes_no_service_for_another() -> None:
    """A part of the mesh that was taken over can answer for itself, and for nothing else."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        authority = Authority(Path(folder, "tls"), "mesh")
        own = authority.keep("envoy", [spiffe_id("envoy"), "envoy"])
        plan = replace(
            plan_in(folder),
            mtls=True,
            mtls_certificate=str(own.certificate),
            mtls_private_key=str(own.private_key),
            mtls_ca=str(authority.certificate),
            secrets_dir=folder,
        )
        registrations = StandIns().match_registrations()
        for cluster, name in (("match", "match"), ("gateway", "fingerprint")):
            pair = authority.keep(f"{cluster}-server", [spiffe_id(name)])
            await stack.enter_async_context(
                serving(
                    registrations,
                    listen=getattr(plan, cluster)[0],
                    tls_certificate=pair.certificate,
                    tls_private_key=pair.private_key,
                    tls_ca=authority.certificate,
                )
            )
        process = await start_envoy(plan, folder)
        try:
            async with admin_client(plan) as admin, asyncio.timeout(120):
                for stat in ("match.membership_healthy", "gateway.ssl.fail_verify_san"):
                    while not await _counted(admin, f"cluster.{stat}"):  # noqa: ASYNC110 - no event
                        await asyncio.sleep(0.05)
                assert await _counted(admin, "cluster.gateway.membership_healthy") == 0
        finally:
            process.terminate()
            await process.communicate()


async def _counted(admin: httpx.AsyncClient, name: str) -> int:
    try:
        text = (await admin.get("/stats", params={"filter": f"^{name}$"})).text
    except httpx.TransportError:
        return 0
    return int(text.rsplit(":", 1)[1]) if text.strip() else 0
