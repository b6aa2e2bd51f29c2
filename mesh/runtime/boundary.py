"""The server boundary: the one place that decides how a call ends.

One interceptor validates requests, sets the deadline, turns exceptions into statuses, and records
span and metric from that same outcome, so that they cannot disagree. Health and reflection calls
pass through unobserved. Cancellation is recorded and passed on untouched.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

import grpc
import protovalidate
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from mesh.runtime import channels, errors, telemetry, tls

_UNOBSERVED = ("/grpc.health.", "/grpc.reflection.")
_SHOWN_VALUE_BYTES_MAX = 80
# Tokens and keys are long words, or say what they are; UUIDs are long too, and no secrets.
_TELLTALE = re.compile(r"@|whsec_|[A-Za-z0-9_+-]{24,}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONSTRAINTS = "buf/validate/validate.proto"
# Of messages up to this size every violation is told, of larger ones the first.
_EVERY_VIOLATION_BYTES_MAX = 4096
_DEADLINE_TOLERANCE_SECONDS = 0.05
# Between the end of the stream of a vanished caller and its cancellation; 7.5 ms was measured.
_CANCELLATION_LAG_SECONDS = 0.01
# A send ends at once, unless the caller does not read; then its deadline is what ends the call.
_SETTLE_SECONDS_MAX = 1.0
_EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined] # missing in the stubs
_log = logging.getLogger(__name__)

_Respond = Callable[[Any, Any], Awaitable[Any]]


class Boundary(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # generic only in the stubs
    """Wraps every handler of a server.

    Args:
        max_concurrent_rpcs: calls worked on at once; more end as RESOURCE_EXHAUSTED. Health checks
            do not count, so a busy service is not taken for a dead one. Calls of spared services
            have as many places of their own.
        max_message_bytes: largest request and response; larger ones end as RESOURCE_EXHAUSTED.
        allowed_peers: names of whom calls are taken, by their certificates; empty means everybody.
    """

    def __init__(
        self,
        max_concurrent_rpcs: int,
        max_message_bytes: int,
        allowed_peers: frozenset[str] = frozenset(),
    ) -> None:
        self._allowed_peers = allowed_peers
        self._max_concurrent_rpcs = max_concurrent_rpcs
        self._max_message_bytes = max_message_bytes
        self._wrapped: dict[str, Any] = {}
        self._spared: frozenset[str] = frozenset()
        self._active = {False: 0, True: 0}

    @property
    def active_rpcs(self) -> int:
        """Calls worked on now, those of spared services among them."""
        return sum(self._active.values())

    def spare(self, services: Iterable[str]) -> None:
        """Counts calls of these services, by full name, apart: others cannot take their places."""
        self._spared = frozenset(services)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Returns the observed handler of a call; None when no service has the method."""
        method = handler_call_details.method
        if method in self._wrapped:
            return self._wrapped[method]
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith(_UNOBSERVED):
            return handler
        self._wrapped[method] = self._wrap(method, handler)
        return self._wrapped[method]

    def _wrap(self, method: str, handler: Any) -> Any:
        """Returns a handler of the same kind that takes and gives bytes.

        Messages are read and written in here, not by grpc, so that a request that cannot be read
        and a response that cannot be written have an outcome like any other.
        """
        kind = (
            f"{'stream' if handler.request_streaming else 'unary'}_"
            f"{'stream' if handler.response_streaming else 'unary'}"
        )
        behavior = getattr(handler, kind)
        respond = _write_all(behavior) if inspect.isasyncgenfunction(behavior) else behavior
        codec = _Codec(method, handler, self._max_message_bytes)

        async def call(request: Any, context: Any) -> Any:
            async def answer() -> Any:
                messages = _Context(context, codec)
                argument = (
                    _Requests(messages) if handler.request_streaming else codec.decode(request)
                )
                try:
                    response = await respond(argument, messages)
                finally:
                    await messages.settle()
                return None if handler.response_streaming else codec.encode(response)

            return await self._run(method, context, answer)

        return getattr(grpc, f"{kind}_rpc_method_handler")(call)

    async def _run(self, method: str, context: Any, answer: Callable[[], Awaitable[Any]]) -> Any:
        """Runs one call and decides its outcome."""
        started = time.perf_counter()
        span = telemetry.start_rpc_span(method, SpanKind.SERVER, context.invocation_metadata())
        # Each call has its own contextvars.Context, so nothing needs to be detached.
        otel_context.attach(trace.set_span_in_context(span))
        allowed_seconds = context.time_remaining()
        channels.enter_deadline(allowed_seconds)
        code = grpc.StatusCode.UNKNOWN
        spared = method.lstrip("/").split("/")[0] in self._spared
        self._active[spared] += 1
        try:
            self._refuse_strangers(context)
            self._refuse_when_busy(self._active[spared])
            response = await answer()
            code = _code_set(context)
        except asyncio.CancelledError:
            code = _cancellation_code(context, allowed_seconds)
            raise
        except grpc.aio.AbortError:
            code = _code_set(context)
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: every failure gets a status
            status = _status_of(error, method)
            code = errors.code_of(status)
            try:
                await _abort(context, code, status)
            except grpc.aio.InternalError:  # the caller is gone
                code = _cancellation_code(context, allowed_seconds)
                raise asyncio.CancelledError from error
        else:
            return response
        finally:
            self._active[spared] -= 1
            telemetry.end_rpc_span(span, code, server=True)
            telemetry.record_call(method, code, time.perf_counter() - started)

    def _refuse_strangers(self, context: Any) -> None:
        if self._allowed_peers and not self._allowed_peers & tls.peer_names(context):
            raise errors.PeerRefusedError(
                "the caller's certificate is for nobody who may call; calls come through the proxy"
            )

    def _refuse_when_busy(self, active: int) -> None:
        if active > self._max_concurrent_rpcs:
            raise errors.ServerBusyError(
                f"{self._max_concurrent_rpcs} calls are worked on already; try again later",
                max_concurrent_rpcs=str(self._max_concurrent_rpcs),
            )


def _domain(method: str) -> str:
    """Returns the error domain of `/sonica.matching.v1.MatchingService/FindMatches`."""
    package = method.lstrip("/").split("/")[0].split(".")[:-1]
    versioned = package and package[-1][:1] == "v" and package[-1][1:2].isdigit()
    return ".".join(package[:-1] if versioned else package)


def _code_set(context: Any) -> grpc.StatusCode:
    """Returns the code a handler set on its context; OK when it set none."""
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return errors.code_of(status_pb2.Status(code=code or 0))


def _cancellation_code(context: Any, allowed_seconds: float | None) -> grpc.StatusCode:
    """Tells a caller that went from one whose deadline came; grpc cancels a handler for both."""
    if allowed_seconds is None:
        return grpc.StatusCode.CANCELLED
    # The caller's own timer fires before ours: grpc rounds what it sends up by as much as 1 %.
    tolerance = _DEADLINE_TOLERANCE_SECONDS + 0.01 * allowed_seconds
    late = context.time_remaining() < tolerance
    return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED


def _write_all(behavior: Callable[[Any, Any], Any]) -> _Respond:
    """Turns an async generator handler into one that writes.

    The generator is closed here, in its own task, when the call is cancelled. Left to grpc it would
    be closed some time later, elsewhere, with its resources open till then.
    """

    async def respond(request: Any, context: Any) -> None:
        async with aclosing(behavior(request, context)) as responses:
            async for response in responses:
                await context.write(response)

    return respond


def _status_of(error: Exception, method: str) -> status_pb2.Status:
    """Returns the wire form of any exception; only the log gets the stack of an unknown one."""
    cause = _first_cause(error)
    if isinstance(cause, grpc.aio.AioRpcError):
        cause = errors.from_rpc_error(cause) or cause
    if isinstance(cause, errors.ServiceError):
        if cause.code in telemetry.SERVER_FAULTS:
            _log.warning("%s: %s: %s (%r)", method, cause.reason, cause, cause.__cause__)
        return errors.to_status(cause)
    _log.error("%s: unhandled exception", method, exc_info=error)
    trace_id = telemetry.current_trace_id()
    return errors.make_status(
        grpc.StatusCode.INTERNAL,
        f"internal error; the log has it under trace {trace_id}",
        "INTERNAL",
        _domain(method),
        {"trace_id": trace_id},
    )


def _first_cause(error: Exception) -> Exception:
    """Returns the exception that failed a task group: its first typed one, else its first."""
    if not isinstance(error, ExceptionGroup):
        return error
    leaves = [_first_cause(inner) for inner in error.exceptions]
    typed = [leaf for leaf in leaves if isinstance(leaf, errors.ServiceError | grpc.RpcError)]
    return (typed or leaves)[0]


async def _abort(context: Any, code: grpc.StatusCode, status: status_pb2.Status) -> None:
    trailing = (
        *(context.trailing_metadata() or ()),
        (errors.STATUS_DETAILS_KEY, status.SerializeToString()),
    )
    await context.abort(code, status.message, trailing)


class _Codec:
    """Reads, checks and writes the messages of one method."""

    def __init__(self, method: str, handler: Any, max_message_bytes: int) -> None:
        self._domain = _domain(method)
        self._deserialize = handler.request_deserializer
        self._serialize = handler.response_serializer
        self._constrained: bool | None = None
        self._max_message_bytes = max_message_bytes

    def decode(self, content: bytes) -> Any:
        """Returns the request in `content`, which keeps every constraint of its contract.

        The check costs about 2 us, and 6 us more per 128 KiB of `bytes` fields. In a large message
        it ends at the first violation: to find and describe thousands takes seconds, in which
        nobody else is served.
        """
        self._check_size("request", content)
        try:
            request = self._deserialize(content) if self._deserialize else content
        except DecodeError as error:
            unreadable = ("", f"{len(content)} bytes", "not a message of this method")
            raise errors.InvalidRequestError(self._domain, [unreadable]) from error
        if isinstance(request, Message) and self._is_constrained(request):
            large = len(content) > _EVERY_VIOLATION_BYTES_MAX
            violations = protovalidate.collect_violations(request, fail_fast=large)
            if violations:
                described = [_described(violation, request) for violation in violations]
                raise errors.InvalidRequestError(self._domain, described, request)
        return request

    def encode(self, response: Any) -> Any:
        """Returns the bytes of a response."""
        content = self._serialize(response) if self._serialize else response
        self._check_size("response", content)
        return content

    def _is_constrained(self, request: Message) -> bool:
        """Whether the method's contract can hold constraints; Qdrant's, for one, has none."""
        if self._constrained is None:
            seen, waiting = set(), [request.DESCRIPTOR.file]
            while waiting:
                file = waiting.pop()
                if file.name not in seen:
                    seen.add(file.name)
                    waiting += file.dependencies
            self._constrained = _CONSTRAINTS in seen
        return self._constrained

    def _check_size(self, what: str, content: bytes) -> None:
        if len(content) > self._max_message_bytes:
            raise errors.MessageTooLargeError(
                f"the {what} has {len(content)} bytes; {self._max_message_bytes} are allowed",
                byte_count=str(len(content)),
                max_message_bytes=str(self._max_message_bytes),
            )


class _Context:
    """A servicer context whose `read` and `write` take messages; all else is the context's own."""

    def __init__(self, context: Any, codec: _Codec) -> None:
        self._context = context
        self._codec = codec
        self._answered = False
        self._sending: set[asyncio.Task[None]] = set()
        self._one_send = asyncio.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def read(self) -> Any:
        content = await self._context.read()
        if content is _EOF:
            await self._confirm_end()
            return content
        return self._codec.decode(content)

    async def write(self, response: Any) -> None:
        self._answered = True
        content = self._codec.encode(response)
        try:
            await self._send(self._context.write(content))
        except grpc.aio.InternalError as error:  # the caller is gone
            raise asyncio.CancelledError from error

    async def settle(self) -> None:
        """Waits for sends whose sender was cancelled; the call cannot end before."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=_SETTLE_SECONDS_MAX)

    async def _send(self, operation: Awaitable[None]) -> None:
        """Sends, one at a time, each to its end even when the task that waits for it is cancelled.

        grpc refuses a second send, and also the status of the call, while one is under way, and its
        caller would wait for ever. A handler may read in one task, and so confirm the end, while
        it writes in another; a task of a group is cancelled at any place when its sibling fails.
        """

        async def send() -> None:
            async with self._one_send:
                await operation

        sending = asyncio.ensure_future(send())
        self._sending.add(sending)
        sending.add_done_callback(self._sent)
        await asyncio.shield(sending)

    def _sent(self, sending: asyncio.Task[None]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled():
            sending.exception()  # else asyncio complains when nobody was left to take it

    async def _confirm_end(self) -> None:
        """Returns if the caller ended the stream; raises CancelledError if the caller is gone.

        grpc reports both as the end of the stream, and the cancellation up to some milliseconds
        later: without this, half an upload looks like a whole one. Sending the (empty) headers
        fails on a dead call; where they are sent already, the cancellation gets time to arrive.
        """
        if not self._answered:
            self._answered = True
            try:
                await self._send(self._context.send_initial_metadata(()))
            except grpc.aio.UsageError:
                pass  # the handler has sent them
            except grpc.aio.InternalError as error:
                raise asyncio.CancelledError from error
            else:
                return
        await asyncio.sleep(_CANCELLATION_LAG_SECONDS)


class _Requests:
    """The requests of a stream. Unlike grpc's own iterator it leaves no generator to close."""

    def __init__(self, context: _Context) -> None:
        self._context = context

    def __aiter__(self) -> _Requests:
        return self

    async def __anext__(self) -> Any:
        request = await self._context.read()
        if request is _EOF:
            raise StopAsyncIteration
        return request


def _described(violation: protovalidate.Violation, request: Message) -> tuple[str, str, str]:
    """Returns field path, shown value and constraint of one violation.

    The value of a field that its contract marks `debug_redact` is never shown. Nor is one beside
    such a field, or one that looks like a secret or the address of a person: people mix fields up,
    and what is shown goes into logs of callers and traces of proxies.
    """
    path = ""
    redacted = False
    descriptor: Any = request.DESCRIPTOR
    field = violation.proto.field
    for element in field.elements if field is not None else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
        step = descriptor and descriptor.fields_by_name.get(element.field_name)
        redacted = redacted or bool(step and step.GetOptions().debug_redact)
        descriptor = step and step.message_type
    value = violation.field_value
    if redacted:
        shown = "a secret"
    elif isinstance(value, bytes | bytearray | memoryview):
        shown = f"{len(value)} bytes"
    elif value is None or isinstance(value, Message):
        shown = "unset" if value is None else "message"
    elif isinstance(value, str) and (_holds_secrets(request) or _looks_secret(value)):
        shown = f"{len(value)} characters, not shown"
    else:
        shown = errors.clip(repr(value), _SHOWN_VALUE_BYTES_MAX)
    return path, shown, violation.proto.message or violation.proto.rule_id


def _holds_secrets(request: Message) -> bool:
    return any(field.GetOptions().debug_redact for field in request.DESCRIPTOR.fields)


def _looks_secret(value: str) -> bool:
    return _TELLTALE.search(_UUID.sub("", value)) is not None
