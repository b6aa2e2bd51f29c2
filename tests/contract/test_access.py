"""Aim: every RPC says who may call it, and the edge has a way to exactly those of them that it may.

Method: the access option of the committed descriptor set against the table of methods.
"""

from __future__ import annotations

import pytest
from sonica.access.v1 import access_pb2
from sonica.user.v1 import api_key_pb2

from mesh.envoy.contracts import AccessRule, Level, Rpc, access_of, rpcs
from mesh.envoy.methods import METHODS


def complaints(rpc: Rpc, *, exposed: bool) -> list[str]:
    """Returns what is wrong with the access of one RPC."""
    name = f"{rpc.service}/{rpc.name}"
    level = rpc.access.level
    found = []
    if level is Level.UNSPECIFIED:
        found.append(f"{name} does not say who may call it: set (sonica.access.v1.access)")
    if (level is Level.INTERNAL) is exposed:
        found.append(f"{name} is {level.name} and {'' if exposed else 'not '}exposed at the edge")
    if level is Level.INTERNAL and (rpc.access.scope or rpc.rest):
        found.append(f"{name} is INTERNAL, but has a scope or a REST binding")
    return found


@pytest.mark.parametrize(
    ("rule", "exposed"),
    [
        (AccessRule(Level.UNSPECIFIED, ""), True),
        (AccessRule(Level.INTERNAL, ""), True),
        (AccessRule(Level.PUBLIC, ""), False),
        (AccessRule(Level.INTERNAL, "RECOGNIZE"), False),
    ],
)
def test_what_is_wrong_is_found(rule: AccessRule, exposed: bool) -> None:
    rpc = Rpc("sonica.x.v1.XService", "Do", streaming=False, rest=(), access=rule)
    assert complaints(rpc, exposed=exposed)


def test_every_rpc_says_who_may_call_it() -> None:
    exposed = {(row.service, row.name): row.exposed for row in METHODS}
    found = [
        each for rpc in rpcs() for each in complaints(rpc, exposed=exposed[rpc.service, rpc.name])
    ]
    assert found == []


def test_an_rpc_without_the_option_is_open_to_nobody() -> None:
    assert Level(access_pb2.AccessRule().level) is Level.UNSPECIFIED
    with pytest.raises(KeyError, match="not in the contracts"):
        access_of("sonica.catalog.v1.CatalogService", "Nothing")


def test_scopes_are_those_of_api_keys() -> None:
    assert dict(access_pb2.Scope.items()) == dict(api_key_pb2.Scope.items())
