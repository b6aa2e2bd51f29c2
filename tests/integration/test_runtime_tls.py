"""Aim: a service with a certificate takes calls only of those it is told to, and renews it alone.

Method: real servers and channels on loopback, with certificates of a real authority.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from mesh.local.certificates import Authority, KeyPair
from mesh.runtime.channels import open_channel
from mesh.runtime.errors import from_rpc_error
from mesh.runtime.settings import ServiceSettings
from mesh.runtime.testing import serving
from mesh.runtime.tls import CertificateFiles
from tests.mesh.stand_ins import StandIns

STATISTICS = "/sonica.catalog.v1.CatalogService/GetCatalogStatistics"
ENVOY = "spiffe://sonica/envoy"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls", "mesh")


def files(authority: Authority, pair: KeyPair) -> CertificateFiles:
    return CertificateFiles(pair.certificate, pair.private_key, authority.certificate)


def server_settings(authority: Authority, *more_names: str) -> dict[str, Path]:
    """Returns settings of a server whose certificate a channel of ours takes for the proxy's."""
    pair = authority.keep("server", ["spiffe://sonica/match", "envoy", "localhost", *more_names])
    return {
        "tls_certificate": pair.certificate,
        "tls_private_key": pair.private_key,
        "tls_ca": authority.certificate,
    }


async def call(target: str, certificate_files: CertificateFiles | None) -> None:
    async with open_channel(target, certificate_files=certificate_files) as channel:
        await channel.unary_unary(STATISTICS)(b"", timeout=60)


async def test_who_may_call_is_in_the_certificate(authority: Authority, tmp_path: Path) -> None:
    stand_ins = StandIns()
    envoy = files(authority, authority.keep("envoy", [ENVOY]))
    other = files(authority, authority.keep("user", ["spiffe://sonica/user"]))
    abroad = Authority(tmp_path / "abroad", "mesh")
    forged = CertificateFiles(
        abroad.keep("envoy", [ENVOY]).certificate,
        abroad.keep("envoy", [ENVOY]).private_key,
        authority.certificate,
    )
    async with serving(stand_ins.match_registrations(), **server_settings(authority)) as target:
        await call(target, envoy)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(target, other)
        error = from_rpc_error(caught.value)
        assert error is not None
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PEER_REFUSED")
        for stranger in (None, forged):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(target, stranger)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert stand_ins.catalog.calls.total() == 1


async def test_others_may_be_let_in_by_name(authority: Authority) -> None:
    user = files(authority, authority.keep("user", ["spiffe://sonica/user"]))
    async with serving(
        StandIns().match_registrations(),
        **server_settings(authority),
        tls_peers=f"{ENVOY}, spiffe://sonica/user",
    ) as target:
        await call(target, user)


async def test_a_channel_takes_nobody_but_the_proxy(authority: Authority) -> None:
    pair = authority.keep("server", ["spiffe://sonica/match"])
    envoy = files(authority, authority.keep("envoy", [ENVOY]))
    async with serving(
        StandIns().match_registrations(),
        tls_certificate=pair.certificate,
        tls_private_key=pair.private_key,
        tls_ca=authority.certificate,
    ) as target:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(target, envoy)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_new_certificate_is_served_without_a_restart(authority: Authority) -> None:
    envoy = authority.keep("envoy", [ENVOY])
    settings = server_settings(authority)

    async def serial_number(target: str) -> int:
        context = ssl.create_default_context(cafile=str(authority.certificate))
        context.load_cert_chain(envoy.certificate, envoy.private_key)
        context.set_alpn_protocols(["h2"])
        host, port = target.rsplit(":", 1)
        _, writer = await asyncio.open_connection(
            host, int(port), ssl=context, server_hostname="localhost"
        )
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return x509.load_der_x509_certificate(shown).serial_number

    async with serving(StandIns().match_registrations(), **settings) as target:
        before = await serial_number(target)
        server_settings(authority, "new.example")
        assert await serial_number(target) != before
        await call(target, files(authority, envoy))


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="belong together"):
        ServiceSettings(tls_certificate=tmp_path / "a.pem")
