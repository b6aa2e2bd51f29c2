"""Headers of gRPC with a value that is none: refused here, where it is the caller's fault.

A server that cannot parse them ends the call as INTERNAL, without a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.envoy.filters import TRANSCODER, switched_off

if TYPE_CHECKING:
    from mesh.envoy.address import Json

ENCODING_HEADER = "grpc-encoding"
_VALUES = {
    "grpc-timeout": (
        "[0-9]{1,8}[HMSmun]",
        "grpc-timeout is not 1 to 8 digits and a unit: H, M, S, m, u or n",
    ),
    ENCODING_HEADER: ("identity|deflate|gzip", "grpc-encoding is not identity, deflate or gzip"),
}


def refuse_malformed(unasked: Json) -> list[Json]:
    """Returns the routes that refuse such headers, wherever they are sent.

    Args:
        unasked: what tells the filters of access that nobody is asked who calls.
    """
    return [_refuse(header, *rule, unasked) for header, rule in _VALUES.items()]


def _refuse(header: str, pattern: str, words: str, unasked: Json) -> Json:
    return {
        "match": {
            "prefix": "/",
            "headers": [
                {"name": header, "present_match": True},
                {
                    "name": header,
                    "string_match": {"safe_regex": {"regex": pattern}},
                    "invert_match": True,
                },
            ],
        },
        "direct_response": {"status": 400, "body": {"inline_string": words}},
        "typed_per_filter_config": {TRANSCODER: switched_off(), **unasked},
        "decorator": {"operation": "refuse_header", "propagate": False},
    }
