"""Aim: secrets go to this machine, through TLS, or nowhere; TLS trusts the CAs it was given.

Method: addresses of every form; a real gRPC server with a certificate of a CA made for the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from sonica_client import Session, SonicaClient, SonicaError
from sonica_client.connection import connection

from tests.unit.sonica_client.certificates import certificate
from tests.unit.sonica_client.edge import Edge, edge_server

HERE = (
    "127.0.0.1:8080",
    "127.9.9.9:1",
    "localhost:8080",
    "[::1]:8080",
    "0.0.0.0:8080",
    "dns:///localhost:8080",
    "ipv4:127.0.0.1:8080",
    "ipv6:[::1]:8080",
    "unix:/run/edge.sock",
    "http://127.0.0.1:8080",
)
ELSEWHERE = (
    "192.0.2.1:8080",
    "sonica.example.org:443",
    "127.example.org:8080",
    "localhost.example.org:8080",
    "dns:///sonica.example.org:8080",
    "[2001:db8::1]:8080",
    "http://sonica.example.org",
)


@pytest.mark.parametrize("address", HERE)
def test_this_machine(address: str) -> None:
    assert connection(address).here
    connection(address).require_private()


@pytest.mark.parametrize("address", ELSEWHERE)
async def test_no_secret_goes_to_another_machine_in_plain_text(address: str) -> None:
    with pytest.raises(SonicaError) as caught:
        SonicaClient(address, api_key="sk_1_2")
    assert caught.value.reason == "CONNECTION_NOT_PRIVATE"
    assert "sk_1_2" not in str(caught.value)
    async with SonicaClient(address, api_key="") as client:
        accounts = client.accounts
        for attempt in (accounts.log_in("a@b.org", "pw"), accounts.register("a@b.org", "pw")):
            with pytest.raises(SonicaError, match="insecure=True"):
                await attempt
        accounts.session = Session("token", "refresh")
        for attempt in (accounts.get(), client.recognize(b"clip")):
            with pytest.raises(SonicaError, match="not encrypted"):
                await attempt


@pytest.mark.parametrize("told", ["argument", "environment"])
async def test_a_private_network_may_be_told(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if told == "environment":
        monkeypatch.setenv("SONICA_INSECURE", "true")
    SonicaClient("192.0.2.1:8080", api_key="sk_1_2", insecure=told == "argument")


async def test_the_environment_names_address_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async with edge_server() as (address, edge):
        monkeypatch.setenv("SONICA_ADDRESS", address)
        monkeypatch.setenv("SONICA_API_KEY", "sk_of_the_environment")
        async with SonicaClient() as client:
            await client.recognize(b"clip")
        async with SonicaClient(api_key="") as client:
            await client.recognize(b"clip")
        assert edge.credentials == ["sk_of_the_environment", ""]


def test_addresses_that_make_no_sense() -> None:
    for address in ("https://", "https://host/path"):
        with pytest.raises(SonicaError, match="https://host:port"):
            connection(address)
    with pytest.raises(SonicaError, match="write https://"):
        connection("http://127.0.0.1:1", tls=True)
    with pytest.raises(SonicaError) as caught:
        connection("127.0.0.1:1", ca_file="/nowhere/ca.pem")
    assert caught.value.reason == "FILE_NOT_FOUND"


def test_urls_have_the_ports_of_the_web() -> None:
    assert connection("https://sonica.example.org").target == "sonica.example.org:443"
    assert connection("https://[::1]:9/").target == "[::1]:9"
    assert connection("http://[::1]").target == "[::1]:80"


@pytest_asyncio.fixture
async def encrypted(tmp_path: Path) -> AsyncIterator[tuple[str, Path, Edge]]:
    pair = certificate()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(pair[1])
    async with edge_server(grpc.ssl_server_credentials([pair])) as (address, edge):
        yield address, ca_file, edge


async def test_tls_with_the_ca_of_the_server(
    encrypted: tuple[str, Path, Edge], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, ca_file, edge = encrypted
    async with SonicaClient(address, ca_file=ca_file, api_key="sk_1_2") as client:
        await client.recognize(b"clip")
    monkeypatch.setenv("SONICA_CA_FILE", str(ca_file))
    async with SonicaClient(f"https://{address}") as client:
        await client.recognize(b"clip")
    async with SonicaClient(address, tls=True) as client:
        await client.recognize(b"clip")
    assert edge.credentials == ["sk_1_2", "", ""]


async def test_a_certificate_of_another_ca_is_refused(
    encrypted: tuple[str, Path, Edge], tmp_path: Path
) -> None:
    address, _, edge = encrypted
    other = tmp_path / "other.pem"
    other.write_bytes(certificate()[1])
    for ca_file in (other, None):
        async with SonicaClient(address, tls=True, ca_file=ca_file, api_key="sk_1_2") as client:
            with pytest.raises(SonicaError) as caught:
                await client.recognize(b"clip")
            assert caught.value.reason == "CERTIFICATE_REFUSED"
    assert edge.calls == []
