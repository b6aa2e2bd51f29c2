"""What a refused caller is told: the same typed error by REST and by gRPC.

Three come to refuse. A token that is not good is refused here, in the same words whatever is wrong
with it: those of user_svc. When user_svc decides, it says what it is, and that is passed on. When
it cannot be asked, that is said here.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from mesh.envoy.access import FAILURE, JWT_AUTHN
from mesh.envoy.durations import seconds

if TYPE_CHECKING:
    from mesh.envoy.address import Json


class Refusal(NamedTuple):
    """One way to be refused at the edge.

    Attributes:
        status: HTTP status.
        code: number of the gRPC code.
        reason: of the ErrorInfo.
        domain: of the ErrorInfo.
        message: for all causes the same.
        retry_seconds: when a retry makes sense; None means that it does not.
    """

    status: int
    code: int
    reason: str
    domain: str
    message: str
    retry_seconds: int | None = None


REFUSED = Refusal(
    401,
    16,
    "CREDENTIALS_REFUSED",
    "sonica.user",
    "the credentials are not valid, or not any more; log in again",
)
UNDECIDED = Refusal(
    503,
    14,
    "ACCESS_UNDECIDED",
    "sonica.edge",
    "it cannot be told for now whether this call is allowed; try again",
    retry_seconds=1,
)
ACCESS_ERRORS = (REFUSED, UNDECIDED)
# Words of jwt_authn.
_KEYS_MISSING = "Jwks remote fetch is failed"
_ERROR_INFO, _RETRY_INFO = (
    f"type.googleapis.com/{detail.DESCRIPTOR.full_name}"
    for detail in (error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo)
)


def access_mappers() -> list[Json]:
    """Returns the mappers of all refusals, the more special ones first."""
    # For a wrong audience jwt_authn says 403. It says of each call without a token, too, that the
    # token is missing; such a call only user_svc can have refused, which comes first.
    ended: Json = {"or_filter": {"filters": [_status(401), _status(403)]}}
    return [
        *(_as_it_is(status) for status in (401, 403)),
        *_typed([_asked(), _status(503)], UNDECIDED),
        # A token cannot be judged before the first key set has come.
        *_typed([ended, _jwt_authn_said(_KEYS_MISSING)], UNDECIDED),
        *_typed([ended, _jwt_authn_said()], REFUSED),
        # Only `refuse_foreign_tokens` is left to say this.
        *_typed([_status(401)], REFUSED),
    ]


def status_json(code: int, message: str, reason: str, domain: str) -> Json:
    """Returns google.rpc.Status with one ErrorInfo, as the transcoder writes it."""
    info: Json = {"@type": _ERROR_INFO, "reason": reason, "domain": domain, "metadata": {}}
    return {"code": code, "message": message, "details": [info]}


def is_rest() -> Json:
    """Matches REST callers, also after the transcoder has made their request a gRPC one."""
    grpc: Json = {
        "header_filter": {
            "header": {
                "name": "content-type",
                "string_match": {"prefix": "application/grpc"},
                "invert_match": True,
                "treat_missing_header_as_empty": True,
            }
        }
    }
    # Set by the transcoder; a client's own is removed, as every x-envoy- header is at the edge.
    transcoded: Json = {
        "header_filter": {"header": {"name": "x-envoy-original-path", "present_match": True}}
    }
    return {"or_filter": {"filters": [grpc, transcoded]}}


def _typed(filters: list[Json], refusal: Refusal) -> list[Json]:
    """Returns the mappers of one refusal: JSON for REST, status details for gRPC."""
    body = status_json(refusal.code, refusal.message, refusal.reason, refusal.domain)
    if refusal.retry_seconds is not None:
        retry: Json = {"@type": _RETRY_INFO, "retryDelay": seconds(refusal.retry_seconds)}
        body["details"] = [*body["details"], retry]  # type: ignore[misc]  # a list, made above
    status = json_format.ParseDict(body, status_pb2.Status())
    details = base64.b64encode(status.SerializeToString()).decode().rstrip("=")
    return [
        {
            "filter": _all([*filters, is_rest()]),
            "status_code": refusal.status,
            "body_format_override": {"json_format": body, "content_type": "application/json"},
        },
        {
            "filter": _all(filters),
            "status_code": refusal.status,
            "body": {"inline_string": refusal.message},
            "headers_to_add": [
                {
                    "header": {"key": "grpc-status-details-bin", "value": details},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                }
            ],
        },
    ]


def _as_it_is(http_status: int) -> Json:
    body: Json = {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"}}
    return {"filter": _all([_asked(), _status(http_status)]), "body_format_override": body}


def _asked() -> Json:
    """Matches what ext_authz has ended."""
    return {"response_flag_filter": {"flags": ["UAEX"]}}


def _jwt_authn_said(words: str = "") -> Json:
    """Matches calls of which jwt_authn has said this, or anything."""
    value: Json = {"string_match": {"exact": words}} if words else {"present_match": True}
    return {
        "metadata_filter": {
            "matcher": {
                "filter": JWT_AUTHN,
                "path": [{"key": FAILURE}, {"key": "message"}],
                "value": value,
            },
            "match_if_key_not_found": False,
        }
    }


def _status(http_status: int) -> Json:
    value: Json = {"default_value": http_status, "runtime_key": f"sonica.unused.{http_status}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _all(filters: list[Json]) -> Json:
    return filters[0] if len(filters) == 1 else {"and_filter": {"filters": [*filters]}}
