"""HTTP filters, in the order in which a request passes them."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from mesh.envoy.access import ext_authz, jwt_authn
from mesh.envoy.contracts import DESCRIPTORS, RestBinding, descriptors_of
from mesh.envoy.limits import flood_filters, limit_filters
from mesh.envoy.methods import METHODS

if TYPE_CHECKING:
    from mesh.envoy.address import Json, JsonValue
    from mesh.envoy.methods import Method
    from mesh.envoy.plan import MeshPlan

_TRANSCODER = "grpc_json_transcoder.v3.GrpcJsonTranscoder"
_HTTP = "type.googleapis.com/envoy.extensions.filters.http"
_AUDIO_BYTES_MAX = 16 * 1024 * 1024
# Base64 makes four bytes of three; the rest is what JSON and metadata add.
_JSON_BYTES_MAX = _AUDIO_BYTES_MAX * 4 // 3 + 64 * 1024
_RESPONSE_BYTES_MAX = 32 * 1024 * 1024
#: Largest body of a call about an account; anybody may send one.
FORM_BYTES_MAX = 64 * 1024
# What a message has beside its audio or fingerprint, and one about the catalogue in all.
_MESSAGE_EXTRA_BYTES = 128 * 1024
_CATALOG_BYTES_MAX = 1024 * 1024
_LARGE = ("Recognize", "RegisterTrack", "CreateTrack", "CreateImport")

# Below it the saving is not worth the work.
_COMPRESSED_BYTES_MIN = 1024

#: Headers by which services of the mesh tell each other who calls. A client's are never believed.
INTERNAL_HEADER_PREFIX = "x-sonica-"
BUFFER = "envoy.filters.http.buffer"
HEADER_MUTATION = "envoy.filters.http.header_mutation"
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
#: Answers 200 when every service has a healthy replica and the edge is not draining, else 503.
READY_PATH = "/healthz"


def edge_filters(plan: MeshPlan) -> list[Json]:
    """Returns the filters of the edge.

    Who calls is decided between `readiness` and `grpc_web`, each filter seeing the request as it
    came and the route it will take.
    """
    return [
        cors(),
        strip_internal_headers(),
        readiness(),
        *flood_filters(plan),
        *access_filters(plan),
        grpc_web(),
        *limit_filters(plan),
        compressor(),
        buffer(),
        transcoder(),
        router(),
    ]


def access_filters(plan: MeshPlan) -> list[Json]:
    """Returns the filters that decide who calls and whether they may; none in an open mesh."""
    return [] if plan.open else [jwt_authn(plan), ext_authz()]


def internal_filters() -> list[Json]:
    """Returns the filters between services."""
    return [router()]


def cors() -> Json:
    """Answers preflights; the policy stands at the virtual host."""
    return _filter("cors", "cors.v3.Cors")


def cors_policy(allowed_origins: tuple[str, ...]) -> Json:
    """Returns what pages of the allowed origins may send and read."""
    return {
        "@type": f"{_HTTP}.cors.v3.CorsPolicy",
        "allow_origin_string_match": [
            {"safe_regex": {"regex": origin_pattern(origin)}} for origin in allowed_origins
        ],
        "allow_methods": "GET, POST, PATCH, DELETE",
        "allow_headers": "authorization, content-type, grpc-timeout, x-api-key, x-grpc-web, "
        "x-user-agent, traceparent, tracestate",
        "expose_headers": "grpc-status, grpc-message, grpc-status-details-bin, ratelimit, "
        "ratelimit-policy, retry-after",
        "max_age": "3600",
    }


def origin_pattern(origin: str) -> str:
    """Returns the expression for an origin in which `*` stands for a port or a host label."""
    return "[A-Za-z0-9-]+".join(re.escape(part) for part in origin.split("*"))


def strip_internal_headers() -> Json:
    """Removes headers that no client may send, before any filter that might trust or set them.

    Identity is what the edge says it is. The others HTTP allows and gRPC does not, or no service
    reads: a server refuses the whole call as INTERNAL when it cannot parse one of them.
    """
    names: tuple[Json, ...] = (
        {"prefix": INTERNAL_HEADER_PREFIX},
        {"suffix": "-bin"},
        {"safe_regex": {"regex": ".*[^a-z0-9_.:-].*"}},
        {"exact": "grpc-previous-rpc-attempts"},
        {"exact": "grpc-retry-pushback-ms"},
    )
    removals: list[JsonValue] = [{"remove_on_match": {"key_matcher": name}} for name in names]
    return _filter(
        "header_mutation",
        "header_mutation.v3.HeaderMutation",
        mutations={"request_mutations": removals},
    )


def answers_as(content_type: str) -> Json:
    """Returns what gives all answers of a route a content type, after the transcoder has its say.

    The transcoder calls a stream of JSON objects JSON, which it is not.
    """
    header: Json = {"key": "content-type", "value": content_type}
    change: Json = {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    return {
        "@type": f"{_HTTP}.header_mutation.v3.HeaderMutationPerRoute",
        "mutations": {"response_mutations": [change]},
    }


def readiness() -> Json:
    """Answers READY_PATH from the state of the health checks, without asking a service."""
    # Nothing is recognised through accounts: while they are away, the rest is ready.
    upstreams = sorted({row.upstream for row in METHODS} - {"user"})
    return _filter(
        "health_check",
        "health_check.v3.HealthCheck",
        pass_through_mode=False,
        headers=[{"name": ":path", "string_match": {"exact": READY_PATH}}],
        # Any share above zero: one healthy replica is enough to answer.
        cluster_min_healthy_percentages={upstream: {"value": 1} for upstream in upstreams},
    )


def grpc_web() -> Json:
    """Turns gRPC-Web into gRPC."""
    return _filter("grpc_web", "grpc_web.v3.GrpcWeb")


def compressor() -> Json:
    """Compresses JSON and documents for callers that accept it; gRPC is left as it is."""
    library: Json = {
        "name": "gzip",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip",
            "memory_level": 5,
            "window_bits": 12,
            "compression_level": "BEST_SPEED",
        },
    }
    return _filter(
        "compressor",
        "compressor.v3.Compressor",
        compressor_library=library,
        response_direction_config={"common_config": {"min_content_length": _COMPRESSED_BYTES_MIN}},
    )


def switched_off() -> Json:
    """Returns what turns a filter off for a route."""
    return {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}


def buffer() -> Json:
    """Collects bodies, so that no service sees a call before it is whole.

    Else whoever sends a beginning and no end has one of the calls that a service takes at once.
    Off unless a route says how much: streams must not be collected.
    """
    return {
        **_filter("buffer", "buffer.v3.Buffer", max_request_bytes=_JSON_BYTES_MAX),
        "disabled": True,
    }


def body_limit(body_field: str, upstream: str) -> Json:
    """Returns the body limit of a REST route: the audio itself, JSON that holds it, or a form."""
    limit = _JSON_BYTES_MAX if body_field == "*" else _AUDIO_BYTES_MAX
    # A body that is not read need not be large either.
    if upstream == "user" or not body_field:
        limit = FORM_BYTES_MAX
    return _collected(limit)


def message_limit(row: Method) -> Json:
    """Returns the body limit of an RPC that takes one message."""
    limit = _CATALOG_BYTES_MAX
    if row.upstream == "user":
        limit = FORM_BYTES_MAX
    elif row.name in _LARGE:
        limit = _AUDIO_BYTES_MAX + _MESSAGE_EXTRA_BYTES
    return _collected(limit)


def _collected(limit: int) -> Json:
    return {
        "@type": f"{_HTTP}.buffer.v3.BufferPerRoute",
        "buffer": {"max_request_bytes": limit},
    }


def transcoder() -> Json:
    """Turns REST into gRPC by the annotations of the contracts."""
    return _filter(
        "grpc_json_transcoder", _TRANSCODER, **_transcoding(), proto_descriptor=str(DESCRIPTORS)
    )


def transcoder_for(binding: RestBinding) -> Json:
    """Returns the transcoder of a route that Envoy would misread beside others of the contracts."""
    descriptors = base64.b64encode(descriptors_of(binding)).decode("ascii")
    return {
        "@type": f"{_HTTP}.{_TRANSCODER}",
        **_transcoding(),
        "services": [binding.service],
        "proto_descriptor_bin": descriptors,
    }


def _transcoding() -> Json:
    return {
        "services": [*sorted({row.service for row in METHODS if row.exposed})],
        # The route found for the REST path stays: a filter that decided by it cannot be bypassed.
        "match_incoming_request_route": True,
        "convert_grpc_status": True,
        "url_unescape_spec": "ALL_CHARACTERS",
        # What forms, and nearly all libraries, write for a space.
        "query_param_unescape_plus": True,
        "case_insensitive_enum_parsing": True,
        "max_request_body_size": _JSON_BYTES_MAX,
        "max_response_body_size": _RESPONSE_BYTES_MAX,
        "request_validation_options": {
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
        },
        "print_options": {"always_print_primitive_fields": True, "stream_newline_delimited": True},
    }


def router() -> Json:
    """Sends the request to the route's cluster; always last."""
    return _filter("router", "router.v3.Router", suppress_envoy_headers=True)


def _filter(name: str, kind: str, **config: object) -> Json:
    typed: Json = {"@type": f"{_HTTP}.{kind}", **config}  # type: ignore[dict-item]  # JSON by hand
    return {"name": f"envoy.filters.http.{name}", "typed_config": typed}
