"""Who calls, and whether they may: the filters that tell, and what each route says to them.

Envoy verifies access tokens by the key set of user_svc, which it holds, so that a call with a
token needs nobody else. API keys and calls that not everybody may make are decided by user_svc,
asked by ext_authz; without it they are refused. The RPCs of user_svc itself are left to it: it
looks sessions up, and takes what it is sent unchanged.

A request for which a route says nothing is verified and asked about: forgetting it closes it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from mesh.envoy.contracts import Level, access_of
from mesh.envoy.durations import seconds

if TYPE_CHECKING:
    from mesh.envoy.address import Json
    from mesh.envoy.methods import Method
    from mesh.envoy.plan import MeshPlan

#: Cluster of the key set of user_svc.
KEYS_CLUSTER = "user_keys"
#: Cluster of user_svc where it is asked who calls, and how often they have.
DECISIONS_CLUSTER = "user_decisions"
JWT_AUTHN = "envoy.filters.http.jwt_authn"
EXT_AUTHZ = "envoy.filters.http.ext_authz"
#: Where jwt_authn leaves why it has refused a token.
FAILURE = "failure"
#: Where it leaves what a good one says.
CLAIMS = "claims"
KEY_HEADER = "x-api-key"
TOKEN_HEADER = "authorization"  # noqa: S105 - the name of a header
#: What tells services who calls, and is believed by them.
USER_HEADER, ROLE_HEADER = "x-sonica-user", "x-sonica-role"

_HTTP = "type.googleapis.com/envoy.extensions.filters.http"
_VERIFIED, _TOLD = "verified", "told"
# A key that was withdrawn is good for this much longer.
_KEY_SET_SECONDS = 5.0
_KEY_SET_TIMEOUT_SECONDS = 2.0
_SKEW_SECONDS = 30
_DECISION_SECONDS_MAX = 5.0


def _letters(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_HEADER_BEGINS = _letters('{"alg":"EdDSA","kid":')
_HEADER_ENDS = _letters(',"typ":"at+jwt"}')
# The header of a token of ours, byte for byte; the key id and its quotes are the 24 letters. So no
# algorithm, type, key address or extension of somebody else's is ever looked at.
TOKEN_PATTERN = (
    rf"[Bb]earer {_HEADER_BEGINS}[A-Za-z0-9_-]{{24}}{_HEADER_ENDS}"
    r"\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}"
)


def jwt_authn(plan: MeshPlan) -> Json:
    """Returns the filter that verifies access tokens and tells services whose they are."""
    provider: Json = {
        "issuer": plan.issuer,
        "audiences": [plan.audience],
        "require_expiration": True,
        "clock_skew_seconds": _SKEW_SECONDS,
        # Named, because otherwise a token in the query would be taken too, and logged.
        "from_headers": [
            {"name": TOKEN_HEADER, "value_prefix": prefix} for prefix in ("Bearer ", "bearer ")
        ],
        "forward": True,
        "claim_to_headers": [
            {"header_name": USER_HEADER, "claim_name": "sub"},
            {"header_name": ROLE_HEADER, "claim_name": "role"},
        ],
        "payload_in_metadata": CLAIMS,
        "failed_status_in_metadata": FAILURE,
        # No jwt_cache_config: it goes on accepting tokens of keys that were withdrawn.
        "remote_jwks": {
            "http_uri": {
                "uri": "http://user-svc/.well-known/jwks.json",
                "cluster": KEYS_CLUSTER,
                "timeout": seconds(_KEY_SET_TIMEOUT_SECONDS),
            },
            "cache_duration": seconds(_KEY_SET_SECONDS),
            # In the background, so that tokens stay good while user_svc is away.
            "async_fetch": {"failed_refetch_duration": seconds(1)},
        },
    }
    ours: Json = {"provider_name": "user_svc"}
    return _filter(
        JWT_AUTHN,
        "jwt_authn.v3.JwtAuthentication",
        providers={"user_svc": provider},
        requirement_map={
            # Nobody at all may call on: whether that is enough is decided behind.
            _VERIFIED: _any_of(ours, {"allow_missing": {}}),
            _TOLD: _any_of(ours, {"allow_missing_or_failed": {}}),
        },
        rules=[{"match": {"prefix": "/"}, "requirement_name": _VERIFIED}],
        strip_failure_response=True,
    )


def ext_authz() -> Json:
    """Returns the filter that asks user_svc, and refuses when it gets no answer."""
    return _filter(
        EXT_AUTHZ,
        "ext_authz.v3.ExtAuthz",
        grpc_service={
            "envoy_grpc": {"cluster_name": DECISIONS_CLUSTER},
            "timeout": seconds(_DECISION_SECONDS_MAX),
        },
        transport_api_version="V3",
        failure_mode_allow=False,
        status_on_error={"code": "ServiceUnavailable"},
        allowed_headers={"patterns": [{"exact": name} for name in (KEY_HEADER, "content-type")]},
        metadata_context_namespaces=[JWT_AUTHN],
    )


def needs_asking(row: Method, *, with_key: bool) -> bool:
    """Returns whether user_svc has to be asked about calls of an RPC, sent with a key or not."""
    if row.upstream == "user":
        return False
    return with_key or access_of(row.service, row.name).level is not Level.PUBLIC


def of_route(row: Method, *, with_key: bool) -> Json:
    """Returns what a route says to both filters."""
    rule = access_of(row.service, row.name)
    told: Json = {
        "@type": f"{_HTTP}.jwt_authn.v3.PerRouteConfig",
        "requirement_name": _TOLD if row.upstream == "user" else _VERIFIED,
    }
    asked: Json = _unasked()
    if needs_asking(row, with_key=with_key):
        asked = {
            "@type": f"{_HTTP}.ext_authz.v3.ExtAuthzPerRoute",
            "check_settings": {
                "context_extensions": {
                    "rpc": row.path.lstrip("/"),
                    "level": rule.level.name,
                    "scope": rule.scope,
                }
            },
        }
    return {JWT_AUTHN: told, EXT_AUTHZ: asked}


def of_refusal() -> Json:
    """Returns what a route that refuses everything by itself says to both filters."""
    return {
        JWT_AUTHN: {"@type": f"{_HTTP}.jwt_authn.v3.PerRouteConfig", "disabled": True},
        EXT_AUTHZ: _unasked(),
    }


def refuse_foreign_tokens() -> Json:
    """Returns the route that refuses a token which has not the form of ours, wherever it is sent.

    What is only almost a token must not pass for none, which is what jwt_authn takes it for.
    """
    ours: Json = {"safe_regex": {"regex": TOKEN_PATTERN}}
    return {
        "match": {
            "prefix": "/",
            "headers": [
                {"name": TOKEN_HEADER, "present_match": True},
                {"name": TOKEN_HEADER, "string_match": ours, "invert_match": True},
            ],
        },
        "direct_response": {"status": 401},
        "typed_per_filter_config": of_refusal(),
        "decorator": {"operation": "refuse_token", "propagate": False},
    }


def _unasked() -> Json:
    return {"@type": f"{_HTTP}.ext_authz.v3.ExtAuthzPerRoute", "disabled": True}


def _any_of(*requirements: Json) -> Json:
    return {"requires_any": {"requirements": [*requirements]}}


def _filter(name: str, kind: str, **config: object) -> Json:
    typed: Json = {"@type": f"{_HTTP}.{kind}", **config}  # type: ignore[dict-item]  # JSON by hand
    return {"name": name, "typed_config": typed}
