"""Aim: nobody's webhook makes us connect to anything but a public address.

Method: addresses and URLs in every form that hides a private one; names that change their address,
with a look-up of the test's and a real listener that must stay untouched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

import httpcore
import pytest

from user_svc.webhooks.errors import WebhookUrlRefusedError
from user_svc.webhooks.network import AddressRefusedError, CheckedNetwork, is_public
from user_svc.webhooks.receiver import Receiver, Receivers
from user_svc.webhooks.resolver import Address, Resolver, resolve

PUBLIC = ("93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::5db8:d70e")
NOT_PUBLIC = (
    "0.0.0.0",  # noqa: S104 - refused
    "10.1.2.3",
    "100.64.0.1",  # carrier-grade NAT
    "100.100.100.200",  # metadata of a cloud
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # metadata of a cloud
    "169.254.169.254",  # metadata of most clouds
    "172.16.0.1",
    "192.0.0.192",  # metadata of a cloud
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # compatible with 127.0.0.1
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",  # 127.0.0.1 behind NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:7f00:1::",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 127.0.0.1 in 6to4
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of a cloud
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_addresses_that_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


STRICT = Receivers(allow_http=False, more_ports=(), networks=())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/hook",
        "//example.org/hook",
        "http://example.org/hook",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https:///hook",
        "https://example.org:8443/",
        "https://example.org:80/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:+443/",
        "https://ada@example.org/",
        "https://ada:secret@example.org/",
        "https://@example.org/",
        "https://1.1.1.1@127.0.0.1/",
        "https://example.org/#part",
        "https://example.org/#",
        "https://localhost/",
        "https://localhost./",
        "https://LOCALHOST/",
        "https://example.org./",
        "https://intranet/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1/",
        "https://[v1.x]/",
        "https://ex ample.org/",
        "https://example.org/\thook",
        "https://example.org/\r\nx-y: z",
        "https://example.org\\@127.0.0.1/",
        "https://exämple.org/",
        "https://example。org/",
        "https://example.org/é",
        "https://-example.org/",
        "https://exa_mple.org/",
        "https://" + "a" * 64 + ".org/",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(WebhookUrlRefusedError):
        STRICT.read(url)


def test_urls_that_are_taken() -> None:
    assert STRICT.read("https://Example.org/a?b=c") == Receiver(
        "https", "example.org", 443, "/a?b=c"
    )
    assert STRICT.read("https://example.org:443").host_header == "example.org"
    assert STRICT.read("https://[2606:4700::1111]/").host_header == "[2606:4700::1111]"
    assert STRICT.read("https://xn--exmple-cua.org/").host == "xn--exmple-cua.org"
    wide = Receivers(allow_http=True, more_ports=(8443,), networks=(ip_network("10.0.0.0/8"),))
    assert wide.read("http://example.org/").port == 80
    assert wide.read("https://intranet:8443/").host_header == "intranet:8443"
    assert wide.read("https://10.1.2.3/").host == "10.1.2.3"
    assert wide.read("https://[::ffff:10.1.2.3]/").host == "::ffff:10.1.2.3"
    with pytest.raises(WebhookUrlRefusedError):
        wide.read("https://127.0.0.1/")


class Names:
    """Answers look-ups from a list, one answer after the other."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> list[Address]:
        self.asked.append(host)
        return [ip_address(text) for text in self.answers.pop(0)]


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[int, list[str]]]:
    """Yields the port of a listener at 127.0.0.1 and who has connected to it."""
    guests: list[str] = []

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.append(writer.get_extra_info("peername")[0])
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], guests


def network(names: Names | None, port: int, *allowed: str) -> CheckedNetwork:
    resolver = Resolver(ThreadPoolExecutor(1), names or resolve)
    networks = [ip_network(text) for text in allowed]
    return CheckedNetwork({port}, networks, resolver)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["0.0.0.0"], []],  # noqa: S104
)
async def test_one_address_that_is_not_public_is_enough(addresses: list[str]) -> None:
    async with listener() as (port, guests):
        with pytest.raises(AddressRefusedError):
            await network(Names(addresses), port).connect_tcp("rebind.example", port)
        await asyncio.sleep(0)
        assert guests == []


@pytest.mark.parametrize(
    "host", ["localhost", "localhost.", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "::1"]
)
async def test_what_the_system_makes_of_a_host_is_judged(host: str) -> None:
    async with listener() as (port, guests):
        with pytest.raises((AddressRefusedError, httpcore.ConnectError)):
            await network(None, port).connect_tcp(host, port)
        assert guests == []


async def test_a_name_is_looked_up_once_and_that_address_is_connected_to() -> None:
    """A second look-up, to another address, would be the rebinding that others fall for."""
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    async with listener() as (port, guests):
        with pytest.raises(httpcore.ConnectError):
            await network(names, port, "127.0.0.2/32").connect_tcp("rebind.example", port)
        assert (names.asked, guests) == (["rebind.example"], [])
        once = network(names, port, "127.0.0.1/32")
        for _ in range(2):
            stream = await once.connect_tcp("rebind.example", port)
            await stream.aclose()
        assert names.asked == ["rebind.example"] * 2


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with listener() as (port, _):
        names = Names(["127.0.0.2", "127.0.0.1"])
        stream = await network(names, port, "127.0.0.0/8").connect_tcp("two.example", port)
        await stream.aclose()


async def test_other_ports_and_socket_files_are_refused() -> None:
    names = Names(["1.1.1.1"])
    with pytest.raises(AddressRefusedError, match="port 22"):
        await network(names, 443).connect_tcp("example.org", 22)
    with pytest.raises(AddressRefusedError):
        await network(names, 443).connect_unix_socket("/run/docker.sock")
    assert names.asked == []
