"""Calls over one channel, whoever makes them: deadlines, waiting for a busy server, typed errors.

gRPC itself tries again what a service config allows, when the server is not available. A server
that refuses for load or quota says when to come back; that is waited for here, within a bound.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, TypeVar

import grpc

from .errors import SonicaError, from_rpc_error
from .exchange import exchange
from .method import service_config
from .methods import METHODS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import betterproto2

    from .connection import Connection
    from .method import Method

ATTEMPTS_MAX = 3
# Callers that were refused in one moment do not all come back in one.
_SPREAD = 0.1

RequestT = TypeVar("RequestT", bound="betterproto2.Message")
ResponseT = TypeVar("ResponseT", bound="betterproto2.Message")
Metadata = tuple[tuple[str, str], ...]


class Calls:
    """One channel to an edge.

    Args:
        connection: the way to it.
        busy_wait_seconds: longest time a busy server may ask to wait before a call that is the
            same done twice is tried again; 0 means never.
    """

    def __init__(self, connection: Connection, busy_wait_seconds: float) -> None:
        self.connection = connection
        self._busy_wait_seconds = busy_wait_seconds
        self._channel = connection.channel(service_config(METHODS))

    async def close(self) -> None:
        """Ends all calls and the connection."""
        await self._channel.close()

    async def unary(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        timeout_seconds: float | None = None,
        metadata: Metadata = (),
    ) -> ResponseT:
        """Makes a call; its deadline holds for all attempts together.

        Raises:
            SonicaError: the last attempt failed.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + _seconds(method, timeout_seconds)
        attempt = 1
        while True:
            left = max(0.0, end - loop.time())
            try:
                return await self._once(method, request, left, metadata)
            except SonicaError as error:
                pause = self._pause(method, error)
                if pause is None or attempt == ATTEMPTS_MAX or loop.time() + pause >= end:
                    raise
            attempt += 1
            await asyncio.sleep(pause)

    async def _once(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        timeout_seconds: float,
        metadata: Metadata,
    ) -> ResponseT:
        stub = self._channel.unary_unary(
            method.path,
            request_serializer=bytes,
            response_deserializer=method.response.FromString,
        )
        try:
            response: ResponseT = await stub(request, timeout=timeout_seconds, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, self.connection.target) from None
        return response

    def _pause(self, method: Method[RequestT, ResponseT], error: SonicaError) -> float | None:
        """Returns how long to wait before the next attempt; None when there is to be none."""
        wanted = error.retry_after_seconds
        if not method.retried or error.code is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            return None
        if wanted is None or wanted > self._busy_wait_seconds or not self._busy_wait_seconds:
            return None
        return wanted * (1 + _SPREAD * random.random())  # noqa: S311 - no secret

    async def stream(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        timeout_seconds: float | None = None,
        metadata: Metadata = (),
    ) -> AsyncGenerator[ResponseT, None]:
        """Makes a call that is answered by a stream; leaving it early ends the call.

        Raises:
            SonicaError: the call failed.
        """
        stub = self._channel.unary_stream(
            method.path,
            request_serializer=bytes,
            response_deserializer=method.response.FromString,
        )
        call = stub(request, timeout=_seconds(method, timeout_seconds), metadata=metadata)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, self.connection.target) from None
        finally:
            call.cancel()

    def converse(
        self,
        method: Method[RequestT, ResponseT],
        requests: AsyncGenerator[RequestT, None],
        timeout_seconds: float | None = None,
        metadata: Metadata = (),
        *,
        silence_seconds: float,
    ) -> AsyncGenerator[ResponseT, None]:
        """Makes a call with streams both ways; see `exchange`."""
        stub = self._channel.stream_stream(
            method.path,
            request_serializer=bytes,
            response_deserializer=method.response.FromString,
        )
        call = stub(timeout=_seconds(method, timeout_seconds), metadata=metadata)
        return exchange(
            call, requests, address=self.connection.target, silence_seconds=silence_seconds
        )


def _seconds(method: Method[RequestT, ResponseT], timeout_seconds: float | None) -> float:
    return method.timeout_seconds if timeout_seconds is None else timeout_seconds
