"""Errors that Envoy itself answers with, in the form services answer with.

REST callers get `google.rpc.Status` as JSON with one ErrorInfo, as the transcoder writes it for
errors of services. gRPC callers get the same status as details; what Envoy knows of the single case
is left out there, because details are bytes made beforehand.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from mesh.envoy.access_replies import access_mappers, is_rest, status_json
from mesh.envoy.content_types import MULTIPART
from mesh.envoy.limit_replies import limit_mappers, whole_grpc_answer

if TYPE_CHECKING:
    from mesh.envoy.address import Json
    from mesh.envoy.plan import MeshPlan

DOMAIN = "sonica.edge"
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
# UNAVAILABLE: it passes by itself, and soon.
_RETRIED = (14,)
_RETRY_SECONDS = 1
# A body that does not end, or not soon enough: its statuses say nothing to gRPC-Web.
_UNFINISHED = (408, 413)
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
        grpc_message: for gRPC callers, where `message` depends on the case.
        grpc_code: for gRPC callers, where a convention of gRPC has another.
        paths: expression for the paths it stands for; empty means all.
        content_types: likewise for the type that the body of the request says it has.
        methods: likewise for the HTTP method.
    """

    status: int
    code: int
    reason: str
    family: bool = False
    message: str = "%LOCAL_REPLY_BODY%"
    grpc_message: str = ""
    grpc_code: int | None = None
    paths: str = ""
    content_types: str = ""
    methods: str = ""


LOCAL_ERRORS = (
    LocalError(400, 3, "REQUEST_MALFORMED", grpc_message="the request cannot be read"),
    LocalError(
        403, 7, "ORIGIN_NOT_ALLOWED", message="this web origin is not among the allowed ones"
    ),
    LocalError(
        404,
        5,
        "ROUTE_NOT_FOUND",
        message=f"no such method and path: {_REQUEST_LINE}",
        grpc_message="no such service or method",
        grpc_code=12,
    ),
    LocalError(408, 4, "REQUEST_TIMEOUT", message="the request did not arrive in time"),
    LocalError(
        413,
        8,
        "BODY_TOO_LARGE",
        message="the body is larger than the 64 KiB that a request about an account may have",
        paths="/(v1/(users|sessions)|sonica[.]user[.]).*",
    ),
    LocalError(
        413,
        8,
        "BODY_TOO_LARGE",
        message="the body is larger than the 64 KiB that a request may have whose body is not read",
        methods="GET|DELETE",
    ),
    LocalError(
        413,
        8,
        "BODY_TOO_LARGE",
        message="the message is larger than a call about the catalogue may be: 1 MiB, or 16 MiB "
        "that create a track or an import",
        paths="/sonica[.]catalog[.].*",
    ),
    LocalError(
        413,
        8,
        "AUDIO_TOO_LARGE",
        message="the body is larger than the 16 MiB of audio that one request may carry; "
        "send a shorter clip, or stream it over gRPC",
    ),
    LocalError(
        415,
        3,
        "MULTIPART_NOT_SUPPORTED",
        message="the body is a form; send the file itself as the body, "
        "as curl --data-binary @clip.mp3 does",
        content_types=MULTIPART,
    ),
    LocalError(415, 3, "CONTENT_TYPE_NOT_SUPPORTED", grpc_message="this route does not take gRPC"),
    LocalError(
        503, 14, "UPSTREAM_UNAVAILABLE", message="no replica of the service can be reached for now"
    ),
    LocalError(504, 4, "DEADLINE_EXCEEDED", message="the service did not answer in time"),
    LocalError(500, 13, "EDGE_FAILED", family=True, grpc_message="the edge failed"),
    LocalError(400, 3, "REQUEST_REFUSED", family=True, grpc_message="the request is refused"),
)


def local_reply_config(plan: MeshPlan) -> Json:
    """Returns the mapping of Envoy's own replies to typed errors; the first that fits is taken."""
    own = [mapper for error in LOCAL_ERRORS for mapper in (_for_rest(error), _for_grpc(error))]
    return {"mappers": [*limit_mappers(plan), *access_mappers(), *own]}


def _for_rest(error: LocalError) -> Json:
    body = status_json(error.code, error.message, error.reason, DOMAIN)
    if error.code in _RETRIED:
        details: Any = body["details"]
        details.append({"@type": _RETRY_INFO, "retryDelay": f"{_RETRY_SECONDS}s"})
    return {
        "filter": {"and_filter": {"filters": [*_fitting(error), is_rest()]}},
        "body_format_override": {"json_format": body, "content_type": "application/json"},
    }


def _for_grpc(error: LocalError) -> Json:
    code = error.code if error.grpc_code is None else error.grpc_code
    message = error.grpc_message or error.message
    info, retry = PackedAny(), PackedAny()
    info.Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN))
    retry.Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=_RETRY_SECONDS)))
    details = [info, retry] if error.code in _RETRIED else [info]
    status = status_pb2.Status(code=code, message=message, details=details)
    encoded = base64.b64encode(status.SerializeToString()).decode().rstrip("=")
    headers = {
        # Envoy's own choice, by the HTTP status, would contradict the details.
        "grpc-status": str(code),
        "grpc-status-details-bin": encoded,
    }
    fitting = _fitting(error)
    # Envoy takes no conjunction of one.
    fits: Json = fitting[0] if len(fitting) == 1 else {"and_filter": {"filters": [*fitting]}}
    if error.status in _UNFINISHED:
        return whole_grpc_answer(fits, code, headers | {"grpc-message": quote(message)})
    return {
        "filter": fits,
        "body": {"inline_string": message},
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }


def _fitting(error: LocalError) -> list[Json]:
    compare = {"op": "GE" if error.family else "EQ", "value": _runtime(error)}
    status: Json = {"status_code_filter": {"comparison": compare}}  # type: ignore[dict-item]
    return [
        status,
        *_on(":path", error.paths),
        *_on("content-type", error.content_types),
        *_on(":method", error.methods),
    ]


def _on(header: str, values: str) -> list[Json]:
    if not values:
        return []
    match: Json = {"name": header, "string_match": {"safe_regex": {"regex": values}}}
    return [{"header_filter": {"header": match}}]


def _runtime(error: LocalError) -> Json:
    return {"default_value": error.status, "runtime_key": f"sonica.unused.{error.reason.lower()}"}
