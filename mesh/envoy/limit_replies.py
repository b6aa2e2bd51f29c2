"""What a caller beyond a limit is told: the same typed error by REST and by gRPC.

Limits of addresses are constant, so what is said of them is too: the longest time after which one
more call passes. Limits of accounts are user_svc's, which writes the whole reply itself.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from mesh.envoy.access_replies import is_rest
from mesh.envoy.limits import AddressLimit, address_limits

if TYPE_CHECKING:
    from mesh.envoy.address import Json
    from mesh.envoy.plan import MeshPlan

_RESOURCE_EXHAUSTED = 8
_DOMAIN = "sonica.edge"


def limit_mappers(plan: MeshPlan) -> list[Json]:
    """Returns the mappers of all refusals for too many calls."""
    if plan.open:
        return []
    return [
        *_as_user_svc_says(),
        *(mapper for limit in address_limits(plan) for mapper in _mappers(limit)),
    ]


def _as_user_svc_says() -> list[Json]:
    """Returns the mappers of what user_svc refuses: its body for REST, its headers for gRPC."""
    # The flag is set when user_svc refuses, and not when Envoy does.
    by_user_svc: Json = {"response_flag_filter": {"flags": ["RL"]}}
    return [
        {
            "filter": {"and_filter": {"filters": [by_user_svc, is_rest()]}},
            "body_format_override": {
                "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
                "content_type": "application/json",
            },
        },
        whole_grpc_answer(by_user_svc, _RESOURCE_EXHAUSTED, {}),
    ]


def whole_grpc_answer(refused: Json, code: int, headers: dict[str, str]) -> Json:
    """Returns a mapper to gRPC's form of a refusal, in headers alone.

    Of a gRPC-Web caller the proxy makes a gRPC status out of the HTTP one, unless it finds a whole
    answer in gRPC's form: and 429 would become UNAVAILABLE, which is tried again at once.
    """
    added = {"grpc-status": str(code), **headers}
    return {
        "filter": refused,
        "status_code": 200,
        "body": {"inline_string": ""},
        "body_format_override": {
            "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
            "content_type": "application/grpc",
        },
        "headers_to_add": [
            {
                # Doubled, a per cent sign is no command of the proxy's.
                "header": {"key": key, "value": value.replace("%", "%%")},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
            for key, value in added.items()
        ],
    }


def _mappers(limit: AddressLimit) -> list[Json]:
    """Returns the mappers of one limit: JSON for REST, then status details for gRPC."""
    value: Json = {
        "default_value": limit.status,
        "runtime_key": f"sonica.unused.limit_{limit.name}",
    }
    refused: Json = {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}
    status = _status(limit)
    details = base64.b64encode(status.SerializeToString(deterministic=True)).decode().rstrip("=")
    return [
        {
            "filter": {"and_filter": {"filters": [refused, is_rest()]}},
            "status_code": 429,
            "body_format_override": {
                "json_format": json_format.MessageToDict(status),
                "content_type": "application/json",
            },
        },
        whole_grpc_answer(
            refused,
            _RESOURCE_EXHAUSTED,
            {"grpc-message": quote(status.message), "grpc-status-details-bin": details},
        ),
    ]


def _status(limit: AddressLimit) -> status_pb2.Status:
    message = (
        f"more than {limit.requests} {limit.calls} came from this address within "
        f"{limit.window_seconds} s; try again in {limit.wait_seconds} s{limit.advice}"
    )
    status = status_pb2.Status(code=_RESOURCE_EXHAUSTED, message=message)
    metadata = {"limit": str(limit.requests), "window_seconds": str(limit.window_seconds)}
    violation = error_details_pb2.QuotaFailure.Violation(subject="address", description=message)
    for detail in (
        error_details_pb2.ErrorInfo(reason="RATE_LIMITED", domain=_DOMAIN, metadata=metadata),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=limit.wait_seconds)),
        error_details_pb2.QuotaFailure(violations=[violation]),
    ):
        packed = PackedAny()
        packed.Pack(detail, deterministic=True)
        status.details.append(packed)
    return status
