"""Routes: one for each RPC and each REST binding, and nothing else.

No prefix routes: a path that is not listed matches nothing and never reaches a service, and an
authorisation filter sees the same route that will be used. No `grpc: {}` matches either, which
would refuse gRPC-Web and preflights.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mesh.envoy.access import (
    KEY_HEADER,
    TOKEN_HEADER,
    needs_asking,
    of_refusal,
    of_route,
    refuse_foreign_tokens,
)
from mesh.envoy.address import is_loopback
from mesh.envoy.content_types import refuse_wrong_type
from mesh.envoy.contracts import RestBinding, Rpc, rpcs
from mesh.envoy.durations import seconds
from mesh.envoy.filters import (
    BUFFER,
    HEADER_MUTATION,
    TRANSCODER,
    answers_as,
    body_limit,
    cors_policy,
    message_limit,
    origin_pattern,
    switched_off,
    transcoder_for,
)
from mesh.envoy.limits import counted, tell_address
from mesh.envoy.malformed import ENCODING_HEADER, refuse_malformed
from mesh.envoy.methods import METHODS, Method, method
from mesh.envoy.pages import PAGE_BYTES_MAX, page_routes
from mesh.envoy.reflection import reflection_routes
from mesh.envoy.retries import retry_policy

if TYPE_CHECKING:
    from mesh.envoy.address import Json
    from mesh.envoy.plan import MeshPlan

# Clips and catalogue calls fit; a longer request is sent once, without a copy kept for a retry.
RETRY_BUFFER_BYTES = 4 * 1024 * 1024
# A page whose name an attacker has made point at this machine says that name as its host.
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def edge_routes(plan: MeshPlan) -> Json:
    """Returns the route configuration of the edge: exposed RPCs, then their REST bindings."""
    exposed = [row for row in METHODS if row.exposed]
    unasked = {} if plan.open else of_refusal()
    return _route_configuration(
        "edge",
        [
            _refuse_foreign_pages(plan, unasked),
            *refuse_malformed(unasked),
            *page_routes(unasked),
            *(reflection_routes(unasked) if plan.reflection else []),
            *([] if plan.open else [refuse_foreign_tokens()]),
            *(
                route
                for row in exposed
                for route in _edge_routes(row, _whole(row, _rpc_route(row, plan)), plan)
            ),
            *(
                refuse_wrong_type(binding, _path_pattern(binding.template), unasked)
                for rpc in rpcs()
                for binding in rpc.rest
            ),
            *(
                route
                for rpc in rpcs()
                for binding in rpc.rest
                for route in _rest_routes(binding, rpc, plan)
            ),
        ],
        {"envoy.filters.http.cors": cors_policy(plan.allowed_origins)},
        LOOPBACK_NAMES if is_loopback(plan.edge) else ("*",),
    ) | ({} if plan.open else {"request_headers_to_add": [tell_address()]})


def internal_routes(plan: MeshPlan) -> Json:
    """Returns the route configuration between services: everything but the gateway's own RPCs."""
    inner = [row for row in METHODS if row.upstream != "gateway"]
    return _route_configuration("mesh", [_rpc_route(row, plan) for row in inner], {})


def _route_configuration(
    name: str, routes: list[Json], per_filter: dict[str, Any], domains: tuple[str, ...] = ("*",)
) -> Json:
    host: Json = {
        "name": name,
        "domains": [*domains],
        "routes": [*routes],
        "request_body_buffer_limit": RETRY_BUFFER_BYTES,
        "typed_per_filter_config": per_filter,
    }
    return {
        "name": name,
        "virtual_hosts": [host],
        "ignore_port_in_host_matching": True,
        "max_direct_response_body_size_bytes": PAGE_BYTES_MAX,
    }


def _edge_routes(row: Method, route: Json, plan: MeshPlan) -> list[Json]:
    """Returns the routes of one RPC or binding at the edge: with an API key, and without one.

    Whether user_svc is asked is a matter of the route, so a call with a key takes its own.
    """
    if row.upstream != "user":
        removed: Any = route.get("request_headers_to_remove", [])
        route = route | {"request_headers_to_remove": [*removed, TOKEN_HEADER, KEY_HEADER]}
    if plan.open:
        return [route]
    per_filter: Any = route.get("typed_per_filter_config", {})

    def checked(*, with_key: bool) -> Json:
        said = of_route(row, with_key=with_key)
        counts = counted(row, asked=needs_asking(row, with_key=with_key))
        return route | counts | {"typed_per_filter_config": {**per_filter, **said}}

    if needs_asking(row, with_key=True) == needs_asking(row, with_key=False):
        return [checked(with_key=False)]
    match: Any = route["match"]
    has_key: Json = {"name": KEY_HEADER, "present_match": True}
    match = match | {"headers": [*match.get("headers", []), has_key]}
    return [checked(with_key=True) | {"match": match}, checked(with_key=False)]


def _rpc_route(row: Method, plan: MeshPlan) -> Json:
    return {"match": {"path": row.path}, **_action(row, plan)}


def _whole(row: Method, route: Json) -> Json:
    """Returns the route of an RPC, whose call goes on when it is whole, unless it is a stream."""
    takes_stream = any(
        rpc.takes_stream for rpc in rpcs() if (rpc.service, rpc.name) == (row.service, row.name)
    )
    if takes_stream:
        return route
    return route | {"typed_per_filter_config": {BUFFER: message_limit(row)}}


def _rest_routes(binding: RestBinding, rpc: Rpc, plan: MeshPlan) -> list[Json]:
    """Returns the routes of one REST binding, matched before the transcoder rewrites the path."""
    row = method(binding.service, binding.name)
    if not row.exposed:
        raise ValueError(f"{row.path} has a REST binding but is not exposed")
    route: Json = {
        "match": {
            "safe_regex": {"regex": _path_pattern(binding.template)},
            # A preflight is answered by the CORS filter, which needs a route that would be taken.
            "headers": [
                {
                    "name": ":method",
                    "string_match": {"safe_regex": {"regex": f"{binding.verb}|OPTIONS"}},
                }
            ],
        },
        **_action(row, plan),
        # It would speak of the message that the transcoder makes, of which it knows nothing.
        "request_headers_to_remove": [ENCODING_HEADER],
    }
    per_filter: Json = {}
    # A stream goes on as it comes; the service bounds it.
    if not rpc.takes_stream:
        per_filter[BUFFER] = body_limit(binding.body, row.upstream)
    if rpc.gives_lines:
        per_filter[HEADER_MUTATION] = answers_as("application/x-ndjson")
    if binding != rpc.rest[0] or binding.ends_in_anything:
        per_filter[TRANSCODER] = transcoder_for(binding)
    return _edge_routes(row, route | {"typed_per_filter_config": per_filter}, plan)


def _path_pattern(template: str) -> str:
    """Returns the expression for a path template.

    A plain variable is one segment. One with a pattern of its own, `{name=users/*}`, is the name of
    a resource, of as many segments as that has. It ends at a colon: what follows is the verb of
    another RPC, whose route it must not take.
    """
    parts = re.split(r"(\{[^}]*\})", template)
    return "".join(_variable(part) if part.startswith("{") else re.escape(part) for part in parts)


def _variable(written: str) -> str:
    _, _, pattern = written.strip("{}").partition("=")
    if not pattern:
        return "[^/]+"
    return "[^/:]+".join(re.escape(part) for part in pattern.split("*"))


def _action(row: Method, plan: MeshPlan) -> Json:
    """Returns what to do with a call: where it goes, how long it may take, how it is retried."""
    replicas = len(getattr(plan, row.upstream))
    idle: Json = {} if row.idle_seconds is None else {"idle_timeout": seconds(row.idle_seconds)}
    return {
        "route": {
            "cluster": row.upstream,
            # Both are needed. The first also becomes the deadline that the service sees; without
            # the second a caller's own would not be honoured. `timeout` would end a call as
            # UNAVAILABLE, which callers retry; these end it as DEADLINE_EXCEEDED.
            "max_stream_duration": {
                "max_stream_duration": seconds(row.timeout_seconds),
                "grpc_timeout_header_max": seconds(row.longest_seconds),
            },
            "timeout": "0s",
            **idle,
            "retry_policy": retry_policy(row, replicas),
        },
        "decorator": {"operation": row.path.lstrip("/"), "propagate": False},
    }


def _refuse_foreign_pages(plan: MeshPlan, unasked: Json) -> Json:
    """Returns the route that refuses requests of web pages from other origins.

    CORS only hides answers from such a page. A plain form post is not preflighted, so without this
    any page that a user opens could write to the catalogue on their machine.
    """
    pattern = "|".join(origin_pattern(origin) for origin in plan.allowed_origins)
    allowed: Json = {"safe_regex": {"regex": pattern or "-"}}
    return {
        "match": {
            "prefix": "/",
            "headers": [
                {"name": "origin", "present_match": True},
                {"name": "origin", "string_match": allowed, "invert_match": True},
            ],
        },
        "direct_response": {
            "status": 403,
            "body": {"inline_string": "this web origin is not among the allowed ones"},
        },
        "typed_per_filter_config": {TRANSCODER: switched_off(), **unasked},
        "decorator": {"operation": "refuse_origin", "propagate": False},
    }
