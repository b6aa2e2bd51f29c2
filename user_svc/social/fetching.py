"""Requests to providers: bounded in time and size, to nowhere but where the operator has said.

No redirect is followed and no proxy of the environment is used.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from opentelemetry.trace import SpanKind

from mesh.runtime import telemetry

_BODY_BYTES_MAX = 256 * 1024
_CONNECTIONS = 16


class FetchError(Exception):
    """No answer that could be used; the message says why, without what was sent."""


class Fetcher:
    """Asks for JSON; made by `open_fetcher`."""

    def __init__(self, client: httpx.AsyncClient, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds

    async def get(self, url: str) -> dict[str, Any]:
        """Returns the JSON object at an address.

        Raises:
            FetchError: there is none.
        """
        status, body = await self._ask("GET", url)
        if status != httpx.codes.OK:
            raise FetchError(f"HTTP status {status}")
        return body

    async def post(
        self, url: str, form: dict[str, str], auth: tuple[str, str] | None
    ) -> tuple[int, dict[str, Any]]:
        """Posts a form and returns status and JSON object.

        Raises:
            FetchError: nothing came, or no JSON object.
        """
        return await self._ask("POST", url, data=form, auth=auth)

    async def _ask(self, method: str, url: str, **more: Any) -> tuple[int, dict[str, Any]]:
        # Not compressed: what is read is what is counted.
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        name = {"http.request.method": method}
        body = b""
        with telemetry.span("social.fetch", SpanKind.CLIENT, **name) as span:
            try:
                async with (
                    asyncio.timeout(self._timeout_seconds),
                    self._client.stream(method, url, headers=headers, **more) as answer,
                ):
                    span.set_attribute("http.response.status_code", answer.status_code)
                    async for chunk in answer.aiter_raw():
                        body += chunk
                        if len(body) > _BODY_BYTES_MAX:
                            raise FetchError(f"more than {_BODY_BYTES_MAX} bytes")
                found = json.loads(body)
            except TimeoutError:
                raise FetchError(f"no answer within {self._timeout_seconds:g} s") from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise FetchError(type(error).__name__) from None
            except (ValueError, RecursionError):
                raise FetchError(f"HTTP status {answer.status_code} without JSON") from None
        if not isinstance(found, dict):
            raise FetchError("JSON that is no object")
        return answer.status_code, found


@asynccontextmanager
async def open_fetcher(timeout_seconds: float) -> AsyncIterator[Fetcher]:
    """Yields what asks; a request takes at most so long."""
    async with httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        timeout=timeout_seconds,
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=0),
    ) as client:
        yield Fetcher(client, timeout_seconds)
