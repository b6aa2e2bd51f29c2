"""Aim: the edge serves exactly the routes of the contracts, in three protocols, and nothing else.

Method: one real Envoy and gateway in front of stand-ins that count their calls, so that "refused"
means that no service has seen the request.
"""

from __future__ import annotations

import base64
import re
import struct
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import pytest_asyncio
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from sonica.recognition.v1 import recognition_service_pb2 as recognition
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub

from mesh.envoy.contracts import rpcs
from mesh.envoy.methods import METHODS, Method
from mesh.runtime.errors import from_rpc_error
from tests.mesh.rig import Rig, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIP = b"k" * 5_000
MEBIBYTE = 1024 * 1024
PAGE = "http://localhost:5173"
WEB = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with running_mesh() as running:
        yield running


def calls(rig: Rig) -> int:
    services = rig.services
    return sum(s.calls.total() for s in (services.fingerprint, services.matching, services.catalog))


def frame(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


def trailers(body: bytes) -> dict[str, str]:
    """Returns the trailer frame that ends a gRPC-Web body."""
    place = 0
    while place < len(body):
        flag, length = struct.unpack_from(">BI", body, place)
        if flag & 0x80:
            lines = body[place + 5 : place + 5 + length].decode().strip().splitlines()
            return dict(line.split(":", 1) for line in lines)
        place += 5 + length
    return {}


async def raw_call(channel: grpc.aio.Channel, path: str) -> grpc.StatusCode:
    """Sends one empty message, and returns how the call ends, whatever its kind."""
    try:
        async for _ in channel.unary_stream(path)(b"", timeout=60):
            pass
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


REST_CALLS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/recognize"): {"content": CLIP},
    ("POST", "/v1/recognitions"): {
        "json": {"audio": {"content": base64.b64encode(CLIP).decode()}, "maxMatchCount": 1}
    },
    ("POST", "/v1/tracks"): {"content": b"one recording" * 100},
    ("GET", "/v1/tracks"): {},
    ("GET", "/v1/tracks/{track_id}"): {},
    ("DELETE", "/v1/tracks/{track_id}"): {},
    ("GET", "/v1/tracks:search"): {"params": {"query": "dil se"}},
    ("PATCH", "/v1/tracks/{track.track_id}"): {"json": {"title": "Dil Se"}},
    ("POST", "/v1/imports"): {"json": {"items": [{"itemId": "1"}]}},
    ("GET", "/v1/imports/{import_id}/items"): {},
    ("POST", "/v1/imports/{import_id}/items/{item_id}:upload"): {"content": b"a file" * 100},
    ("GET", "/v1/{name=operations/*}"): {},
    ("GET", "/v1/operations"): {},
    ("POST", "/v1/{name=operations/*}:wait"): {"json": {"timeout": "1s"}},
    ("POST", "/v1/{name=operations/*}:cancel"): {"json": {}},
    ("GET", "/v1/catalog/statistics"): {},
    ("POST", "/v1/users"): {"json": {"email": "ada@example.org", "password": "ten or more"}},
    ("GET", "/v1/{name=users/*}"): {},
    ("GET", "/v1/{name=users/*}/usage"): {},
    ("PATCH", "/v1/{account.name=users/*}"): {"json": {"displayName": "Ada"}},
    ("POST", "/v1/{name=users/*}:changePassword"): {
        "json": {"currentPassword": "ten or more", "newPassword": "ten or many"}
    },
    ("POST", "/v1/sessions"): {"json": {"email": "ada@example.org", "password": "ten or more"}},
    ("POST", "/v1/sessions:refresh"): {"json": {"refreshToken": "rt_"}},
    ("POST", "/v1/sessions:logOut"): {"json": {}},
    ("POST", "/v1/{name=users/*}:logOutEverywhere"): {"json": {}},
    ("POST", "/v1/{parent=users/*}/apiKeys"): {
        "json": {"displayName": "radio", "scopes": ["SCOPE_RECOGNIZE"]}
    },
    ("GET", "/v1/{parent=users/*}/apiKeys"): {},
    ("POST", "/v1/{name=users/*/apiKeys/*}:rotate"): {"json": {}},
    ("POST", "/v1/{name=users/*/apiKeys/*}:revoke"): {"json": {}},
    ("GET", "/v1/auditEvents"): {},
    ("GET", "/v1/users"): {},
    ("POST", "/v1/{name=users/*}:setRole"): {"json": {"role": "ROLE_PREMIUM"}},
    ("GET", "/v1/{parent=users/*}/recognitions"): {},
    ("GET", "/v1/{parent=users/*}/recognitions:export"): {},
    ("DELETE", "/v1/{name=users/*/recognitions/*}"): {},
    ("POST", "/v1/{parent=users/*}/recognitions:clear"): {"json": {}},
    ("GET", "/v1/{name=users/*}:export"): {},
    ("POST", "/v1/{name=users/*}:erase"): {"json": {"password": "ten or more"}},
    ("POST", "/v1/{parent=users/*}/webhooks"): {"json": {"webhook": {"url": "https://a.example/"}}},
    ("GET", "/v1/{name=users/*/webhooks/*}"): {},
    ("GET", "/v1/{parent=users/*}/webhooks"): {},
    ("PATCH", "/v1/{webhook.name=users/*/webhooks/*}"): {"json": {"displayName": "radio"}},
    ("DELETE", "/v1/{name=users/*/webhooks/*}"): {},
    ("POST", "/v1/{name=users/*/webhooks/*}:rotateSecret"): {"json": {}},
    ("GET", "/v1/{parent=users/*/webhooks/*}/deliveries"): {},
    ("POST", "/v1/{name=users/*/webhooks/*/deliveries/*}:redeliver"): {"json": {}},
    ("POST", "/v1/{name=users/*/webhooks/*}:test"): {"json": {}},
    ("POST", "/v1/sessions:beginSocialLogIn"): {
        "json": {"provider": "there", "redirectUri": "http://127.0.0.1:9/callback"}
    },
    ("POST", "/v1/sessions:completeSocialLogIn"): {
        "json": {"state": "a", "code": "b", "flowToken": "c"}
    },
    ("POST", "/v1/{parent=users/*}/identities"): {
        "json": {"state": "a", "code": "b", "flowToken": "c"}
    },
    ("GET", "/v1/{parent=users/*}/identities"): {},
    ("DELETE", "/v1/{name=users/*/identities/*}"): {},
}
NAMES = {
    "{track_id}": "external:a%2Fb",
    "=users/*/webhooks/*/deliveries/*}": "users/me/webhooks/0123456789abcdef/deliveries/7",
    "=users/*/webhooks/*}": "users/me/webhooks/0123456789abcdef",
    "=users/*/identities/*}": "users/me/identities/0123456789abcdef",
    "{track.track_id}": "external:a%2Fb",
    "{import_id}": "5f0c2b1e-0000-4000-8000-000000000000",
    "{item_id}": "1",
    "=operations/*}": "operations/5f0c2b1e-0000-4000-8000-000000000000",
    "=users/*/apiKeys/*}": "users/me/apiKeys/0123456789abcdef",
    "=users/*/recognitions/*}": "users/me/recognitions/00000000-0000-4000-8000-000000000000",
    "=users/*}": "users/me",
}


async def test_every_rest_route_of_the_contracts_has_an_example() -> None:
    answers_whole = [rpc for rpc in rpcs() if not rpc.gives_lines]
    assert {(b.verb, b.template) for rpc in answers_whole for b in rpc.rest} == set(REST_CALLS)


@pytest.mark.parametrize(("verb", "template"), REST_CALLS)
async def test_rest_route_answers(rig: Rig, verb: str, template: str) -> None:
    created = await rig.rest.post(
        "/v1/tracks?track.externalId=a%2Fb&track.title=Dil%20Se", content=b"kept"
    )
    assert created.json()["track"]["title"] == "Dil Se"
    path = re.sub(r"\{[a-z.]+(?==)", "", template)
    for pattern, name in NAMES.items():
        path = path.replace(pattern, name)
    answer = await rig.rest.request(verb, path, **REST_CALLS[(verb, template)])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert isinstance(answer.json(), dict)


@pytest.mark.parametrize(
    "name", ["a", "a:b", "search", "a:export", "x:setRole", "y:erase", "test", ":wait", "a:"]
)
async def test_a_name_that_ends_like_a_verb_is_a_name(rig: Rig, name: str) -> None:
    where = {"track.externalId": name}
    await rig.rest.post("/v1/tracks", params=where, content=f"named {name}".encode())
    for written in (name, name.replace(":", "%3A")):
        got = await rig.rest.get(f"/v1/tracks/external:{written}")
        assert got.json()["track"]["externalId"] == name
    changed = await rig.rest.patch(
        f"/v1/tracks/external:{name}?update_mask=title", json={"title": "Y"}
    )
    assert changed.status_code == 200
    assert (await rig.rest.delete(f"/v1/tracks/external:{name}")).json() == {}
    # The RPC that has such a verb has it still, where it belongs.
    assert (await rig.rest.get("/v1/tracks:search?query=x")).status_code == 200


async def test_account_is_changed_by_its_body_and_a_mask(rig: Rig) -> None:
    answer = await rig.rest.patch(
        "/v1/users/me?update_mask=displayName,preferences.historyDisabled",
        json={"displayName": "Ada"},
    )
    assert answer.json()["account"]["preferences"]["genres"] == [
        "display_name",
        "preferences.history_disabled",
    ]


async def test_bodies_about_accounts_are_small(rig: Rig) -> None:
    before = rig.services.sessions.calls.total()
    over = await rig.rest.post("/v1/sessions", content=b"{" + b" " * 65_536)
    assert over.status_code == 413
    assert reason(over.json()) == ("BODY_TOO_LARGE", "sonica.edge", 8)
    assert rig.services.sessions.calls.total() == before


async def test_raw_and_json_bodies_mean_the_same(rig: Rig) -> None:
    raw = (await rig.rest.post("/v1/recognize?max_match_count=1", content=CLIP)).json()
    as_json = (
        await rig.rest.post("/v1/recognitions", **REST_CALLS[("POST", "/v1/recognitions")])
    ).json()
    assert raw["matches"] == as_json["matches"]
    assert raw["matches"][0]["track"]["trackId"] == "k"
    assert len(raw["traceId"]) == 32


async def test_body_limit_is_that_of_the_contract(rig: Rig) -> None:
    fits = await rig.rest.post("/v1/recognize", content=b"k" * (16 * MEBIBYTE))
    assert fits.json()["matches"]
    before = calls(rig)
    over = await rig.rest.post("/v1/recognize", content=b"k" * (16 * MEBIBYTE + 1))
    assert over.status_code == 413
    assert reason(over.json()) == ("AUDIO_TOO_LARGE", "sonica.edge", 8)
    assert calls(rig) == before


async def test_sixteen_mebibytes_also_fit_as_json(rig: Rig) -> None:
    content = base64.b64encode(b"k" * (16 * MEBIBYTE)).decode()
    fits = await rig.rest.post("/v1/recognitions", json={"audio": {"content": content}})
    assert fits.json()["matches"]


def reason(body: dict[str, Any]) -> tuple[str, str, int]:
    details = [d for d in body["details"] if d["@type"].endswith("google.rpc.ErrorInfo")]
    assert len(details) == 1
    assert body["message"]
    return details[0]["reason"], details[0]["domain"], body["code"]


@pytest.mark.parametrize(
    ("verb", "path", "content", "status", "expected"),
    [
        ("POST", "/v1/recognize", b"BAD clip", 400, ("AUDIO_UNREADABLE", "sonica.fingerprint", 3)),
        ("POST", "/v1/recognize", b"", 400, ("SOURCE_MISSING", "sonica.recognition", 3)),
        ("POST", "/v1/recognitions", b"{}", 400, ("VALIDATION_FAILED", "sonica.recognition", 3)),
        ("POST", "/v1/recognitions", b"{nope", 400, ("REQUEST_MALFORMED", "sonica.edge", 3)),
        ("POST", "/v1/recognize?nope=1", CLIP, 400, ("REQUEST_MALFORMED", "sonica.edge", 3)),
        ("POST", "/v1/recognize", b"!" * 5000, 503, ("INDEX_UNREACHABLE", "sonica.matching", 14)),
        ("GET", "/v1/tracks/none", None, 404, ("TRACK_NOT_FOUND", "sonica.catalog", 5)),
        ("GET", "/v1/nothing", None, 404, ("ROUTE_NOT_FOUND", "sonica.edge", 5)),
        ("PUT", "/v1/tracks", b"x", 404, ("ROUTE_NOT_FOUND", "sonica.edge", 5)),
        ("GET", "/v1/tracks/a/b", None, 404, ("ROUTE_NOT_FOUND", "sonica.edge", 5)),
        ("OPTIONS", "/v1/tracks", None, 404, ("ROUTE_NOT_FOUND", "sonica.edge", 5)),
    ],
)
async def test_errors_are_typed_for_rest(
    rig: Rig,
    verb: str,
    path: str,
    content: bytes | None,
    status: int,
    expected: tuple[str, str, int],
) -> None:
    answer = await rig.rest.request(verb, path, content=content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert reason(answer.json()) == expected


@pytest.mark.parametrize("row", [m for m in METHODS if m.exposed], ids=lambda row: row.name)
async def test_exposed_rpc_is_reached(rig: Rig, row: Method) -> None:
    assert await raw_call(rig.edge, row.path) in (
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
    )
    assert (row.upstream == "gateway") == (
        await raw_call(rig.inside, row.path) is grpc.StatusCode.UNIMPLEMENTED
    )


HIDDEN = [
    *(row.path for row in METHODS if not row.exposed),
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/sonica.catalog.v1.CatalogService/Nothing",
    "/sonica.matching.v1.MatchingService",
]
DETOURS = [
    "/{path}",
    "/v1/tracks/..{path}",
    "/v1/tracks/../..{path}",
    "/v1/tracks/%2e%2e/%2e%2e{path}",
    "/v1/recognize{path}",
    "{path}/",
    "{path};x",
]


@pytest.mark.parametrize("path", HIDDEN)
async def test_hidden_rpc_is_refused_in_every_protocol(rig: Rig, path: str) -> None:
    before = calls(rig)
    assert await raw_call(rig.edge, path) is grpc.StatusCode.UNIMPLEMENTED
    web = await rig.rest.post(path, headers=WEB, content=frame(b""))
    # gRPC-Web reads 404 as UNIMPLEMENTED.
    assert web.status_code == 404
    for detour in ("{path}", *DETOURS):
        for verb in ("GET", "POST"):
            answer = await rig.rest.request(verb, detour.format(path=path))
            assert answer.status_code in (400, 404), detour
            assert reason(answer.json())
    assert calls(rig) == before


async def test_a_plus_in_a_query_is_a_space(rig: Rig) -> None:
    for query in ("track.title=Dil+Se+2", "track.title=Dil%20Se%202"):
        created = await rig.rest.post(f"/v1/tracks?{query}", content=query.encode())
        assert created.json()["track"]["title"] == "Dil Se 2"
    created = await rig.rest.post("/v1/tracks?track.title=1%2B1", content=b"plus")
    assert created.json()["track"]["title"] == "1+1"


async def test_rpc_paths_take_no_json(rig: Rig) -> None:
    before = calls(rig)
    for row in METHODS:
        answer = await rig.rest.post(row.path, json={})
        assert answer.status_code == 404
    assert calls(rig) == before


async def test_errors_reach_grpc_callers_whole(rig: Rig) -> None:
    stub = RecognitionServiceStub(rig.edge)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Recognize(recognition.RecognizeRequest(upload={"data": b"BAD"}), timeout=60)
    error = from_rpc_error(raised.value)
    assert error is not None
    assert (error.reason, error.domain, error.metadata) == (
        "AUDIO_UNREADABLE",
        "sonica.fingerprint",
        {"byte_count": "3"},
    )


async def test_grpc_web_unary(rig: Rig) -> None:
    request = recognition.RecognizeRequest(audio={"content": CLIP}).SerializeToString()
    path = "/sonica.recognition.v1.RecognitionService/Recognize"
    answer = await rig.rest.post(path, headers=WEB | {"origin": PAGE}, content=frame(request))
    assert answer.headers["access-control-allow-origin"] == PAGE
    (length,) = struct.unpack_from(">I", answer.content, 1)
    message = recognition.RecognizeResponse.FromString(answer.content[5 : 5 + length])
    assert message.matches[0].track.track_id == "k"
    assert trailers(answer.content)["grpc-status"] == "0"


async def test_grpc_web_error_has_its_details(rig: Rig) -> None:
    request = catalog.GetTrackRequest(track_id="none").SerializeToString()
    path = "/sonica.catalog.v1.CatalogService/GetTrack"
    answer = await rig.rest.post(path, headers=WEB, content=frame(request))
    ends = trailers(answer.content) or dict(answer.headers)
    assert ends["grpc-status"] == "5"
    assert ends["grpc-status-details-bin"]


@pytest.mark.parametrize(
    "path", ["/v1/recognize", "/v1/tracks/x", "/sonica.recognition.v1.RecognitionService/Recognize"]
)
async def test_preflight_of_an_allowed_page(rig: Rig, path: str) -> None:
    asked = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-grpc-web,content-type,grpc-timeout",
    }
    answer = await rig.rest.options(path, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "x-grpc-web" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example"])
async def test_a_name_that_was_made_to_point_here_reaches_nothing(rig: Rig, host: str) -> None:
    """DNS rebinding: such a page is of the same origin as the edge and sends no Origin."""
    answer = await rig.rest.get("/v1/tracks", headers={"host": host})
    assert answer.status_code == 404
    assert answer.json()["details"][0]["reason"] == "ROUTE_NOT_FOUND"
    for own in ("localhost", "localhost:1", "127.0.0.1"):
        assert (await rig.rest.get("/v1/tracks", headers={"host": own})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "null", "http://localhost:"]
)
async def test_other_pages_are_refused_even_without_preflight(rig: Rig, origin: str) -> None:
    before = calls(rig)
    post = await rig.rest.post("/v1/tracks", headers={"origin": origin}, content=b"form post")
    assert reason(post.json()) == ("ORIGIN_NOT_ALLOWED", "sonica.edge", 7)
    asked = {"origin": origin, "access-control-request-method": "DELETE"}
    preflight = await rig.rest.options("/v1/tracks/x", headers=asked)
    assert "access-control-allow-origin" not in preflight.headers
    assert calls(rig) == before


async def test_internal_headers_of_a_client_reach_no_service(rig: Rig) -> None:
    forged = {
        "x-sonica-principal": "root",
        "x-sonica-anything": "1",
        "x-envoy-original-path": "/x",
        "x-envoy-retry-on": "5xx",
        "x-harmless": "kept",
    }
    await rig.rest.get("/v1/tracks", headers=forged)
    seen = dict(rig.services.catalog.metadata)
    assert not [name for name in seen if name.startswith("x-sonica")]
    assert seen["x-harmless"] == "kept"
    assert seen.get("x-envoy-original-path", "/v1/tracks") == "/v1/tracks"
    assert "x-envoy-retry-on" not in seen
    await CatalogServiceStub(rig.edge).ListTracks(
        catalog.ListTracksRequest(), metadata=list(forged.items()), timeout=60
    )
    assert not [n for n in rig.services.catalog.metadata if n.startswith("x-sonica")]


async def test_header_names_that_could_pass_for_others_are_refused(rig: Rig) -> None:
    answer = await rig.rest.get("/v1/tracks", headers={"x_sonica_principal": "root"})
    assert answer.status_code == 400


async def test_replies_do_not_name_the_proxy(rig: Rig) -> None:
    answer = await rig.rest.get("/v1/tracks")
    assert answer.headers["server"] == "sonica"
    assert not [name for name in answer.headers if name.startswith("x-envoy")]


async def test_health_page_tells_whether_all_services_answer(rig: Rig) -> None:
    assert (await rig.rest.get("/healthz")).status_code == 200
