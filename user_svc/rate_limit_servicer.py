"""The proxy's question before each call of a known caller: may it pass?

`envoy.service.ratelimit.v3.RateLimitService`, answered for the proxy only; nothing routes to it.
What a refused caller gets is made here as a whole, for it says whose limit it was and how long to
wait: typed details for gRPC, the same `google.rpc.Status` as JSON for REST.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from google.protobuf import json_format
from sonica.envoy.ratelimit.v3 import rate_limit_pb2 as limit_pb
from sonica.envoy.ratelimit.v3 import rate_limit_pb2_grpc as limit_grpc

from mesh.runtime.errors import STATUS_DETAILS_KEY, ServiceError, to_status
from user_svc.model import Role
from user_svc.rate_limits import Call, Limit, RateLimits

#: Paths of the calls that count for the day.
RECOGNITIONS = (
    "/sonica.recognition.v1.RecognitionService/Recognize",
    "/sonica.recognition.v1.RecognitionService/RecognizeUpload",
    "/sonica.recognition.v1.RecognitionService/StreamingRecognize",
)


class RateLimitServicer(limit_grpc.RateLimitServiceServicer):
    """`envoy.service.ratelimit.v3.RateLimitService`."""

    def __init__(self, rate_limits: RateLimits) -> None:
        self._rate_limits = rate_limits

    async def ShouldRateLimit(
        self, request: limit_pb.RateLimitRequest, _context: Any
    ) -> limit_pb.RateLimitResponse:
        """Counts a call; the proxy sends one descriptor for it."""
        said = {entry.key: entry.value for d in request.descriptors for entry in d.entries}
        call = _call(said)
        if call is None:
            return limit_pb.RateLimitResponse(overall_code=limit_pb.RateLimitResponse.OK)
        verdict = await self._rate_limits.admit(call)
        headers = _standing(verdict.limits)
        if verdict.refusal is None:
            return limit_pb.RateLimitResponse(
                overall_code=limit_pb.RateLimitResponse.OK, response_headers_to_add=headers
            )
        is_grpc = said.get("content_type", "").startswith("application/grpc")
        return limit_pb.RateLimitResponse(
            overall_code=limit_pb.RateLimitResponse.OVER_LIMIT,
            response_headers_to_add=[*headers, *_refusal_headers(verdict.refusal, is_grpc)],
            raw_body=b"" if is_grpc else _body(verdict.refusal),
        )


def _call(said: dict[str, str]) -> Call | None:
    """Reads what the proxy says of a call; None when it names nobody."""
    user = said.get("user", "")
    if not user:
        return None
    name = said.get("role", "").upper()
    role = Role(name) if name in Role.__members__ else Role.FREE
    return Call(user, role, said.get("key", ""), said.get("rpc", "") in RECOGNITIONS)


def _standing(limits: tuple[Limit, ...]) -> list[limit_pb.HeaderValue]:
    """Returns the header fields of the IETF's draft: what the limits are, and what is left."""
    if not limits:
        return []
    policies = ", ".join(f'"{x.name}";q={x.amount};w={x.window_seconds}' for x in limits)
    left = ", ".join(f'"{x.name}";r={x.remaining};t={x.seconds_left}' for x in limits)
    return [_header("ratelimit-policy", policies), _header("ratelimit", left)]


def _refusal_headers(refusal: ServiceError, is_grpc: bool) -> list[limit_pb.HeaderValue]:
    seconds = round(refusal.retry_after_seconds or 1)
    headers = [_header("retry-after", str(seconds))]
    if is_grpc:
        details = base64.b64encode(to_status(refusal).SerializeToString()).decode("ascii")
        headers.append(_header(STATUS_DETAILS_KEY, details))
        headers.append(_header("grpc-message", quote(refusal.message)))
    return headers


def _body(refusal: ServiceError) -> bytes:
    return json_format.MessageToJson(to_status(refusal), indent=None).encode()


def _header(key: str, value: str) -> limit_pb.HeaderValue:
    return limit_pb.HeaderValue(key=key, value=value)
