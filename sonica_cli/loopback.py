"""Where a browser brings back who has logged in at another provider: a port of this machine.

As RFC 8252 describes: one request is waited for, the one with our state; whatever else comes is
answered and forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from sonica_cli.failures import CliError

_PATH = "/callback"
_REQUEST_BYTES_MAX = 8192
_REQUEST_SECONDS_MAX = 5.0
_CONNECTIONS_MAX = 16
_WAIT_SECONDS_MAX = 600.0
_PAGE = "<!doctype html><meta charset=utf-8><title>Sonica</title><p>{}"


class Loopback:
    """Waits for a browser; made by `open_loopback`.

    Attributes:
        redirect_uri: where the browser has to come to.
    """

    def __init__(self) -> None:
        self.redirect_uri = ""
        self._state = ""
        self._came: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._connections = 0

    async def code(self, state: str) -> str:
        """Waits for the browser with this state and returns the code it brings.

        Raises:
            CliError: the provider has refused, or nobody came for 10 minutes.
        """
        self._state = state
        try:
            async with asyncio.timeout(_WAIT_SECONDS_MAX):
                brought = await self._came
        except TimeoutError:
            raise CliError("nobody came back from the provider for 10 minutes") from None
        if "code" not in brought:
            # Words of the provider's, shown as they are but for what steers a terminal.
            shown = "".join(c for c in brought.get("error", "no reason") if c.isprintable())
            raise CliError(f"the provider has refused: {shown[:200]}")
        return brought["code"]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request and closes the connection."""
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
        request = head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
        target = urlsplit(request[1]) if len(request) == 3 and request[0] == "GET" else None
        query = parse_qs(target.query) if target and target.path == _PATH else {}
        brought = {name: values[0] for name, values in query.items()}
        if not self._state or brought.get("state") != self._state:
            return _http("404 Not Found", "This is not the log-in that is waited for.")
        if not self._came.done():
            self._came.set_result(brought)
        return _http("200 OK", "You can close this window and go back to the terminal.")


def _http(status: str, words: str) -> bytes:
    body = _PAGE.format(words).encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\n"
        "referrer-policy: no-referrer\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def open_loopback() -> AsyncIterator[Loopback]:
    """Listens on a free port of this machine while the context is open."""
    waiting = Loopback()
    server = await asyncio.start_server(waiting.answer, "127.0.0.1", 0, limit=_REQUEST_BYTES_MAX)
    waiting.redirect_uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{_PATH}"
    async with server:
        yield waiting
