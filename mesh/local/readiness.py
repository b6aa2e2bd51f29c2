"""How the launcher knows that a part answers, without a client library of its own.

Loading a gRPC client would cost the supervisor more than all it does, so a gRPC server is asked the
least it must answer: the settings frame of HTTP/2, which comes once it accepts calls. Whether the
services are healthy is then Envoy's word.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

Probe = Callable[[], Awaitable[bool]]

_PROBE_SECONDS = 1.0
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
_HTTP2_FRAME_HEADER_BYTES = 9
_HTTP2_SETTINGS = 4
_ADMIN_REPLY_BYTES_MAX = 4 * 1024 * 1024


def grpc_accepts(socket: Path, tls: ssl.SSLContext | None = None) -> Probe:
    """Returns a probe for a gRPC server that accepts calls on a Unix socket, `tls` if encrypted."""

    async def probe() -> bool:
        reply = await _exchange(socket, _HTTP2_PREFACE, _HTTP2_FRAME_HEADER_BYTES, tls)
        return len(reply) == _HTTP2_FRAME_HEADER_BYTES and reply[3] == _HTTP2_SETTINGS

    return probe


def redis_answers(socket: Path) -> Probe:
    """Returns a probe for a Redis that answers PING on a Unix socket."""

    async def probe() -> bool:
        return await _exchange(socket, b"PING\r\n", 7) == b"+PONG\r\n"

    return probe


def postgres_accepts(data_dir: Path) -> Probe:
    """Returns a probe that reads what the postmaster says of itself, as pg_ctl does."""

    async def probe() -> bool:
        try:
            lines = (data_dir / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    return probe


def envoy_healthy(admin: Path) -> Probe:
    """Returns a probe for an Envoy that is live and finds every health-checked host healthy."""

    async def probe() -> bool:
        if not (await admin_request(admin, "GET", "/ready")).startswith(b"LIVE"):
            return False
        clusters = json.loads(await admin_request(admin, "GET", "/clusters?format=json"))
        # Every other key of a host's health is a flag that something is wrong with it.
        return all(
            host["health_status"] == {"eds_health_status": "HEALTHY"}
            for cluster in clusters.get("cluster_statuses", [])
            for host in cluster.get("host_statuses", [])
        )

    return probe


async def admin_request(admin: Path, method: str, path: str) -> bytes:
    """Returns the body of a reply of Envoy's admin interface, at most 4 MiB.

    Raises:
        OSError: it cannot be reached, or takes longer than a second.
        ValueError: it does not answer with success.
    """
    request = f"{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"
    async with asyncio.timeout(_PROBE_SECONDS):
        reader, writer = await asyncio.open_unix_connection(
            str(admin), limit=_ADMIN_REPLY_BYTES_MAX
        )
        try:
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise ValueError(head.partition(b"\r\n")[0].decode())
            return await _chunks(reader)
        finally:
            writer.close()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Reads a body in HTTP's chunked coding, the only one the admin interface uses."""
    body = b""
    while length := int(await reader.readuntil(b"\r\n"), 16):
        if len(body) + length > _ADMIN_REPLY_BYTES_MAX:
            raise ValueError("the reply is too large")
        body += (await reader.readexactly(length + 2))[:length]
    return body


async def passes(probe: Probe) -> bool:
    """Runs a probe; an error or a second without an answer is a no."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await probe()
    except (OSError, EOFError, ValueError, KeyError):
        return False


async def _exchange(
    socket: Path, request: bytes, reply_bytes: int, tls: ssl.SSLContext | None = None
) -> bytes:
    """Sends `request` and returns the first `reply_bytes` of the reply."""
    name = None if tls is None else ""
    reader, writer = await asyncio.open_unix_connection(str(socket), ssl=tls, server_hostname=name)
    try:
        writer.write(request)
        return await reader.readexactly(reply_bytes)
    finally:
        writer.close()
