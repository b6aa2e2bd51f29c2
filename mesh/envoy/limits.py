"""How many calls may come: from an address, and of a caller who is known.

Addresses are counted here, in Envoy: that works whatever else is down, and a flood costs no
service anything. Accounts and keys are counted by user_svc, asked by the global rate-limit
protocol, so that all proxies and replicas share one count; without it calls pass. Only calls count
whose route says so: health, preflights, documents and what no route takes do not.

Asking who calls comes before counting for whom, so it has a limit of its own that stands before it:
else a flood of made-up keys would cost user_svc a look into its database each.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from mesh.envoy.access import DECISIONS_CLUSTER
from mesh.envoy.durations import seconds
from mesh.envoy.methods import ACCOUNTS, SESSIONS

if TYPE_CHECKING:
    from mesh.envoy.address import Json
    from mesh.envoy.methods import Method
    from mesh.envoy.plan import MeshPlan

_HTTP = "type.googleapis.com/envoy.extensions.filters.http"
# What a route says of itself: that its calls count, that they are about credentials, that user_svc
# is asked about them, its RPC.
_METADATA, _COUNTED, _CREDENTIALS, _RPC = "sonica.limits", "counted", "credentials", "rpc"
_ASKED = "asked"
_YES = "yes"
_ABOUT_CREDENTIALS = (
    (ACCOUNTS, "Register"),
    (SESSIONS, "LogIn"),
    (SESSIONS, "Refresh"),
    (SESSIONS, "BeginSocialLogIn"),
    (SESSIONS, "CompleteSocialLogIn"),
)
_USER_HEADER = "x-sonica-user"
_ADDRESS_HEADER = "x-sonica-address"
_OPERATOR = "operator"
# Of an IPv6 address the first half counts: the rest is its holder's to choose. Many holders can
# choose more, down to what a site gets, so all of a site together have a bucket too.
_IPV4_BITS, _IPV6_BITS, _SITE_BITS = 32, 64, 48
_SITE, _SITE_TIMES = "site", 16
_STATUS_NAMES = {423: "Locked", 424: "FailedDependency", 429: "TooManyRequests"}


@dataclass(frozen=True)
class AddressLimit:
    """How many calls of a kind may come from one address.

    Attributes:
        name: in the header fields of answers.
        counts: what the route of a call that counts says.
        requests: the most at once; as many come again within a window, one after the other.
        window_seconds: time in which `requests` come again.
        status: with which Envoy refuses, so that replies can be told apart; callers see 429.
        calls: what is counted, in words.
        advice: what else than waiting helps.
    """

    name: str
    counts: str
    requests: int
    window_seconds: int
    status: int
    calls: str
    advice: str = ""

    @property
    def wait_seconds(self) -> int:
        """After how long, at most, one more call passes."""
        return ceil(self.window_seconds / self.requests)


def address_limits(plan: MeshPlan) -> list[AddressLimit]:
    """Returns the limits of addresses that are on."""
    anonymous = AddressLimit(
        "anonymous",
        _COUNTED,
        plan.anonymous_requests,
        plan.anonymous_window_seconds,
        429,
        "calls without credentials",
        ", or log in",
    )
    credentials = AddressLimit(
        "credentials",
        _CREDENTIALS,
        plan.credential_requests,
        plan.credential_window_seconds,
        423,
        "calls that register, log in or refresh",
    )
    asked = AddressLimit(
        "authorization",
        _ASKED,
        plan.authorization_requests,
        plan.authorization_window_seconds,
        424,
        "calls that have to be allowed",
    )
    limits = (anonymous, credentials, asked)
    return [] if plan.open else [limit for limit in limits if limit.requests]


def flood_filters(plan: MeshPlan) -> list[Json]:
    """Returns the filters that count calls before user_svc is asked about them."""
    return [_address_limit(each, plan) for each in address_limits(plan) if each.counts == _ASKED]


def limit_filters(plan: MeshPlan) -> list[Json]:
    """Returns the other filters that count; they stand after those that tell who calls."""
    if plan.open:
        return []
    limits = [limit for limit in address_limits(plan) if limit.counts != _ASKED]
    return [
        *(_tell(limit) for limit in limits if limit.counts == _COUNTED),
        *(_address_limit(limit, plan) for limit in limits),
        _account_limit(plan),
    ]


def counted(row: Method, *, asked: bool) -> Json:
    """Returns what a route of an RPC says at the edge, so that its calls count.

    Args:
        row: the RPC.
        asked: whether user_svc is asked who makes them, and whether they may.
    """
    said: Json = {_COUNTED: _YES, _RPC: row.path}
    if asked:
        said[_ASKED] = _YES
    if (row.service, row.name) in _ABOUT_CREDENTIALS:
        said[_CREDENTIALS] = _YES
    return {"metadata": {"filter_metadata": {_METADATA: said}}}


def tell_address() -> Json:
    """Returns what tells services whose address a call comes from, as far as proxies are trusted.

    An open mesh does not tell: there nobody is counted by address.
    """
    address = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
    return _added(_ADDRESS_HEADER, address, "OVERWRITE_IF_EXISTS_OR_ADD")


def _address_limit(limit: AddressLimit, plan: MeshPlan) -> Json:
    """Returns the filter of one limit: a bucket for each address, filled again drop by drop."""
    anonymous = limit.counts == _COUNTED
    kind = [_by_route(limit.counts), *([_unless_known()] if anonymous else [])]
    site: Json = {"generic_key": {"descriptor_key": _SITE, "descriptor_value": _YES}}
    unknown: list[Json] = [{"key": "caller", "value": "unknown"}]
    entries: list[Json] = [
        {"key": limit.counts, "value": _YES},
        *(unknown if anonymous else []),
    ]
    always: Json = {"default_value": {"numerator": 100}}
    return _filter(
        "local_ratelimit",
        "local_ratelimit.v3.LocalRateLimit",
        stat_prefix=limit.name,
        filter_enabled=always,
        filter_enforced=always,
        rate_limits=[
            {"actions": [*kind, _by_address(_IPV6_BITS)]},
            {"actions": [*kind, site, _by_address(_SITE_BITS)]},
        ],
        descriptors=[
            _bucket(limit, entries, 1),
            _bucket(limit, [*entries, {"key": _SITE, "value": _YES}], _SITE_TIMES),
        ],
        # Beyond it the address that was silent longest begins anew.
        max_dynamic_descriptors=plan.max_limited_addresses,
        status={"code": _STATUS_NAMES[limit.status]},
        # Else a gRPC caller sees UNAVAILABLE, and tries again at once.
        rate_limited_as_resource_exhausted=True,
        # `_tell` makes the header fields of the IETF's draft of them.
        **({"enable_x_ratelimit_headers": "DRAFT_VERSION_03"} if anonymous else {}),
        response_headers_to_add=[_added("retry-after", str(limit.wait_seconds))],
    )


def _bucket(limit: AddressLimit, entries: list[Json], times: int) -> Json:
    """Returns the buckets of one kind of address, so many times as large as the limit."""
    return {
        # The last without a value: any address, each with its own bucket.
        "entries": [*entries, {"key": "masked_remote_address"}],
        "token_bucket": {
            "max_tokens": limit.requests * times,
            "tokens_per_fill": limit.requests * times,
            "fill_interval": seconds(limit.window_seconds),
        },
    }


def _account_limit(plan: MeshPlan) -> Json:
    """Returns the filter that asks user_svc about calls of accounts; the operator has no limit."""
    actions = [
        _unless_operator(),
        {"request_headers": {"header_name": _USER_HEADER, "descriptor_key": "user"}},
        *(
            {
                "request_headers": {
                    "header_name": header,
                    "descriptor_key": key,
                    "skip_if_absent": True,
                }
            }
            for header, key in (
                ("x-sonica-role", "role"),
                ("x-sonica-key", "key"),
                ("content-type", "content_type"),
            )
        ),
        _by_route(_RPC),
    ]
    return _filter(
        "ratelimit",
        "ratelimit.v3.RateLimit",
        domain="sonica",
        rate_limits=[{"actions": actions}],
        timeout=seconds(plan.limit_timeout_seconds),
        # A limit that cannot be counted must not stop anybody.
        failure_mode_deny=False,
        rate_limited_as_resource_exhausted=True,
        # user_svc writes the header fields itself.
        disable_x_envoy_ratelimited_header=True,
        rate_limit_service={
            "grpc_service": {"envoy_grpc": {"cluster_name": DECISIONS_CLUSTER}},
            "transport_api_version": "V3",
        },
    )


def _tell(limit: AddressLimit) -> Json:
    """Returns the filter that says in every counted answer what the limit is and what is left.

    Envoy writes fields of an older draft, of the calls that it has counted only; they become those
    of the present one. Filters see answers in reverse order, so it stands before the limit.
    """
    policy = f'"{limit.name}";q={limit.requests};w={limit.window_seconds}'
    left = f'"{limit.name}";r=%RESP(x-ratelimit-remaining)%;t=%RESP(x-ratelimit-reset)%'
    mutations: list[Json] = [
        {"append": _added("x-ratelimit-remaining", left, "OVERWRITE_IF_EXISTS")},
        {"append": _added("x-ratelimit-limit", policy, "OVERWRITE_IF_EXISTS")},
        # Of what is not there nothing is added.
        {"append": _added("ratelimit-policy", "%RESP(x-ratelimit-limit)%")},
        {"append": _added("ratelimit", "%RESP(x-ratelimit-remaining)%")},
        {"remove_on_match": {"key_matcher": {"prefix": "x-ratelimit-"}}},
    ]
    return _filter(
        "header_mutation",
        "header_mutation.v3.HeaderMutation",
        mutations={"response_mutations": mutations},
    )


def _added(key: str, value: str, action: str = "APPEND_IF_EXISTS_OR_ADD") -> Json:
    return {"header": {"key": key, "value": value}, "append_action": action}


def _by_route(key: str) -> Json:
    """Describes a call by what its route says; a call whose route does not is not counted."""
    where: Json = {"key": _METADATA, "path": [{"key": key}]}
    return {
        "metadata": {"descriptor_key": key, "metadata_key": where, "source": "ROUTE_ENTRY"},
    }


def _by_address(ipv6_bits: int) -> Json:
    return {
        "masked_remote_address": {
            "v4_prefix_mask_len": _IPV4_BITS,
            "v6_prefix_mask_len": ipv6_bits,
        }
    }


def _unless_known() -> Json:
    known: Json = {"name": _USER_HEADER, "present_match": True}
    return _unless(known, "caller", "unknown")


def _unless_operator() -> Json:
    operator: Json = {"name": _USER_HEADER, "string_match": {"exact": _OPERATOR}}
    return _unless(operator, "caller", "account")


def _unless(header: Json, key: str, value: str) -> Json:
    """Describes calls without such a header; one with it is not counted."""
    return {
        "header_value_match": {
            "descriptor_key": key,
            "descriptor_value": value,
            "expect_match": False,
            "headers": [header],
        }
    }


def _filter(name: str, kind: str, **config: object) -> Json:
    typed: Json = {"@type": f"{_HTTP}.{kind}", **config}  # type: ignore[dict-item]  # JSON by hand
    return {"name": f"envoy.filters.http.{name}", "typed_config": typed}
