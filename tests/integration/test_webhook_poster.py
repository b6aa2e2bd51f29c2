"""Aim: one attempt reaches whom it is for and nobody else, and costs bounded time and memory.

Method: real HTTP and TLS servers on loopback, which a setting has to allow; names from a look-up
of the test's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tests.integration.receivers import Receiver, certificate, receiver, status
from user_svc.webhooks.model import Outcome
from user_svc.webhooks.poster import open_poster
from user_svc.webhooks.receiver import Receivers

NAME = "hooks.example"


async def post(
    url: str, *, seconds: float = 60.0, allowed: str = "127.0.0.0/8", trust: ssl.SSLContext | None
) -> Outcome:
    """Posts a small body with every name at 127.0.0.1."""
    port = int(url.split(":")[2].split("/", maxsplit=1)[0])
    receivers = Receivers(allow_http=True, more_ports=(port,), networks=(ip_network(allowed),))
    async with (
        open_poster(
            receivers, seconds, trust=trust, find=lambda _host, _port: [ip_address("127.0.0.1")]
        ) as poster,
        poster.round() as posting,
    ):
        return await posting.post(receivers.read(url), {"webhook-id": "evt_1"}, b'{"a":1}')


@asynccontextmanager
async def answering(*answers: bytes | None) -> AsyncIterator[Receiver]:
    async with receiver(NAME) as made:
        made.answers = list(answers)
        yield made


async def test_a_request_is_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with answering(status(202, b"thanks")) as made:
        outcome = await post(made.url, trust=None)
        (got,) = made.received
        assert outcome == Outcome(202, "", "thanks")
        assert (got.target, got.body) == ("/hook", b'{"a":1}')
        assert got.headers["host"] == made.url.split("/")[2]
        assert got.headers["content-type"] == "application/json"
        assert got.headers["webhook-id"] == "evt_1"
        assert not {"cookie", "traceparent", "authorization"} & got.headers.keys()


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(code: int) -> None:
    async with receiver() as other, answering() as made:
        made.answers = [status(code, b"", f"location: {other.url}")]
        outcome = await post(made.url, trust=None)
        assert outcome.error == f"answered with HTTP status {code}"
        assert other.received == []


async def test_an_endless_answer_is_cut() -> None:
    head = b"HTTP/1.1 200 X\r\ncontent-length: 1000000000\r\n\r\n"
    async with answering(head + b"\0" + b"x" * 50_000) as made:
        outcome = await post(made.url, trust=None)
        assert outcome.is_taken
        assert outcome.excerpt == "\N{REPLACEMENT CHARACTER}" + "x" * 1023


async def test_a_receiver_that_does_not_answer_costs_the_time_limit() -> None:
    async with answering(None) as made:
        began = asyncio.get_running_loop().time()
        outcome = await post(made.url, seconds=0.3, trust=None)
        assert outcome.error == "no answer within 0.3 s"
        assert 0.3 <= asyncio.get_running_loop().time() - began < 60


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 X\r\n" + b"a" * 200_000]
)
async def test_what_is_no_http(answer: bytes) -> None:
    async with answering(answer) as made:
        outcome = await post(made.url, trust=None)
        assert outcome == Outcome(0, "the connection broke, or what came is no HTTP")


async def test_an_address_that_is_not_allowed_is_not_connected_to() -> None:
    async with answering() as made:
        outcome = await post(made.url, allowed="10.0.0.0/8", trust=None)
        assert outcome.error == "not sent: the host has an address that is not public"
        assert made.received == []


async def test_nobody_there() -> None:
    outcome = await post(f"http://{NAME}:1/", trust=None)
    assert outcome.error == "cannot connect: nobody answers there"


async def test_tls_is_of_the_name_though_the_address_is_connected_to(tmp_path: Path) -> None:
    server, trust = certificate(NAME, tmp_path)
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with receiver(NAME, server) as made:
        assert (await post(made.url, trust=trust)).is_taken
        assert asked == [NAME]
        outcome = await post(made.url, trust=None)
        assert outcome.error == "cannot connect: its TLS certificate is not valid for this name"
        other = made.url.replace(NAME, "other.example")
        outcome = await post(other, trust=trust)
        assert outcome.error == "cannot connect: its TLS certificate is not valid for this name"
        assert len(made.received) == 1


async def test_tls_with_who_speaks_none(tmp_path: Path) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await writer.drain()
        writer.close()

    _, trust = certificate(NAME, tmp_path)
    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outcome = await post(f"https://{NAME}:{port}/", trust=trust)
        assert outcome.error == "cannot connect: TLS failed"
