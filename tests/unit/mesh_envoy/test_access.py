"""Aim: no route of the edge forgets to say who may take it.

Method: the generated configuration, route by route, against what the contracts say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mesh.envoy.access import EXT_AUTHZ, JWT_AUTHN, KEY_HEADER, TOKEN_HEADER
from mesh.envoy.bootstrap import bootstrap
from mesh.envoy.contracts import Level, access_of
from mesh.envoy.methods import METHODS
from mesh.envoy.plan import MeshPlan
from tests.unit.mesh_envoy.test_configuration import PLAN, listener, routes

ROWS = {row.path.lstrip("/"): row for row in METHODS}


def operation(route: dict[str, Any]) -> str:
    return str(route["decorator"]["operation"])


def asks(route: dict[str, Any]) -> dict[str, str] | None:
    """Returns what a route tells user_svc; None when it does not ask."""
    said = route["typed_per_filter_config"][EXT_AUTHZ]
    if said.get("disabled"):
        return None
    told: dict[str, str] = said["check_settings"]["context_extensions"]
    return told


def has_key(route: dict[str, Any]) -> bool:
    return {"name": KEY_HEADER, "present_match": True} in route["match"].get("headers", [])


def test_every_route_says_whether_it_is_asked_about() -> None:
    for route in routes("edge"):
        assert {JWT_AUTHN, EXT_AUTHZ} <= route["typed_per_filter_config"].keys()


@pytest.mark.parametrize("route", routes("edge"), ids=operation)
def test_a_route_is_asked_about_unless_it_is_open_to_all_or_decided_behind(
    route: dict[str, Any],
) -> None:
    row = ROWS.get(operation(route))
    if row is None:
        assert "direct_response" in route
        return
    rule = access_of(row.service, row.name)
    removed = set(route.get("request_headers_to_remove", ()))
    if row.upstream == "user":
        assert asks(route) is None
        assert not removed
        return
    assert removed == {TOKEN_HEADER, KEY_HEADER}
    if rule.level is Level.PUBLIC and not has_key(route):
        assert asks(route) is None
        return
    assert asks(route) == {
        "rpc": operation(route),
        "level": rule.level.name,
        "scope": rule.scope,
    }


def test_a_call_with_a_key_finds_its_own_route_first() -> None:
    unasked: set[str] = set()
    for route in routes("edge"):
        match = str(route["match"].get("path") or route["match"].get("safe_regex"))
        if has_key(route):
            verbs = str([h for h in route["match"]["headers"] if h["name"] == ":method"])
            assert match + verbs not in unasked
        elif operation(route) in ROWS and asks(route) is None:
            unasked.add(match + str(route["match"].get("headers", [])))


def test_an_open_mesh_asks_nobody() -> None:
    plan = replace(PLAN, open=True, user_keys=())
    names = {f["name"] for f in listener("edge", plan)["http_filters"]}
    assert not {JWT_AUTHN, EXT_AUTHZ} & names
    assert "envoy.filters.http.header_mutation" in names
    for route in routes("edge", plan):
        assert not {JWT_AUTHN, EXT_AUTHZ} & route.get("typed_per_filter_config", {}).keys()
    clusters: Any = bootstrap(plan)["static_resources"]
    assert "user_keys" not in {cluster["name"] for cluster in clusters["clusters"]}


def test_a_mesh_is_closed_unless_it_is_said() -> None:
    assert MeshPlan.__dataclass_fields__["open"].default is False
