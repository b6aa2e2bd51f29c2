"""Aim: a part counts as ready when it answers, not when something merely listens.

Method: real sockets with servers that answer rightly, wrongly, or never.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from mesh.local import readiness

ENVOY_READY = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nLIVE\n\r\n0\r\n\r\n"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second may be too short for an answer of this busy process to itself."""
    monkeypatch.setattr(readiness, "_PROBE_SECONDS", 60.0)


@asynccontextmanager
async def answering(socket: Path, reply: Callable[[bytes], bytes]) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(await reader.read(4096)))
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, str(socket))
    async with server:
        yield


async def test_grpc_server_is_ready_when_it_accepts_calls(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    probe = readiness.grpc_accepts(socket)
    assert not await readiness.passes(probe)
    server = grpc.aio.server()
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    assert await readiness.passes(probe)
    await server.stop(None)
    assert not await readiness.passes(probe)


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\x07"])
async def test_something_else_is_not_a_grpc_server(tmp_path: Path, reply: bytes) -> None:
    async with answering(tmp_path / "s", lambda _request: reply):
        assert not await readiness.passes(readiness.grpc_accepts(tmp_path / "s"))


async def test_redis_must_say_pong(tmp_path: Path) -> None:
    probe = readiness.redis_answers(tmp_path / "s")
    async with answering(tmp_path / "s", lambda _request: b"-LOADING\r\n"):
        assert not await readiness.passes(probe)
    (tmp_path / "s").unlink()
    async with answering(tmp_path / "s", lambda _request: b"+PONG\r\n"):
        assert await readiness.passes(probe)


async def test_server_that_never_answers_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_PROBE_SECONDS", 0.1)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_unix_server(hang, str(tmp_path / "s"))
    async with server, asyncio.timeout(60):
        assert not await readiness.passes(readiness.redis_answers(tmp_path / "s"))
        await asyncio.sleep(0.05)


async def test_postgres_says_itself_when_it_is_ready(tmp_path: Path) -> None:
    probe = readiness.postgres_accepts(tmp_path)
    assert not await probe()
    (tmp_path / "postmaster.pid").write_text("1\n2\n3\n4\n5\n\n7\nstarting\n")
    assert not await probe()
    (tmp_path / "postmaster.pid").write_text("1\n2\n3\n4\n5\n\n7\nready   \n")
    assert await probe()


@pytest.mark.parametrize(
    ("health", "ready"),
    [
        ('{"eds_health_status": "HEALTHY"}', True),
        ('{"eds_health_status": "HEALTHY", "failed_active_health_check": true}', False),
        ('{"eds_health_status": "UNHEALTHY"}', False),
    ],
)
async def test_envoy_is_ready_when_every_host_is_healthy(
    tmp_path: Path, health: str, ready: bool
) -> None:
    clusters = f'{{"cluster_statuses": [{{"host_statuses": [{{"health_status": {health}}}]}}]}}'

    def reply(request: bytes) -> bytes:
        if request.startswith(b"GET /ready "):
            return ENVOY_READY
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        middle = len(clusters) // 2
        chunks = (clusters[:middle], clusters[middle:], "")
        return head + b"".join(f"{len(chunk):x}\r\n{chunk}\r\n".encode() for chunk in chunks)

    async with answering(tmp_path / "s", reply):
        assert await readiness.passes(readiness.envoy_healthy(tmp_path / "s")) is ready


async def test_envoy_that_drains_is_not_ready(tmp_path: Path) -> None:
    async with answering(tmp_path / "s", lambda _request: b"HTTP/1.1 503 No\r\n\r\n"):
        assert not await readiness.passes(readiness.envoy_healthy(tmp_path / "s"))
