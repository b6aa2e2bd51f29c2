"""Attempts to post events: to a judged address, bounded in time and in what is read.

No redirect is followed, no proxy of the environment is used, no cookie and no connection is kept.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpcore
from opentelemetry.trace import SpanKind

from mesh.runtime import telemetry
from user_svc.webhooks.model import Outcome
from user_svc.webhooks.network import AddressRefusedError, CheckedNetwork
from user_svc.webhooks.receiver import Receiver, Receivers
from user_svc.webhooks.resolver import (
    NameUnknownError,
    Resolve,
    Resolver,
    ResolverFullError,
    open_resolver,
    resolve,
)

EXCERPT_BYTES = 1024
_TAKEN = range(200, 300)


class Poster:
    """Posts; made by `open_poster`.

    Args:
        receivers: which ports and networks may be connected to.
        resolver: looks their names up.
        trust: whose certificates are believed.
        timeout_seconds: of one attempt.
    """

    def __init__(
        self,
        receivers: Receivers,
        resolver: Resolver,
        trust: ssl.SSLContext,
        timeout_seconds: float,
    ) -> None:
        self._receivers = receivers
        self._resolver = resolver
        self._trust = trust
        self._timeout_seconds = timeout_seconds

    @asynccontextmanager
    async def round(self) -> AsyncIterator[Round]:
        """Yields what makes some attempts, which share one look-up of a name."""
        network = CheckedNetwork(self._receivers.ports, self._receivers.networks, self._resolver)
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._trust,
            max_connections=None,  # who posts bounds how much at once
            max_keepalive_connections=0,
            network_backend=network,
        )
        async with pool:
            yield Round(pool, self._timeout_seconds)


class Round:
    """Posts; made by `Poster.round`.

    Args:
        pool: that connects through a `CheckedNetwork`.
        timeout_seconds: of a whole attempt, from the look-up of the name on.
    """

    def __init__(self, pool: httpcore.AsyncConnectionPool, timeout_seconds: float) -> None:
        self._pool = pool
        self._timeout_seconds = timeout_seconds

    async def post(self, receiver: Receiver, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Posts a body once and returns what came of it; raises nothing that a receiver can cause.

        Args:
            receiver: where to.
            headers: besides those of every request.
            body: JSON.
        """
        name = {"http.request.method": "POST"}
        with telemetry.span("webhook.post", SpanKind.CLIENT, **name) as span:
            outcome = await self._attempt(receiver, headers, body)
            span.set_attribute("http.response.status_code", outcome.status_code)
            return outcome

    async def _attempt(
        self, receiver: Receiver, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._exchange(receiver, headers, body)
        except AddressRefusedError as error:
            return Outcome(0, f"not sent: {error}")
        except ResolverFullError:
            why = "not sent yet: too many names are being looked up; it is tried again"
            return Outcome(0, why, is_ours=True)
        except TimeoutError:
            return Outcome(0, f"no answer within {self._timeout_seconds:g} s")
        except httpcore.ConnectError as error:
            return Outcome(0, f"cannot connect: {_cause(error)}")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            return Outcome(0, "the connection broke, or what came is no HTTP")

    async def _exchange(
        self, receiver: Receiver, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        url = httpcore.URL(
            scheme=receiver.scheme, host=receiver.host, port=receiver.port, target=receiver.target
        )
        sent = {
            "host": receiver.host_header,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": "Sonica-Webhooks/1",
            "connection": "close",
            **headers,
        }
        async with self._pool.stream("POST", url, headers=[*sent.items()], content=body) as answer:
            excerpt = await _beginning(answer)
        status = answer.status
        error = "" if status in _TAKEN else f"answered with HTTP status {status}"
        return Outcome(status, error, excerpt)


async def _beginning(answer: httpcore.Response) -> str:
    """Returns the first bytes of a body as text that PostgreSQL takes; reads hardly more."""
    read = b""
    async for chunk in answer.aiter_stream():
        read += chunk[: EXCERPT_BYTES - len(read)]
        if len(read) >= EXCERPT_BYTES:
            break
    return read.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _cause(error: httpcore.ConnectError) -> str:
    """Returns what went wrong in words of ours: those of libraries may name addresses."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its TLS certificate is not valid for this name"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed"
        if isinstance(cause, NameUnknownError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return "nobody answers there"


@asynccontextmanager
async def open_poster(
    receivers: Receivers,
    timeout_seconds: float,
    *,
    trust: ssl.SSLContext | None = None,
    find: Resolve = resolve,
) -> AsyncIterator[Poster]:
    """Yields what posts to the receivers that are accepted.

    Args:
        receivers: which ports and networks may be connected to.
        timeout_seconds: of one attempt.
        trust: whose certificates are believed; None means those of the system.
        find: returns all addresses of a name.
    """
    async with open_resolver(find) as resolver:
        yield Poster(receivers, resolver, trust or httpcore.default_ssl_context(), timeout_seconds)
