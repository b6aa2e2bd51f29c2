"""Aim: a local mesh works whole with every connection encrypted and every part proving itself.

Method: one real mesh with TLS at the edge and mTLS behind it, and strangers who knock.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import pytest
import pytest_asyncio
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub

from mesh import local
from mesh.local.certificates import Authority, KeyPair
from mesh.local.layout import Layout
from tests.mesh.test_envoy_edge import CLIP

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[local.LocalMesh]:
    folder = tmp_path_factory.mktemp("encrypted")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SONICA_MTLS", "true")
        running = await local.start(folder, edge_port=0, edge=local.EdgeOptions(tls=True))
    try:
        yield running.mesh
    finally:
        await running.stop()


def layout(mesh: local.LocalMesh) -> Layout:
    return Layout.of(mesh.data_dir)


def channel(mesh: local.LocalMesh, part: str, name: str | None) -> grpc.aio.Channel:
    """Returns a way to a part, as who has the certificate for `name`, or in clear."""
    target = layout(mesh).target(part)
    if name is None:
        return grpc.aio.insecure_channel(target)
    folder = layout(mesh).tls_dir
    pair = KeyPair(folder / f"mesh-{name}.pem", folder / f"mesh-{name}.key")
    return _channel(target, folder / "mesh-ca.pem", pair)


def _channel(target: str, ca: Path, pair: KeyPair) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(
        ca.read_bytes(), pair.private_key.read_bytes(), pair.certificate.read_bytes()
    )
    # Services are known by a URI, which Envoy checks; these tests look at the other direction.
    options = [("grpc.ssl_target_name_override", "envoy")]
    return grpc.aio.secure_channel(target, credentials, options=options)


async def count(way: grpc.aio.Channel) -> int:
    async with way:
        answer = await CatalogServiceStub(way).GetCatalogStatistics(
            catalog.GetCatalogStatisticsRequest(), timeout=60
        )
    return int(answer.active_track_count)


async def test_a_call_goes_through_the_whole_mesh(mesh: local.LocalMesh) -> None:
    assert mesh.has_tls
    context = ssl.create_default_context(cafile=str(mesh.ca_certificate))
    async with httpx.AsyncClient(
        verify=context, base_url=f"https://{mesh.edge_address}", trust_env=False, timeout=120
    ) as client:
        assert (await client.get("/healthz")).status_code == 200
        # The gateway asks fingerprint_svc through Envoy, which says what it thinks of the bytes.
        answer = await client.post("/v1/recognize", content=CLIP)
        assert answer.json()["details"][0]["domain"] == "sonica.fingerprint"
        assert (await client.get("/v1/tracks")).json()["totalCount"] == "0"


@pytest.mark.parametrize("part", ["match", "mesh"])
async def test_plain_text_is_refused(mesh: local.LocalMesh, part: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await count(channel(mesh, part, None))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_service_may_call_through_the_proxy(mesh: local.LocalMesh) -> None:
    assert await count(channel(mesh, "mesh", "gateway")) == 0


async def test_the_proxy_takes_nobody_else(mesh: local.LocalMesh) -> None:
    authority = Authority(layout(mesh).tls_dir, "mesh")
    authority.keep("mesh-stranger", ["spiffe://sonica/stranger"])
    for name in ("stranger", "envoy"):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await count(channel(mesh, "mesh", name))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_another_authority_vouches_for_nobody(mesh: local.LocalMesh, tmp_path: Path) -> None:
    pair = Authority(tmp_path / "tls", "mesh").keep("other", ["spiffe://sonica/gateway"])
    ca = layout(mesh).tls_dir / "mesh-ca.pem"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await count(_channel(layout(mesh).target("mesh"), ca, pair))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_older_tls_is_refused_inside_too(mesh: local.LocalMesh) -> None:
    folder = layout(mesh).tls_dir
    context = ssl.create_default_context(cafile=str(folder / "mesh-ca.pem"))
    context.check_hostname = False
    context.load_cert_chain(folder / "mesh-gateway.pem", folder / "mesh-gateway.key")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    path = str(layout(mesh).socket("mesh"))
    with pytest.raises(ssl.SSLError, match="VERSION"):
        await asyncio.open_unix_connection(path, ssl=context, server_hostname="")


async def test_the_keys_that_tokens_are_verified_by_arrive(mesh: local.LocalMesh) -> None:
    """They come from user_svc, encrypted too: with another set anybody could be anybody."""
    context = ssl.create_default_context(cafile=str(mesh.ca_certificate))
    async with httpx.AsyncClient(
        verify=context, base_url=f"https://{mesh.edge_address}", trust_env=False, timeout=120
    ) as client:
        form = {"email": "ada@example.org", "password": "correct horse battery"}
        await client.post("/v1/users", json=form)
        session = (await client.post("/v1/sessions", json=form)).json()
        held = {"authorization": f"Bearer {session['tokens']['accessToken']}"}
        answer = await client.get("/v1/tracks", headers=held)
    assert answer.status_code == 200
    assert answer.headers["ratelimit-policy"] == '"requests";q=60;w=60'
    folder = layout(mesh).tls_dir
    nobody = ssl.create_default_context(cafile=str(folder / "mesh-ca.pem"))
    nobody.check_hostname = False
    envoy = ssl.create_default_context(cafile=str(folder / "mesh-ca.pem"))
    envoy.check_hostname = False
    envoy.load_cert_chain(folder / "mesh-envoy.pem", folder / "mesh-envoy.key")
    assert b'"keys"' in await key_set(mesh, envoy)
    for stranger in (nobody, None):
        assert await key_set(mesh, stranger) == b""


async def key_set(mesh: local.LocalMesh, context: ssl.SSLContext | None) -> bytes:
    """Asks for the key set; empty where the connection is refused."""
    path = str(layout(mesh).socket("jwks"))
    name = None if context is None else ""
    try:
        reader, writer = await asyncio.open_unix_connection(path, ssl=context, server_hostname=name)
        writer.write(b"GET /.well-known/jwks.json HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        writer.close()
    except (ssl.SSLError, ConnectionError):
        return b""
    return answer
