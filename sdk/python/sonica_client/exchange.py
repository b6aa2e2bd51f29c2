"""One streaming call: sends an iterator while it yields what comes back.

A failure of the sending side ends the call and is raised to the reader; a server that says nothing
for too long ends it as DEADLINE_EXCEEDED. Leaving the iterator early cancels the call.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import grpc

from .errors import CLIENT_DOMAIN, SonicaError, from_rpc_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable


# grpcio's type stubs leave out these names, as they leave out the classes of the calls.
_END: Any = vars(grpc.aio)["EOF"]
_InternalError: Any = vars(grpc.aio)["InternalError"]


class _PeersStatus:
    """The inside of a streaming call, which leaves its status to the server.

    When a write fails because the server has ended the call, grpc puts INTERNAL in the place of
    the status that the server has sent (grpc/grpc#36066). Here only the write fails.
    """

    def __init__(self, inside: Any) -> None:
        self._inside = inside

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    async def send_serialized_message(self, message: bytes) -> None:
        await _send_or_end(self._inside.send_serialized_message(message))

    async def send_receive_close(self) -> None:
        await _send_or_end(self._inside.send_receive_close())


class _Ended(Exception):  # noqa: N818 - a signal to the sender, never seen outside
    """The server has ended the call; reading it tells how."""


async def _send_or_end(sending: Awaitable[None]) -> None:
    try:
        await sending
    except _InternalError as error:
        raise _Ended from error


async def exchange(
    call: Any,
    requests: AsyncGenerator[Any, None],
    *,
    address: str,
    silence_seconds: float,
) -> AsyncGenerator[Any, None]:
    """Yields the responses of a bidirectional call while sending `requests`.

    Args:
        call: a started `StreamStreamCall`.
        requests: what to send; an exception it raises ends the call and is raised here.
        address: of the server, for messages.
        silence_seconds: longest wait for one response.

    Raises:
        SonicaError: the call failed, or the server was silent for too long.
    """
    failure: list[BaseException] = []
    call._cython_call = _PeersStatus(call._cython_call)  # noqa: SLF001 - no public way
    sender = asyncio.create_task(_send(call, requests, failure))
    try:
        while (response := await _receive(call, address, silence_seconds, failure)) is not None:
            yield response
    finally:
        sender.cancel()
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender


async def _send(
    call: Any, requests: AsyncGenerator[Any, None], failure: list[BaseException]
) -> None:
    try:
        async for request in requests:
            await call.write(request)
        await call.done_writing()
    except (_Ended, grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
        return  # the call is over; whoever reads it learns why
    except Exception as error:  # noqa: BLE001 - kept for the reader, who raises it
        failure.append(error)
        call.cancel()
    finally:
        # What it holds is given back now, not when memory is next cleaned.
        await requests.aclose()


async def _receive(
    call: Any,
    address: str,
    silence_seconds: float,
    failure: list[BaseException],
) -> Any:
    try:
        async with asyncio.timeout(silence_seconds):
            response = await call.read()
    except grpc.aio.AioRpcError as error:
        if failure:
            raise failure[0] from None
        raise from_rpc_error(error, address) from None
    except TimeoutError:
        raise SonicaError(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            f"{address} was silent for {silence_seconds:g} s in the middle of a call",
            "SERVER_SILENT",
            CLIENT_DOMAIN,
            metadata={"address": address, "silence_seconds": f"{silence_seconds:g}"},
        ) from None
    except asyncio.CancelledError:
        if failure:
            raise failure[0] from None
        raise
    return None if response is _END else response
