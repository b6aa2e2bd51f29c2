"""`envoy.service.auth.v3.Authorization`: the question of Envoy in, the decision out.

A refusal is an answer, not an error: it carries what the caller gets, by REST the JSON that the
transcoder would write, by gRPC the status details. What fails in here ends the question with an
error, and Envoy refuses the call as undecided.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import status_pb2
from sonica.envoy.auth.v3 import external_auth_pb2 as auth
from sonica.envoy.auth.v3 import external_auth_pb2_grpc as auth_grpc

from mesh.runtime.errors import STATUS_DETAILS_KEY, ServiceError, to_status
from user_svc.access_tokens import claims_from
from user_svc.edge_access import Asked, EdgeAccess, Level
from user_svc.messages import user_name
from user_svc.model import Caller, Scope

_JWT_AUTHN, _CLAIMS = "envoy.filters.http.jwt_authn", "claims"
_HTTP_STATUSES = {grpc.StatusCode.UNAUTHENTICATED: 401, grpc.StatusCode.PERMISSION_DENIED: 403}
_JSON = "application/json"


class AuthorizationServicer(auth_grpc.AuthorizationServicer):
    """What ext_authz at the edge asks."""

    def __init__(self, access: EdgeAccess) -> None:
        self._access = access

    async def Check(  # noqa: N802 - gRPC's name
        self, request: auth.CheckRequest, _context: Any
    ) -> auth.CheckResponse:
        """Decides about one call."""
        try:
            caller = await self._access.check(_asked(request.attributes))
        except ServiceError as error:
            if error.code not in _HTTP_STATUSES:
                raise
            headers = request.attributes.request.http.headers
            return _denied(error, headers.get("content-type", ""))
        allowed = auth.OkHttpResponse(headers=_identity(caller) if caller else ())
        return auth.CheckResponse(ok_response=allowed)


def _asked(attributes: auth.AttributeContext) -> Asked:
    """Reads the question.

    Raises:
        ValueError: the configuration of Envoy is not ours.
    """
    route, headers = attributes.context_extensions, attributes.request.http.headers
    scope = route["scope"]
    verified = attributes.metadata_context.filter_metadata.get(_JWT_AUTHN)
    payload = json_format.MessageToDict(verified).get(_CLAIMS) if verified else None
    return Asked(
        Level(route["level"]),
        Scope(scope) if scope else None,
        claims_from(payload) if payload else None,
        headers.get("x-api-key"),
    )


def _identity(caller: Caller) -> list[auth.HeaderValueOption]:
    """Returns what tells services who calls."""
    user = "operator" if caller.is_operator else user_name(caller.user_id)
    told = [_header("x-sonica-user", user), _header("x-sonica-role", caller.role.value.lower())]
    if caller.key_id:
        told.append(_header("x-sonica-key", caller.key_id))
    return told


def _denied(error: ServiceError, content_type: str) -> auth.CheckResponse:
    status = to_status(error)
    if content_type.startswith("application/grpc"):
        details = base64.b64encode(status.SerializeToString()).decode().rstrip("=")
        body, header = status.message, _header(STATUS_DETAILS_KEY, details)
    else:
        body, header = _json(status), _header("content-type", _JSON)
    return auth.CheckResponse(
        status=status_pb2.Status(code=status.code),
        denied_response=auth.DeniedHttpResponse(
            status=auth.HttpStatus(code=_HTTP_STATUSES[error.code]), headers=[header], body=body
        ),
    )


def _json(status: status_pb2.Status) -> str:
    written = json_format.MessageToDict(status, always_print_fields_with_no_presence=True)
    return json.dumps(written, separators=(",", ":"))


def _header(name: str, value: str) -> auth.HeaderValueOption:
    header = auth.HeaderValueOption(header=auth.HeaderValue(key=name, value=value))
    header.append.value = False
    return header
