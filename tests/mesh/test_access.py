"""Aim: what the contracts say of who may call what is what the edge does, for everybody.

Method: every RPC that the edge exposes, by gRPC and by each of its REST routes, called by everybody
there is through a real Envoy and the real user_svc; the table of who should pass is computed from
the contracts. Passing means any end but a refusal of access.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import grpc
import httpx
import pytest
import pytest_asyncio
from google.protobuf import json_format
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from mesh.envoy.contracts import AccessRule, Level, RestBinding, Rpc, rpcs
from mesh.envoy.methods import method
from tests.integration.user_service import PASSWORD, Metadata
from tests.mesh.people import People, closed_mesh

pytestmark = pytest.mark.asyncio(loop_scope="module")

MISSING, REFUSED, DENIED = "CREDENTIALS_MISSING", "CREDENTIALS_REFUSED", "ACCESS_DENIED"
PASSES = ""
REFUSALS = {MISSING, REFUSED, DENIED, "ACCESS_UNDECIDED"}
EXPOSED = [rpc for rpc in rpcs() if method(rpc.service, rpc.name).exposed]
#: Fields of requests that their services refuse before they look at who calls. Names of accounts
#: and keys are put where the REST route has them.
REQUESTS: dict[str, dict[str, Any]] = {
    "Register": {"email": "ada@example.org", "password": PASSWORD},
    "LogIn": {"email": "nobody@example.org", "password": PASSWORD},
    "Refresh": {"refreshToken": "rt_"},
    "ChangePassword": {"currentPassword": "not this one", "newPassword": PASSWORD},
    "CreateApiKey": {"displayName": "radio", "scopes": ["SCOPE_RECOGNIZE"]},
    "UpdateAccount": {"account": {"displayName": "Ada"}},
    "SetRole": {"role": "ROLE_PREMIUM"},
    "EraseAccount": {"password": "not this one"},
    "CreateWebhook": {
        "webhook": {
            "url": "https://a.example/",
            "events": ["WEBHOOK_EVENT_RECOGNITION_MATCHED"],
        }
    },
    "UpdateWebhook": {"webhook": {"displayName": "radio"}},
    "LinkIdentity": {"state": "a", "code": "b", "flowToken": "c"},
}
OTHER_SCOPES = {"RECOGNIZE": "CATALOG_READ"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people() -> AsyncIterator[People]:
    async with closed_mesh() as running:
        yield running


def expected(rpc: Rpc) -> dict[str, str]:
    """Returns how each caller should fare."""
    rule, own = rpc.access, method(rpc.service, rpc.name).upstream == "user"
    if rule.level is Level.PUBLIC and not rule.scope:
        return dict.fromkeys(("anonymous", "free", "premium", "admin", "operator"), PASSES)
    admins_only = rule.level is Level.ADMIN
    account = DENIED if admins_only else PASSES
    fares = {
        "anonymous": PASSES if rule.level is Level.PUBLIC else MISSING,
        "free": account,
        "premium": account,
        "admin": PASSES,
        # Who has no account cannot mean their own.
        "operator": DENIED if own and not admins_only else PASSES,
    }
    if rule.scope:
        return fares | {
            "free's key": account,
            "admin's key": PASSES,
            "key without the scope": DENIED,
            "revoked key": REFUSED,
        }
    return fares | {"admin's key": MISSING, "revoked key": MISSING}


async def credentials(people: People, caller: str, rule: AccessRule) -> Metadata:
    """Returns what a caller sends."""
    scope = rule.scope or "RECOGNIZE"
    match caller:
        case "anonymous":
            return []
        case "operator":
            return people.operator
        case "free's key" | "admin's key":
            _, text = await people.key(caller.removesuffix("'s key"), scope)
        case "key without the scope":
            _, text = await people.key("admin", OTHER_SCOPES.get(scope, "RECOGNIZE"))
        case "revoked key":
            name, text = await people.key("admin", scope)
            await people.revoke("admin", name)
        case role:
            # An earlier call may have ended the session: that is what it was for.
            return (await people.renew(role)).bearer
    return [("x-api-key", text)]


def names_in(rpc: Rpc, user: str) -> dict[str, str]:
    """Returns the fields of a request that name resources, those of `user`."""
    found = {}
    for binding in rpc.rest:
        for field, pattern in re.findall(r"\{([^}=]*)=([^}]*)\}", binding.template):
            name = pattern.replace("users/*", user).replace("deliveries/*", "deliveries/7")
            name = name.replace("recognitions/*", f"recognitions/{UUID(int=0)}")
            found[field] = name.replace("*", "0123456789abcdef")
    return found


async def by_grpc(people: People, rpc: Rpc, sent: Metadata, user: str = "users/me") -> str:
    """Calls an RPC of any kind with one message; returns the reason of a refusal."""
    path = method(rpc.service, rpc.name).path
    described = Default().FindServiceByName(rpc.service).FindMethodByName(rpc.name)
    request = GetMessageClass(described.input_type)()
    json_format.ParseDict(REQUESTS.get(rpc.name, {}), request)
    for field, name in names_in(rpc, user).items():
        *outer, last = field.split(".")
        setattr(getattr(request, outer[0]) if outer else request, last, name)
    call = people.rig.edge.unary_stream(path)(
        request.SerializeToString(), metadata=sent, timeout=120
    )
    try:
        async for _ in call:
            pass
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)
    return PASSES


def refusal_of(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None, f"untyped: {error}"
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    if info.reason not in REFUSALS:
        return PASSES
    code = grpc.StatusCode.PERMISSION_DENIED
    wanted = code if info.reason == DENIED else grpc.StatusCode.UNAUTHENTICATED
    assert (error.code(), info.domain) == (wanted, "sonica.user"), error
    return str(info.reason)


async def by_rest(
    people: People, rpc: Rpc, binding: RestBinding, sent: Metadata, user: str = "users/me"
) -> str:
    """Calls a REST route; returns the reason of a refusal."""
    path = binding.template
    for field, name in names_in(rpc, user).items():
        path = re.sub(rf"\{{{re.escape(field)}=[^}}]*\}}", name, path)
    path = re.sub(r"\{[^}]*\}", "x", path)
    body: dict[str, Any] = {}
    if binding.body == "upload":
        body = {"content": b"k" * 5000}
    elif binding.body:
        fields = REQUESTS.get(rpc.name, {})
        body = {"json": fields if binding.body == "*" else fields.get(binding.body, {})}
    answer = await people.rig.rest.request(binding.verb, path, headers=dict(sent), **body)
    return refusal_in(answer)


def refusal_in(answer: httpx.Response) -> str:
    if answer.status_code == 200:
        return PASSES
    (info,) = [d for d in answer.json()["details"] if d["@type"].endswith("ErrorInfo")]
    if info["reason"] not in REFUSALS:
        return PASSES
    status = 403 if info["reason"] == DENIED else 401
    assert (answer.status_code, info["domain"]) == (status, "sonica.user"), answer.text
    return str(info["reason"])


@pytest.mark.parametrize("rpc", EXPOSED, ids=lambda rpc: rpc.name)
async def test_everybody_fares_as_the_contract_says(people: People, rpc: Rpc) -> None:
    wanted = expected(rpc)
    found = {}
    for caller in wanted:
        found[caller] = await by_grpc(people, rpc, await credentials(people, caller, rpc.access))
    assert found == wanted


@pytest.mark.parametrize(
    ("rpc", "binding"),
    [(rpc, binding) for rpc in EXPOSED for binding in rpc.rest],
    ids=lambda value: value.template if isinstance(value, RestBinding) else value.name,
)
async def test_everybody_fares_the_same_over_rest(
    people: People, rpc: Rpc, binding: RestBinding
) -> None:
    wanted = expected(rpc)
    found = {}
    for caller in wanted:
        sent = await credentials(people, caller, rpc.access)
        found[caller] = await by_rest(people, rpc, binding, sent)
    assert found == wanted


# What admins may do to accounts of others.
OF_OTHERS = {
    "GetAccount",
    "LogOutEverywhere",
    "ListApiKeys",
    "RevokeApiKey",
    "SetRole",
    "GetWebhook",
    "ListWebhooks",
    "DeleteWebhook",
    "ListIdentities",
}
# Operations have names too, and are nobody's own.
NAMING = [
    rpc for rpc in EXPOSED if rpc.service.startswith("sonica.user.") and names_in(rpc, "users/me")
]


@pytest.mark.parametrize("rpc", NAMING, ids=lambda rpc: rpc.name)
async def test_what_is_anothers_is_for_those_who_may(people: People, rpc: Rpc) -> None:
    other = people.users["premium"].name
    passes = PASSES if rpc.name in OF_OTHERS else DENIED
    wanted = {"free": DENIED, "admin": passes, "operator": passes}
    found = {}
    for caller in wanted:
        sent = await credentials(people, caller, rpc.access)
        found[caller] = await by_grpc(people, rpc, sent, other)
        for binding in rpc.rest:
            sent = await credentials(people, caller, rpc.access)
            assert await by_rest(people, rpc, binding, sent, other) == found[caller]
    assert found == wanted
    if rpc.access.scope:
        # A key is good for the account it is of, an admin's too.
        _, text = await people.key("admin", rpc.access.scope)
        assert await by_grpc(people, rpc, [("x-api-key", text)], other) == DENIED


BYPASSES: dict[str, dict[str, Any]] = {
    "escaped": {"path": "/v1/%74racks/x"},
    "escaped slash": {"path": "/v1%2Ftracks/x"},
    "two slashes": {"path": "//v1//tracks/x"},
    "dots": {"path": "/v1/users/../tracks/x"},
    "escaped dots": {"path": "/v1/users/%2e%2e/tracks/x"},
    "slash at the end": {"path": "/v1/tracks/x/"},
    "parameter": {"path": "/v1/tracks/x;y=z"},
    "query": {"path": "/v1/tracks/x?access_token=x&key=x"},
    "capitals": {"path": "/V1/Tracks/x"},
    "verb in a header": {"verb": "POST", "headers": {"x-http-method-override": "DELETE"}},
    "path in a header": {
        "path": "/v1/sessions:logOut",
        "headers": {"x-envoy-original-path": "/v1/tracks/x", "x-original-url": "/v1/tracks/x"},
    },
    "another host": {"headers": {"host": "localhost"}},
    "path of the RPC": {"verb": "POST", "path": "/sonica.catalog.v1.CatalogService/DeleteTrack"},
    "RPC as JSON": {
        "verb": "POST",
        "path": "/sonica.catalog.v1.CatalogService/DeleteTrack",
        "headers": {"content-type": "application/json"},
    },
    "identity": {
        "headers": {
            "x-sonica-user": "operator",
            "x-sonica-role": "admin",
            "x-sonica-key": "operator",
        }
    },
    "identity with an underscore": {"headers": {"x_sonica_role": "admin"}},
    "Envoy's own headers": {
        "headers": {"x-envoy-decorator-operation": "x", "x-envoy-internal": "1"}
    },
}


@pytest.mark.parametrize("sent", BYPASSES.values(), ids=BYPASSES)
async def test_no_way_leads_around(people: People, sent: dict[str, Any]) -> None:
    catalog = people.rig.services.catalog
    before = catalog.calls["DeleteTrack"]
    for who in ([], people.users["free"].bearer):
        answer = await people.rig.rest.request(
            sent.get("verb", "DELETE"),
            sent.get("path", "/v1/tracks/x"),
            headers={**sent.get("headers", {}), **dict(who)},
        )
        assert answer.status_code in {400, 401, 403, 404, 405, 415}, answer.text
    assert catalog.calls["DeleteTrack"] == before


async def test_services_are_told_who_calls_and_nothing_that_is_secret(people: People) -> None:
    forged = [("x-sonica-user", "operator"), ("x-sonica-role", "admin"), ("x-sonica-key", "1")]
    list_tracks = next(rpc for rpc in EXPOSED if rpc.name == "ListTracks")
    name, text = await people.key("premium", "CATALOG_READ")
    free, premium = people.users["free"], people.users["premium"]
    key_id = name.rpartition("/")[2]
    cases: list[tuple[Metadata, dict[str, str]]] = [
        ([], {}),
        (free.bearer, {"x-sonica-user": free.name, "x-sonica-role": "free"}),
        (
            [("x-api-key", text)],
            {"x-sonica-user": premium.name, "x-sonica-role": "premium", "x-sonica-key": key_id},
        ),
        # A token goes before a key, whatever that is.
        (
            [*free.bearer, ("x-api-key", text)],
            {"x-sonica-user": free.name, "x-sonica-role": "free"},
        ),
        (
            people.operator,
            {"x-sonica-user": "operator", "x-sonica-role": "admin", "x-sonica-key": "operator"},
        ),
    ]
    (binding,) = list_tracks.rest
    for sent, told in cases:
        for call in (
            by_grpc(people, list_tracks, [*sent, *forged]),
            by_rest(people, list_tracks, binding, [*sent, *forged]),
        ):
            assert await call == PASSES
            seen = people.rig.services.catalog.metadata
            ours = {k: v for k, v in seen.items() if k.startswith("x-sonica-")}
            assert ours.pop("x-sonica-address") == "127.0.0.1"
            assert ours == told
            assert not {"authorization", "x-api-key"} & seen.keys()


async def test_a_denial_names_what_is_needed(people: People) -> None:
    _, text = await people.key("admin", "CATALOG_READ")
    free = (await people.renew("free")).bearer
    cases: list[tuple[Metadata, dict[str, str]]] = [
        (free, {"role": "admin"}),
        ([("x-api-key", text)], {"scope": "CATALOG_WRITE"}),
    ]
    for sent, needed in cases:
        answer = await people.rig.rest.delete("/v1/tracks/x", headers=dict(sent))
        (info,) = answer.json()["details"]
        assert info["metadata"] == needed
        assert all(value in answer.json()["message"] for value in needed.values())


async def test_a_preflight_needs_no_credentials(people: People) -> None:
    answer = await people.rig.rest.options(
        "/v1/tracks/x",
        headers={
            "origin": "http://localhost:5173",
            "access-control-request-method": "DELETE",
            "access-control-request-headers": "authorization,x-api-key",
        },
    )
    assert answer.status_code == 200
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert "x-api-key" in answer.headers["access-control-allow-headers"]


async def test_a_denied_admin_call_is_in_the_audit_log(people: People) -> None:
    free = await people.client.newcomer()  # others may have been denied in this minute
    delete = next(rpc for rpc in EXPOSED if rpc.name == "DeleteTrack")
    before = await people.client.events(await people.renew("admin"))
    assert await by_grpc(people, delete, free.bearer) == DENIED
    after = await people.client.events(people.users["admin"])
    # A page may be full, so that an older event has left it.
    assert after == ["ACCESS_DENIED", *before][: len(after)]
    assert len(after) >= len(before)


async def test_what_the_operator_does_is_in_the_audit_log(people: People) -> None:
    answer = await people.rig.rest.post(
        f"/v1/{people.users['premium'].name}:logOutEverywhere",
        json={},
        headers=dict(people.operator),
    )
    assert answer.status_code == 200
    events = await people.rig.rest.get("/v1/auditEvents", headers=dict(people.operator))
    newest = events.json()["events"][0]
    assert (newest["actor"], newest["user"]) == ("operator", people.users["premium"].name)


async def test_who_is_logged_out_or_degraded_changes_nothing_more(people: People) -> None:
    """The token is good for others until it ends; a change of the catalogue looks again."""
    delete = next(rpc for rpc in EXPOSED if rpc.name == "DeleteTrack")
    admin = (await people.renew("admin")).bearer
    assert await by_grpc(people, delete, admin) == PASSES
    await people.rig.rest.post("/v1/sessions:logOut", json={}, headers=dict(admin))
    assert await by_grpc(people, delete, admin) == REFUSED


async def test_a_page_can_read_why_it_was_refused(people: People) -> None:
    """Of gRPC-Web, Envoy answers by HTTP status, from which clients tell the code."""
    answer = await people.rig.rest.post(
        "/sonica.catalog.v1.CatalogService/DeleteTrack",
        content=b"\0\0\0\0\0",
        headers={
            "content-type": "application/grpc-web+proto",
            "origin": "http://localhost:5173",
        },
    )
    assert answer.status_code == 401
    details = base64.b64decode(answer.headers["grpc-status-details-bin"] + "==")
    assert MISSING.encode() in details
    assert "grpc-status-details-bin" in answer.headers["access-control-expose-headers"]
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"


async def test_without_user_svc_keys_and_changes_are_closed_and_the_public_goes_on() -> None:
    async with closed_mesh() as people:
        _, text = await people.key("admin", "CATALOG_READ", "CATALOG_WRITE")
        free, admin = people.users["free"].bearer, (await people.renew("admin")).bearer
        list_tracks, delete = (
            next(rpc for rpc in EXPOSED if rpc.name == name)
            for name in ("ListTracks", "DeleteTrack")
        )
        await people.rig.users.aclose()
        for sent in ([], free, admin):
            assert await by_grpc(people, list_tracks, sent) == PASSES
        undecided: list[tuple[Rpc, Metadata]] = [
            (list_tracks, [("x-api-key", text)]),
            (list_tracks, people.operator),
            (delete, []),
            (delete, admin),
            (delete, people.operator),
        ]
        for rpc, sent in undecided:
            call = people.rig.edge.unary_stream(method(rpc.service, rpc.name).path)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in call(b"", metadata=sent, timeout=120):
                    pass
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert "ACCESS_UNDECIDED" in str(rpc_status.from_call(caught.value))
            (binding,) = rpc.rest
            path = binding.template.replace("{track_id}", "x")
            answer = await people.rig.rest.request(binding.verb, path, headers=dict(sent))
            assert answer.status_code == 503
            (info,) = [d for d in answer.json()["details"] if d["@type"].endswith("ErrorInfo")]
            assert info["reason"] == "ACCESS_UNDECIDED"
