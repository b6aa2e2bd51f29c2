"""The one error of the client: what a service, or the way to it, said went wrong.

    SonicaError(code, reason, domain, metadata, retry_after_seconds, violations, quotas)

`reason` and `domain` are API and decide what a program does; `str(error)` is for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STATUS_DETAILS_KEY = "grpc-status-details-bin"
CLIENT_DOMAIN = "sonica.client"

# What gRPC itself says, as INTERNAL, of a stream that was cut under it: in the middle of a write
# its own status takes the place of the server's. The faults of our services are typed.
_CUT_STREAM = ("Internal error from Core", "RST_STREAM")
# What gRPC says, as UNAVAILABLE, of a server whose certificate does not stand up.
_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "is not in peer certificate")
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_UNTYPED_REASONS = {
    grpc.StatusCode.UNAVAILABLE: "SERVER_UNREACHABLE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    grpc.StatusCode.CANCELLED: "CALL_CANCELLED",
}


class SonicaError(Exception):
    """A call that failed.

    Attributes:
        code: canonical gRPC code.
        message: what is wrong, for people.
        reason: what is wrong, for programs: UPPER_SNAKE, unique in `domain`.
        domain: who says so: `sonica.fingerprint`, `sonica.catalog`, `sonica.client`, ...; `grpc`
            when nothing typed came back.
        metadata: the variable parts of the message, by name.
        retry_after_seconds: when trying again makes sense; None when the server named no time.
        violations: (field path, constraint) of an invalid request.
        quotas: (whose, which) of each limit that is used up.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        reason: str,
        domain: str,
        *,
        metadata: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
        violations: Sequence[tuple[str, str]] = (),
        quotas: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.domain = domain
        self.metadata = dict(metadata or {})
        self.retry_after_seconds = retry_after_seconds
        self.violations = tuple(violations)
        self.quotas = tuple(quotas)

    def __repr__(self) -> str:
        return f"SonicaError({self.code.name}, {self.reason}, {self.message!r})"


def from_status_bytes(content: bytes) -> SonicaError:
    """Reads a serialised `google.rpc.Status`."""
    status = status_pb2.Status.FromString(content)
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    info = error_details_pb2.ErrorInfo(reason=_UNTYPED_REASONS.get(code, code.name), domain="grpc")
    retry_after: float | None = None
    violations: list[tuple[str, str]] = []
    quotas: list[tuple[str, str]] = []
    for detail in status.details:
        retry, bad = error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
        quota = error_details_pb2.QuotaFailure()
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToNanoseconds() / 1e9
        elif detail.Unpack(bad):
            violations += [(entry.field, entry.description) for entry in bad.field_violations]
        elif detail.Unpack(quota):
            quotas += [(entry.subject, entry.description) for entry in quota.violations]
    return SonicaError(
        code,
        status.message,
        info.reason,
        info.domain,
        metadata=info.metadata,
        retry_after_seconds=retry_after,
        violations=violations,
        quotas=quotas,
    )


def from_rpc_error(error: grpc.aio.AioRpcError, address: str) -> SonicaError:
    """Turns what gRPC raised on a call to `address` into a SonicaError."""
    # At run time these are pairs, whatever grpcio's stubs say.
    trailing: Any = error.trailing_metadata() or ()
    for key, value in trailing:
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            try:
                typed = from_status_bytes(value)
            except DecodeError:
                break
            if typed.code is error.code():
                return typed
    code = error.code()
    message = error.details() or code.name
    if code is grpc.StatusCode.INTERNAL and any(cut in message for cut in _CUT_STREAM):
        message = f"{address} cut the call off and gave no reason"
        return SonicaError(grpc.StatusCode.UNAVAILABLE, message, "CALL_BROKEN", CLIENT_DOMAIN)
    if code is grpc.StatusCode.UNAVAILABLE and any(sign in message for sign in _UNTRUSTED):
        message = f"{address} did not prove who it is: {message}"
        return SonicaError(code, message, "CERTIFICATE_REFUSED", CLIENT_DOMAIN)
    if code is grpc.StatusCode.UNAVAILABLE:
        message = f"no answer from {address}: {message}"
    return SonicaError(code, message, _UNTYPED_REASONS.get(code, code.name), "grpc")
