"""Errors that cross a service boundary, and their one form on the wire.

    ServiceError                 what a domain raises; a service's errors.py subclasses it
    ├── InvalidRequestError      a request breaks a constraint of its contract
    ├── MessageTooLargeError     a request or response beyond what the service takes or gives
    ├── ServerBusyError          more calls at once than the service takes
    ├── PeerRefusedError         a certificate of the mesh, but not of one who may call
    ├── UpstreamError            a service we called failed without saying why
    └── DownstreamError          a typed error of a service we called, passed on unchanged

The wire form is `google.rpc.Status` with exactly one `ErrorInfo` (domain = proto package without
its version). Reasons and metadata keys are API.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from typing import TYPE_CHECKING, Any, ClassVar

import grpc
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

STATUS_DETAILS_KEY = "grpc-status-details-bin"
RUNTIME_DOMAIN = "sonica.mesh"

_REASON = re.compile(r"[A-Z][A-Z0-9_]{1,61}[A-Z0-9]")
_DEFAULT_RETRY_SECONDS = 1.0
# gRPC peers refuse more than 8 KiB of headers, so each part of an error is clipped.
_MESSAGE_BYTES_MAX = 512
_VALUE_BYTES_MAX = 200
_METADATA_ENTRIES_MAX = 8
_RETRYABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class ServiceError(Exception):
    """An expected failure, with everything a caller needs to act on it.

    Args:
        message: what is wrong, the value, the limit, what to do; shown to the caller.
        retry_after_seconds: when a retry makes sense (`UNAVAILABLE`, `RESOURCE_EXHAUSTED`).
        metadata: the variable parts of the message, by snake_case name.
    """

    code: ClassVar[grpc.StatusCode]
    reason: ClassVar[str]
    domain: ClassVar[str]
    #: Names of all metadata keys, for the reference table; when given, others are refused.
    metadata_keys: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        reason = cls.__dict__.get("reason")
        if reason is not None and not _REASON.fullmatch(reason):
            raise TypeError(f"{cls.__name__}.reason {reason!r} is not UPPER_SNAKE, 3 to 63 long")

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, **metadata: str
    ) -> None:
        super().__init__(message)
        unknown = metadata.keys() - set(self.metadata_keys)
        if self.metadata_keys and unknown:
            raise TypeError(f"{type(self).__name__}: undeclared metadata {sorted(unknown)}")
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.metadata = metadata

    def details(self) -> Sequence[Message]:
        """Returns the wire details that go with the ErrorInfo."""
        if self.code not in _RETRYABLE:
            return ()
        seconds = self.retry_after_seconds
        delay = Duration()
        delay.FromNanoseconds(int((_DEFAULT_RETRY_SECONDS if seconds is None else seconds) * 1e9))
        return (error_details_pb2.RetryInfo(retry_delay=delay),)


class InvalidRequestError(ServiceError):
    """A request breaks a constraint that its contract states; one violation per broken rule."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "VALIDATION_FAILED"
    metadata_keys = ("field", "value", "constraint")

    def __init__(
        self,
        domain: str,
        violations: Sequence[tuple[str, str, str]],
        request: Message | None = None,
    ) -> None:
        """Takes the domain and (field path, shown value, constraint) of 1 or more violations.

        `request` is the refused message, for a servicer that goes on reading its stream.
        """
        field, value, constraint = violations[0]
        more = f", and {len(violations) - 1} more" if len(violations) > 1 else ""
        super().__init__(
            f"{field or 'request'}: {constraint} (got {value}){more}",
            field=field,
            value=value,
            constraint=constraint,
        )
        vars(self)["domain"] = domain
        self.request = request
        self._violations = violations

    def details(self) -> Sequence[Message]:
        """Returns BadRequest with the first violations."""
        return (
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(
                        field=clip(field), description=clip(constraint)
                    )
                    for field, _, constraint in self._violations[:5]
                ]
            ),
        )


class ServerBusyError(ServiceError):
    """The service works on as many calls as it takes at once."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "SERVER_BUSY"
    domain = RUNTIME_DOMAIN
    metadata_keys = ("max_concurrent_rpcs",)


class PeerRefusedError(ServiceError):
    """The caller's certificate is good, but for nobody who may call this service directly."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "PEER_REFUSED"
    domain = RUNTIME_DOMAIN


class MessageTooLargeError(ServiceError):
    """A request or a response is larger than one message may be; the same call fails again."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "MESSAGE_TOO_LARGE"
    domain = RUNTIME_DOMAIN
    metadata_keys = ("byte_count", "max_message_bytes")

    def details(self) -> Sequence[Message]:
        """Returns nothing: no time to wait would help."""
        return ()


class UpstreamError(ServiceError):
    """A service we called failed without a typed reason: it, or the way to it, is down."""

    domain = RUNTIME_DOMAIN


class UpstreamUnavailableError(UpstreamError):
    """A service we called could not be reached."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "UPSTREAM_UNAVAILABLE"


class UpstreamDeadlineError(UpstreamError):
    """A service we called did not answer within the time left for this call."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "UPSTREAM_DEADLINE_EXCEEDED"


class UpstreamLimitError(UpstreamError):
    """A service we called, or the proxy before it, refused for load or size."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "UPSTREAM_LIMIT_REACHED"


_UNTYPED: dict[grpc.StatusCode, type[UpstreamError]] = {
    grpc.StatusCode.UNAVAILABLE: UpstreamUnavailableError,
    # Our own cancellation is a CancelledError; this is a server that was stopped in mid-call.
    grpc.StatusCode.CANCELLED: UpstreamUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: UpstreamDeadlineError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: UpstreamLimitError,
}


class DownstreamError(ServiceError):
    """A typed error of a service we called; code, reason, domain, metadata, details are kept."""

    def __init__(self, status: status_pb2.Status, info: error_details_pb2.ErrorInfo) -> None:
        """Takes the status as received and its ErrorInfo."""
        super().__init__(status.message)
        self.metadata = dict(info.metadata)
        self.status = status
        vars(self).update(
            code=code_of(status),
            reason=info.reason,
            domain=info.domain,
        )


# What gRPC itself says, as INTERNAL, of a stream that was cut under it. The faults of our services
# are typed, so an untyped one with these words is the end of a process or of a connection.
_CUT_STREAM = ("Internal error from Core", "RST_STREAM")


def clip(text: str, bytes_max: int = _VALUE_BYTES_MAX) -> str:
    """Returns `text`, cut to at most `bytes_max` bytes of UTF-8."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= bytes_max:
        return encoded.decode()
    return encoded[: bytes_max - 3].decode("utf-8", "ignore") + "…"


def to_status(error: ServiceError) -> status_pb2.Status:
    """Returns the wire form: code, message, one ErrorInfo, then further details."""
    if isinstance(error, DownstreamError):
        return error.status
    return make_status(
        error.code, error.message, error.reason, error.domain, error.metadata, error.details()
    )


def make_status(
    code: grpc.StatusCode,
    message: str,
    reason: str,
    domain: str,
    metadata: dict[str, str],
    details: Sequence[Message] = (),
) -> status_pb2.Status:
    """Builds a status with one ErrorInfo; long texts are clipped to what headers can carry."""
    entries = list(metadata.items())[:_METADATA_ENTRIES_MAX]
    info = error_details_pb2.ErrorInfo(
        reason=reason, domain=domain, metadata={key: clip(str(value)) for key, value in entries}
    )
    packed = []
    for detail in (info, *details):
        any_detail = PackedAny()
        any_detail.Pack(detail)
        packed.append(any_detail)
    return status_pb2.Status(
        code=code.value[0], message=clip(message, _MESSAGE_BYTES_MAX), details=packed
    )


def code_of(status: status_pb2.Status) -> grpc.StatusCode:
    """Returns the gRPC code of a status; UNKNOWN for a number gRPC does not know."""
    return _CODES.get(status.code, grpc.StatusCode.UNKNOWN)


def from_rpc_error(error: grpc.aio.AioRpcError) -> ServiceError | None:
    """Returns the typed error a failed call stands for; None when it says nothing we know.

    A typed error keeps its code, reason, domain, metadata and details. An untyped failure of the
    way there (unavailable, cut, late, refused for load or size) becomes an UpstreamError.
    """
    trailing: Any = error.trailing_metadata() or ()
    for key, value in trailing:
        if key == STATUS_DETAILS_KEY and (typed := _typed(value, error.code())):
            return typed
    untyped = _UNTYPED.get(error.code())
    words = error.details() or ""
    if error.code() is grpc.StatusCode.INTERNAL and any(cut in words for cut in _CUT_STREAM):
        untyped = UpstreamUnavailableError
    return untyped(error.details() or "the service called gave no reason") if untyped else None


def _typed(content: bytes, code: grpc.StatusCode) -> DownstreamError | None:
    try:
        status = status_pb2.Status.FromString(content)
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info) and code_of(status) is code:
                return DownstreamError(status, info)
    except DecodeError:
        return None
    return None


def declared_errors(module: ModuleType) -> list[type[ServiceError]]:
    """Returns the errors with a reason that `module` defines, by reason: the reference table."""
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, ServiceError)
        and value.__module__ == module.__name__
        and getattr(value, "reason", None)
    ]
    return sorted(found, key=lambda error: error.reason)


def error_modules(package: str) -> list[ModuleType]:
    """Returns the modules called `errors` of a package and of the packages right within it."""
    top = importlib.import_module(package)
    rooms = [room.name for room in pkgutil.iter_modules(top.__path__) if room.ispkg]
    names = [f"{package}.errors", *(f"{package}.{room}.errors" for room in rooms)]
    return [importlib.import_module(name) for name in names if importlib.util.find_spec(name)]
