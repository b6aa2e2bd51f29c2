"""Aim: whoever calls wrongly is told the same by gRPC and by REST, to the last detail.

Method: each bad call is made both ways through a closed mesh with the real user_svc; what comes
back as trailers and as JSON is read into one form and compared. What the call is refused for is
stated too, so that both cannot be wrong alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.recognition.v1 import recognition_service_pb2 as recognition
from sonica.user.v1 import account_service_pb2 as accounts
from sonica.user.v1 import api_key_service_pb2 as api_keys
from sonica.user.v1 import session_service_pb2 as sessions

from tests.mesh.rig import Rig, mesh_with_accounts, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from google.protobuf.message import Message

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECOGNITION = "/sonica.recognition.v1.RecognitionService/"
CATALOG = "/sonica.catalog.v1.CatalogService/"
ACCOUNTS = "/sonica.user.v1.AccountService/"
SESSIONS = "/sonica.user.v1.SessionService/"
KEYS = "/sonica.user.v1.ApiKeyService/"
ADA = {"email": "ada@example.org", "password": "correct horse battery"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with mesh_with_accounts() as running:
        created = await running.rest.post("/v1/users", json=ADA)
        assert created.status_code == 200, created.text
        yield running


@dataclass(frozen=True)
class Bad:
    """One bad call, as gRPC and as REST.

    `headers` go with both. A `message` of bytes is sent as it is.
    """

    reason: str
    status: int
    rpc: str
    message: Message | bytes
    verb: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


CLIP = b"k" * 5000
LOGGED_IN = {"authorization": "Bearer x"}


def recognize(content: bytes, **fields: Any) -> recognition.RecognizeRequest:
    return recognition.RecognizeRequest(upload={"data": content}, **fields)


BAD_CALLS = {
    "no source": Bad(
        "VALIDATION_FAILED", 400, RECOGNITION + "Recognize", recognition.RecognizeRequest(),
        "POST", "/v1/recognitions", body={},
    ),
    "two limits broken": Bad(
        "VALIDATION_FAILED", 400, RECOGNITION + "Recognize",
        recognize(CLIP, max_match_count=-1, start_offset={"seconds": -2}),
        "POST", "/v1/recognize?maxMatchCount=-1&startOffset=-2s", body=CLIP,
    ),
    "empty clip": Bad(
        "SOURCE_MISSING", 400, RECOGNITION + "Recognize", recognize(b""),
        "POST", "/v1/recognize", body=b"",
    ),
    "no audio": Bad(
        "AUDIO_UNREADABLE", 400, RECOGNITION + "Recognize", recognize(b"BAD"),
        "POST", "/v1/recognize", body=b"BAD",
    ),
    "index away": Bad(
        "INDEX_UNREACHABLE", 503, RECOGNITION + "Recognize", recognize(b"FAIL"),
        "POST", "/v1/recognize", body=b"FAIL",
    ),
    "unknown track": Bad(
        "TRACK_NOT_FOUND", 404, CATALOG + "GetTrack", catalog.GetTrackRequest(track_id="none"),
        "GET", "/v1/tracks/none",
    ),
    "long name of a track": Bad(
        "VALIDATION_FAILED", 400, CATALOG + "GetTrack",
        catalog.GetTrackRequest(track_id="x" * 221), "GET", "/v1/tracks/" + "x" * 221,
    ),
    "page of negative size": Bad(
        "VALIDATION_FAILED", 400, CATALOG + "ListTracks",
        catalog.ListTracksRequest(page_size=-1), "GET", "/v1/tracks?pageSize=-1",
    ),
    "registration without credentials": Bad(
        "CREDENTIALS_MISSING", 401, CATALOG + "DeleteTrack",
        catalog.DeleteTrackRequest(track_id="x"), "DELETE", "/v1/tracks/x",
    ),
    "forged token": Bad(
        "CREDENTIALS_REFUSED", 401, CATALOG + "ListTracks", catalog.ListTracksRequest(),
        "GET", "/v1/tracks", {"authorization": "Bearer forged"},
    ),
    "forged key": Bad(
        "CREDENTIALS_REFUSED", 401, CATALOG + "ListTracks", catalog.ListTracksRequest(),
        "GET", "/v1/tracks", {"x-api-key": "sk_0123456789abcdef_forged"},
    ),
    "catalogue changed by no admin": Bad(
        "ACCESS_DENIED", 403, CATALOG + "DeleteTrack", catalog.DeleteTrackRequest(track_id="x"),
        "DELETE", "/v1/tracks/x", LOGGED_IN,
    ),
    "own account without credentials": Bad(
        "CREDENTIALS_MISSING", 401, ACCOUNTS + "GetAccount",
        accounts.GetAccountRequest(name="users/me"), "GET", "/v1/users/me",
    ),
    "account of another": Bad(
        "ACCESS_DENIED", 403, ACCOUNTS + "GetAccount",
        accounts.GetAccountRequest(name="users/0b6ff5a1-3f0e-4c55-8b5a-3b1f5f0f2f10"),
        "GET", "/v1/users/0b6ff5a1-3f0e-4c55-8b5a-3b1f5f0f2f10", LOGGED_IN,
    ),
    "address taken": Bad(
        "EMAIL_TAKEN", 409, ACCOUNTS + "Register", accounts.RegisterRequest(**ADA),
        "POST", "/v1/users", body=ADA,
    ),
    "no address and no password": Bad(
        "VALIDATION_FAILED", 400, ACCOUNTS + "Register",
        accounts.RegisterRequest(email="ada", password="short"),  # noqa: S106
        "POST", "/v1/users", body={"email": "ada", "password": "short"},
    ),
    "wrong password": Bad(
        "LOGIN_REFUSED", 401, SESSIONS + "LogIn",
        sessions.LogInRequest(email=ADA["email"], password="wrong horse battery"),  # noqa: S106
        "POST", "/v1/sessions", body=ADA | {"password": "wrong horse battery"},
    ),
    "stale refresh token": Bad(
        "REFRESH_REFUSED", 401, SESSIONS + "Refresh",
        sessions.RefreshRequest(refresh_token="rt_none"),  # noqa: S106
        "POST", "/v1/sessions:refresh", body={"refreshToken": "rt_none"},
    ),
    "key for nothing": Bad(
        "VALIDATION_FAILED", 400, KEYS + "CreateApiKey",
        api_keys.CreateApiKeyRequest(parent="users/me", display_name=""),
        "POST", "/v1/users/me/apiKeys", LOGGED_IN, body={"displayName": ""},
    ),
    "page of another origin": Bad(
        "ORIGIN_NOT_ALLOWED", 403, CATALOG + "ListTracks", catalog.ListTracksRequest(),
        "GET", "/v1/tracks", {"origin": "https://evil.example"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def logged_in() -> dict[str, str]:
    return {}


async def with_session(
    rig: Rig, headers: Mapping[str, str], kept: dict[str, str]
) -> dict[str, str]:
    """Returns headers in which the placeholder for a token is Ada's own."""
    if headers is not LOGGED_IN:
        return dict(headers)
    if not kept:
        answer = (await rig.rest.post("/v1/sessions", json=ADA)).json()
        kept["authorization"] = f"Bearer {answer['tokens']['accessToken']}"
    return kept


def comparable(status: status_pb2.Status) -> dict[str, Any]:
    """Returns a status without what is another at each call."""
    found: dict[str, Any] = {"code": status.code, "message": status.message}
    for packed in status.details:
        for kind in ("ErrorInfo", "BadRequest", "QuotaFailure", "RetryInfo"):
            detail = getattr(error_details_pb2, kind)()
            if packed.Unpack(detail):
                assert kind not in found, "a detail comes twice"
                found[kind] = MessageToDict(detail)
    assert len(found) == 2 + len(status.details)
    return found


async def by_grpc(rig: Rig, bad: Bad, headers: Mapping[str, str]) -> dict[str, Any]:
    content = bad.message if isinstance(bad.message, bytes) else bad.message.SerializeToString()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await rig.edge.unary_unary(bad.rpc)(content, metadata=list(headers.items()), timeout=None)
    status = rpc_status.from_call(raised.value)
    assert status is not None, (raised.value.code(), raised.value.details())
    return comparable(status)


async def by_rest(rig: Rig, bad: Bad, headers: Mapping[str, str]) -> dict[str, Any]:
    content = {"content": bad.body} if isinstance(bad.body, bytes) else {"json": bad.body}
    sent = content if bad.body is not None else {}
    answer = await rig.rest.request(bad.verb, bad.path, headers=dict(headers), **sent)
    assert answer.status_code == bad.status, answer.text
    return comparable(ParseDict(answer.json(), status_pb2.Status()))


@pytest.mark.parametrize("name", BAD_CALLS)
async def test_both_are_told_the_same(rig: Rig, name: str, logged_in: dict[str, str]) -> None:
    bad = BAD_CALLS[name]
    headers = await with_session(rig, bad.headers, logged_in)
    told = await by_grpc(rig, bad, headers)
    assert told["ErrorInfo"]["reason"] == bad.reason
    assert await by_rest(rig, bad, headers) == told
    assert ("BadRequest" in told) == (bad.reason == "VALIDATION_FAILED")
    assert ("RetryInfo" in told) == (bad.status in (429, 503))


async def test_a_call_that_takes_too_long_is_typed(rig: Rig) -> None:
    """Whoever of the mesh notices first says so, in words of its own."""
    bad = Bad(
        "", 504, RECOGNITION + "Recognize", recognize(b"HANG"),
        "POST", "/v1/recognize", {"grpc-timeout": "300m"}, body=b"HANG",
    )  # fmt: skip
    for told in (await by_grpc(rig, bad, bad.headers), await by_rest(rig, bad, bad.headers)):
        assert told["code"] == 4
        assert told["ErrorInfo"]["reason"] in ("DEADLINE_EXCEEDED", "UPSTREAM_DEADLINE_EXCEEDED")


async def test_a_service_that_is_away_is_told_the_same() -> None:
    bad = Bad(
        "UPSTREAM_UNAVAILABLE", 503, ACCOUNTS + "GetAccount",
        accounts.GetAccountRequest(name="users/me"), "GET", "/v1/users/me",
    )  # fmt: skip
    async with running_mesh(user=("unix:/tmp/nobody-listens-here",)) as rig:
        told = await by_grpc(rig, bad, {})
        assert told["ErrorInfo"] == {"reason": "UPSTREAM_UNAVAILABLE", "domain": "sonica.edge"}
        assert await by_rest(rig, bad, {}) == told
        assert told["RetryInfo"] == {"retryDelay": "1s"}


async def test_what_only_one_of_them_can_do_wrong_is_typed(rig: Rig) -> None:
    """Only REST sends broken JSON, and only gRPC broken protobuf."""
    unknown = Bad("ROUTE_NOT_FOUND", 404, CATALOG + "Nothing", b"", "GET", "/v1/nothing")
    rest, other = await by_rest(rig, unknown, {}), await by_grpc(rig, unknown, {})
    assert rest["ErrorInfo"] == other["ErrorInfo"]
    assert (rest["code"], other["code"]) == (5, 12)
    broken = Bad("", 400, CATALOG + "GetTrack", b"\xff\xff", "POST", "/v1/users", body=b"{nope")
    assert (await by_rest(rig, broken, {}))["ErrorInfo"]["reason"] == "REQUEST_MALFORMED"
    assert (await by_grpc(rig, broken, {}))["ErrorInfo"]["reason"] == "VALIDATION_FAILED"
    wrong_door = Bad("", 415, "/v1/recognize", b"", "POST", "/v1/recognize")
    refused = (await by_grpc(rig, wrong_door, {}))["ErrorInfo"]["reason"]
    assert refused == "CONTENT_TYPE_NOT_SUPPORTED"
