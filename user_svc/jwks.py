"""The public keys over HTTP, for the proxy: it fetches them by no other protocol.

One small document on the mesh side, never at the edge. A connection carries one request; what is
slow, long or not understood is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from mesh.runtime.serve import StartError
from mesh.runtime.settings import UNIX_PREFIX, split_host_port
from mesh.runtime.tls import CertificateFiles, server_context

PATH = "/.well-known/jwks.json"
_REQUEST_BYTES_MAX = 8192
_REQUEST_SECONDS_MAX = 5.0
_CONNECTIONS_MAX = 64


class KeySetServer:
    """Answers requests for the key set.

    Args:
        document: returns it as it is now.
    """

    def __init__(self, document: Callable[[], bytes]) -> None:
        self._document = document
        self._connections = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection and closes it."""
        self._connections += 1
        try:
            if self._connections <= _CONNECTIONS_MAX:
                async with asyncio.timeout(_REQUEST_SECONDS_MAX):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._response(head))
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # closing is the answer
        finally:
            self._connections -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _response(self, head: bytes) -> bytes:
        request_line = head.split(b"\r\n", 1)[0].split(b" ")
        if request_line[:2] != [b"GET", PATH.encode()]:
            return _http("404 Not Found", "text/plain", b"only " + PATH.encode())
        return _http("200 OK", "application/json", self._document())


def _http(status: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
        "cache-control: max-age=60\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def serving_key_set(
    listen: str | None,
    document: Callable[[], bytes],
    certificate_files: CertificateFiles | None = None,
) -> AsyncIterator[None]:
    """Serves the key set while the context is open.

    Args:
        listen: `host:port` or `unix:/path`; None means nowhere.
        document: returns the key set as it is now.
        certificate_files: what the service proves itself with; None means in clear. They are read
            once.

    Raises:
        StartError: the address is taken or cannot be bound, or a certificate cannot be read.
    """
    if listen is None:
        yield
        return
    server = KeySetServer(document)
    try:
        tls = server_context(certificate_files) if certificate_files else None
        if listen.startswith(UNIX_PREFIX):
            path = listen.removeprefix(UNIX_PREFIX)
            listening = await asyncio.start_unix_server(
                server.answer, path, limit=_REQUEST_BYTES_MAX, ssl=tls
            )
        else:
            host, port = split_host_port(listen)
            listening = await asyncio.start_server(
                server.answer, host.strip("[]"), port, limit=_REQUEST_BYTES_MAX, ssl=tls
            )
    except OSError as error:
        raise StartError(f"cannot serve the key set at {listen}: {error}") from error
    async with listening:
        yield
