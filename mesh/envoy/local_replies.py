"""Errors that Envoy itself answers with, in the form services answer with.

REST callers get `google.rpc.Status` as JSON with one ErrorInfo, as the transcoder writes it for
errors of services. gRPC callers keep Envoy's own mapping: a JSON text would end up inside their
grpc-message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.envoy.access_replies import access_mappers, is_rest, status_json

if TYPE_CHECKING:
    from mesh.envoy.address import Json

DOMAIN = "sonica.edge"
_REQUEST_LINE = "%REQ(:METHOD)% %PATH(NQ:ORIG_OR_PATH)%"


@dataclass(frozen=True)
class LocalError:
    """One error of the edge.

    Attributes:
        status: HTTP status, or the lowest of its hundred when `family`.
        code: number of the gRPC code.
        reason: of the ErrorInfo.
        family: whether it stands for all statuses from `status` on not named by another.
        message: instead of Envoy's own text, which is empty for some.
        paths: expression for the paths it stands for; empty means all.
    """

    status: int
    code: int
    reason: str
    family: bool = False
    message: str = "%LOCAL_REPLY_BODY%"
    paths: str = ""


LOCAL_ERRORS = (
    LocalError(400, 3, "REQUEST_MALFORMED"),
    LocalError(403, 7, "ORIGIN_NOT_ALLOWED"),
    LocalError(404, 5, "ROUTE_NOT_FOUND", message=f"no such method and path: {_REQUEST_LINE}"),
    LocalError(408, 4, "REQUEST_TIMEOUT", message="the request did not arrive in time"),
    LocalError(
        413,
        8,
        "BODY_TOO_LARGE",
        message="the body is larger than the 64 KiB that a request about an account may have",
        paths="/v1/(users|sessions).*",
    ),
    LocalError(
        413,
        8,
        "AUDIO_TOO_LARGE",
        message="the body is larger than the 16 MiB of audio that one request may carry; "
        "send a shorter clip, or stream it over gRPC",
    ),
    LocalError(429, 8, "RATE_LIMITED"),
    LocalError(503, 14, "UPSTREAM_UNAVAILABLE"),
    LocalError(504, 4, "DEADLINE_EXCEEDED", message="the service did not answer in time"),
    LocalError(500, 13, "EDGE_FAILED", family=True),
    LocalError(400, 3, "REQUEST_REFUSED", family=True),
)


def local_reply_config() -> Json:
    """Returns the mapping from Envoy's own replies to typed errors; the first that fits is taken.

    Refusals of callers are typed for gRPC too, all others for REST only.
    """
    return {"mappers": [*access_mappers(), *(_mapper(error) for error in LOCAL_ERRORS)]}


def _mapper(error: LocalError) -> Json:
    compare = {"op": "GE" if error.family else "EQ", "value": _runtime(error)}
    status: Json = {"status_code_filter": {"comparison": compare}}  # type: ignore[dict-item]
    body = status_json(error.code, error.message, error.reason, DOMAIN)
    return {
        "filter": {"and_filter": {"filters": [status, *_on(error.paths), is_rest()]}},
        "body_format_override": {"json_format": body, "content_type": "application/json"},
    }


def _on(paths: str) -> list[Json]:
    if not paths:
        return []
    match: Json = {"name": ":path", "string_match": {"safe_regex": {"regex": paths}}}
    return [{"header_filter": {"header": match}}]


def _runtime(error: LocalError) -> Json:
    return {"default_value": error.status, "runtime_key": f"sonica.unused.{error.reason.lower()}"}
