"""Client channels: deadline passed on, trace passed on, one CLIENT span per call.

The channel wraps the calls grpc makes instead of using grpc's client interceptors: those replace
the call object, and streams written with `call.write()` then hang. Here the caller gets grpc's own
call, and the span ends when the call's final status is known, however the caller leaves it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry.trace import Span, SpanKind

from mesh.runtime import telemetry
from mesh.runtime.tls import PROXY_HOST, CertificateFiles, channel_credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator

# Left to the caller so that it can still answer, with a typed error, before its own caller stops.
DEADLINE_MARGIN_SECONDS = 0.02

_deadline: ContextVar[float | None] = ContextVar("sonica_deadline", default=None)


def enter_deadline(seconds: float | None) -> None:
    """Sets the deadline of the current task and those it starts; None means no deadline."""
    _deadline.set(None if seconds is None else time.monotonic() + seconds)


def remaining_seconds() -> float | None:
    """Returns the time left for the incoming call, at least 0; None outside a call."""
    deadline = _deadline.get()
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def open_channel(
    target: str,
    *,
    default_timeout_seconds: float = 30.0,
    max_message_bytes: int = 33_554_432,
    certificate_files: CertificateFiles | None = None,
) -> grpc.aio.Channel:
    """Opens a channel to `host:port` or `unix:/path`; nothing is sent until the first call.

    Every call has a deadline: the given timeout or the default, and never later than that of the
    incoming call less a margin. With no time left it fails at once with DEADLINE_EXCEEDED.

    With certificates both ends prove who they are; the other one has to be the proxy.

    Raises:
        OSError: a certificate cannot be read.
    """
    options: list[tuple[str, int | str]] = [
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_receive_message_length", max_message_bytes),
        # Retries are the proxy's; a proxy variable of the shell is not meant for the mesh.
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if certificate_files is None:
        channel = grpc.aio.insecure_channel(target, options=options)
    else:
        options.append(("grpc.ssl_target_name_override", PROXY_HOST))
        channel = grpc.aio.secure_channel(
            target, channel_credentials(certificate_files), options=options
        )
    return _Channel(channel, default_timeout_seconds)


class _Channel(grpc.aio.Channel):
    """A channel whose calls carry deadline and trace."""

    def __init__(self, channel: grpc.aio.Channel, default_timeout_seconds: float) -> None:
        self._channel = channel
        self._default_timeout_seconds = default_timeout_seconds

    def _observed(self, kind: str, method: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        invoke = getattr(self._channel, kind)(method, *args, **kwargs)
        streams = kind != "unary_unary"

        def call(
            *args: Any, timeout: float | None = None, metadata: Any = None, **rest: Any
        ) -> Any:
            timeout = self._default_timeout_seconds if timeout is None else timeout
            left = remaining_seconds()
            if left is not None:
                timeout = min(timeout, left - DEADLINE_MARGIN_SECONDS)
            span = telemetry.start_rpc_span(method, SpanKind.CLIENT)
            if timeout <= 0:
                telemetry.end_rpc_span(span, grpc.StatusCode.DEADLINE_EXCEEDED)
                # grpc itself would still send the call, and may even get an answer.
                raise grpc.aio.AioRpcError(
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    grpc.aio.Metadata(),
                    grpc.aio.Metadata(),
                    f"no time left to call {method}",
                    None,
                )
            carried = [*(metadata or ()), *telemetry.trace_headers(span)]
            try:
                started = invoke(*args, timeout=timeout, metadata=carried, **rest)
            except BaseException:
                telemetry.end_rpc_span(span, grpc.StatusCode.UNKNOWN)
                raise
            started.add_done_callback(partial(_end_span, span))
            return _StreamCall(started) if streams else started

        return call

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._observed("unary_unary", method, *args, **kwargs)

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._observed("unary_stream", method, *args, **kwargs)

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._observed("stream_unary", method, *args, **kwargs)

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._observed("stream_stream", method, *args, **kwargs)

    async def __aenter__(self) -> _Channel:
        await self._channel.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self._channel.__aexit__(*exc_info)

    async def close(self, grace: float | None = None) -> None:
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()


def _end_span(span: Span, call: grpc.aio.Call) -> None:
    """Ends the span of a call whose final status is known."""
    code = call.code()
    try:
        code.send(None)  # finishes without waiting: the status is there
    except StopIteration as finished:
        telemetry.end_rpc_span(span, finished.value)
    else:
        code.close()
        telemetry.end_rpc_span(span, grpc.StatusCode.UNKNOWN)


class _PeersStatus:
    """The inside of a streaming call, which leaves its status to the peer.

    When a write fails because the peer has ended the call, grpc puts INTERNAL in the place of the
    status that the peer has sent (grpc/grpc#36066). Here only the write fails.
    """

    def __init__(self, inside: Any) -> None:
        self._inside = inside

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    async def send_serialized_message(self, message: bytes) -> None:
        """Sends one message; raises AioRpcError when the call has ended."""
        await self._send(self._inside.send_serialized_message(message))

    async def send_receive_close(self) -> None:
        """Ends the sending; raises AioRpcError when the call has ended."""
        await self._send(self._inside.send_receive_close())

    async def _send(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except grpc.aio.InternalError as error:
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.INTERNAL,
                grpc.aio.Metadata(),
                grpc.aio.Metadata(),
                "the call has ended; reading it tells how",
                str(error),
            ) from error


class _StreamCall:
    """A streaming call that is cancelled when the caller drops it.

    grpc's own call objects are part of reference cycles: without this, breaking out of a response
    stream would leave the call running until the garbage collector or the deadline ends it.
    """

    def __init__(self, call: Any) -> None:
        call._cython_call = _PeersStatus(call._cython_call)  # noqa: SLF001 - no public way
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, None, Any]:
        # A generator, so that the frame keeps `self` while the caller waits.
        return (yield from self._call.__await__())

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for response in self._call:
            yield response

    def __del__(self) -> None:
        if not self._call.done():
            with suppress(RuntimeError):  # the loop is closed: nothing is left to cancel
                self._call.cancel()
