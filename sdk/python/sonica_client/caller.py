"""Who makes the calls: the session of whoever is logged in, else an API key, else nobody.

An access token that has ended is refreshed by itself. Each refresh token is good for one use, so
whoever keeps a session beyond the process has to keep what `on_change` is told.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import grpc

from . import methods
from ._messages.sonica.user.v1 import RefreshRequest, Tokens
from .errors import CLIENT_DOMAIN, SonicaError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import betterproto2

    from .calls import Calls, Metadata
    from .method import Method

RequestT = TypeVar("RequestT", bound="betterproto2.Message")
ResponseT = TypeVar("ResponseT", bound="betterproto2.Message")
# A stream cannot be begun again, so its token is to be good for a while.
_GOOD_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """What a log-in gave; the tokens are secrets."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


class Caller:
    """Makes calls in somebody's name.

    Attributes:
        session: of whoever is logged in.
        on_change: called with each new session, and with None when it has ended.
        exclusively: entered while the session is refreshed; gives the one that is kept now, which
            another program may have refreshed meanwhile, or None when none is kept elsewhere.
    """

    def __init__(self, calls: Calls, api_key: str = "") -> None:
        self._calls = calls
        self._api_key = api_key
        self._refreshing = asyncio.Lock()
        self._renewals: set[asyncio.Task[None]] = set()
        self.session: Session | None = None
        self.on_change: Callable[[Session | None], None] = lambda _session: None
        self.exclusively: Callable[[], AbstractAsyncContextManager[Session | None]] = nullcontext
        if api_key:
            calls.connection.require_private()

    async def anonymous(self, method: Method[RequestT, ResponseT], request: RequestT) -> ResponseT:
        """Makes a call whose secrets are in the request: in nobody's name."""
        self._calls.connection.require_private()
        return await self._calls.unary(method, request)

    async def own(self, method: Method[RequestT, ResponseT], request: RequestT) -> ResponseT:
        """Makes a call that makes no sense for nobody.

        Raises:
            SonicaError: NOT_LOGGED_IN, besides what the call fails with.
        """
        self._require()
        return await self.unary(method, request)

    async def own_stream(
        self, method: Method[RequestT, ResponseT], request: RequestT
    ) -> AsyncGenerator[ResponseT, None]:
        """Makes a call that makes no sense for nobody and is answered by a stream."""
        self._require()
        async with aclosing(self.stream(method, request)) as responses:
            async for response in responses:
                yield response

    async def unary(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        timeout_seconds: float | None = None,
    ) -> ResponseT:
        """Makes a call; refreshes the session once when its token is refused."""
        used = self.session
        try:
            return await self._calls.unary(method, request, timeout_seconds, self._metadata(used))
        except SonicaError as error:
            if used is None or error.reason != "CREDENTIALS_REFUSED":
                raise
        await self._renewed(used)
        metadata = self._metadata(self.session)
        return await self._calls.unary(method, request, timeout_seconds, metadata)

    async def stream(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        timeout_seconds: float | None = None,
    ) -> AsyncGenerator[ResponseT, None]:
        """Makes a call that is answered by a stream."""
        metadata = await self._good_metadata()
        responses = self._calls.stream(method, request, timeout_seconds, metadata)
        async with aclosing(responses):
            async for response in responses:
                yield response

    async def converse(
        self,
        method: Method[RequestT, ResponseT],
        requests: AsyncGenerator[RequestT, None],
        timeout_seconds: float | None = None,
        *,
        silence_seconds: float,
    ) -> AsyncGenerator[ResponseT, None]:
        """Makes a call with streams both ways."""
        metadata = await self._good_metadata()
        responses = self._calls.converse(
            method, requests, timeout_seconds, metadata, silence_seconds=silence_seconds
        )
        async with aclosing(responses):
            async for response in responses:
                yield response

    def use(self, tokens: Tokens | None) -> Session:
        """Takes the tokens of a log-in or a refresh."""
        tokens = tokens or Tokens()
        self.session = Session(tokens.access_token, tokens.refresh_token)
        self.on_change(self.session)
        return self.session

    def forget(self) -> None:
        """Has no session any more."""
        self.session = None
        self.on_change(None)

    async def settle(self) -> None:
        """Waits for refreshes under way: the token they bring is the only one that still works."""
        await asyncio.gather(*self._renewals, return_exceptions=True)

    def _require(self) -> None:
        self._calls.connection.require_private()
        if self.session is None and not self._api_key:
            raise SonicaError(
                grpc.StatusCode.UNAUTHENTICATED, "not logged in", "NOT_LOGGED_IN", CLIENT_DOMAIN
            )

    def _metadata(self, session: Session | None) -> Metadata:
        if session is not None:
            self._calls.connection.require_private()
            return (("authorization", f"Bearer {session.access_token}"),)
        return (("x-api-key", self._api_key),) if self._api_key else ()

    async def _good_metadata(self) -> Metadata:
        """Returns the metadata of a call that is made once only."""
        used = self.session
        if used is not None and _seconds_left(used.access_token) < _GOOD_SECONDS:
            await self._renewed(used)
        return self._metadata(self.session)

    async def _renewed(self, used: Session) -> None:
        # In a task of its own, held until it ends: if the caller goes away after the server has
        # used up the token, the next one is kept all the same.
        renewal = asyncio.create_task(self._renew(used))
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)
        await asyncio.shield(renewal)

    async def _renew(self, used: Session) -> None:
        async with self._refreshing, self.exclusively() as kept:
            # Another call, or another program, may have refreshed it meanwhile, and the token is
            # good for one use.
            if self.session != used:
                return
            if kept is not None and kept != used:
                self.session = kept
                return
            await self._refresh(used)

    async def _refresh(self, session: Session) -> None:
        request = RefreshRequest(refresh_token=session.refresh_token)
        try:
            response = await self._calls.unary(methods.REFRESH, request)
        except SonicaError as error:
            if error.reason == "REFRESH_REFUSED" and self.session == session:
                self.forget()
            raise
        # Whoever has logged in or out meanwhile, with no call in wait, has done with this one.
        if self.session == session:
            self.use(response.tokens)


def _seconds_left(access_token: str) -> float:
    """Returns how long a token is good by the clock of this machine; for ever when unreadable.

    It is the server that decides; this only saves a stream that would be refused.
    """
    try:
        payload = access_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"]) - time.time()
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return float("inf")
