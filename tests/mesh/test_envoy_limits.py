"""Aim: nobody gets more calls through than their limit, and who is refused is told how to go on.

Method: a real Envoy before two replicas of the real user_svc on real PostgreSQL and Redis, with
stand-ins behind the gateway. Every test calls from a loopback address of its own.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sonica.recognition.v1 import recognition_service_pb2 as recognition
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub

from mesh.runtime.testing import serving
from tests.integration import stores
from tests.integration.user_service import Client, User, make_settings
from tests.mesh.rig import Rig, mesh_with_accounts, running_mesh, temporary_folder, written
from tests.mesh.test_envoy_edge import CLIP, PAGE, WEB, frame, trailers
from user_svc.server import build as build_users

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANONYMOUS, CREDENTIALS, DAILY, ALLOWED = 6, 3, 20, 30
# One more call passes after hours: no machine is as slow as that.
WINDOW = 86_400
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
OPERATOR_KEY = f"op_{'k' * 43}"
_hosts = itertools.count(2)


@asynccontextmanager
async def limited_mesh(**overrides: Any) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        _, dsn = stack.enter_context(stores.postgres())
        _, redis = stack.enter_context(stores.redis())
        folder = stack.enter_context(temporary_folder())
        users = make_settings(
            dsn,
            redis_url=redis,
            operator_key_file=written(Path(folder, "operator.key"), OPERATOR_KEY),
            free_recognitions_per_day=DAILY,
        )
        replicas = [f"unix:{folder}/{name}" for name in ("one", "other")]
        for replica in replicas:
            registrations = await stack.enter_async_context(build_users(users))
            await stack.enter_async_context(serving(registrations, listen=replica))
        limits = {
            "anonymous_requests": ANONYMOUS,
            "anonymous_window_seconds": WINDOW,
            "credential_requests": CREDENTIALS,
            "credential_window_seconds": WINDOW,
            "authorization_requests": ALLOWED,
            "authorization_window_seconds": WINDOW,
            "limit_timeout_seconds": 60,
            "user": tuple(replicas),
        }
        yield await stack.enter_async_context(running_mesh(users, **(limits | overrides)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with limited_mesh() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def rest(rig: Rig) -> AsyncIterator[httpx.AsyncClient]:
    """A client at an address that nobody else calls from."""
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{next(_hosts)}")
    base = f"http://{rig.plan.edge}"
    async with httpx.AsyncClient(transport=transport, base_url=base, timeout=120) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def somebody(rig: Rig) -> User:
    """A free account. Calls for it are made behind the edge, and count for nobody's address."""
    return await newcomer(rig)


async def newcomer(rig: Rig) -> User:
    async with grpc.aio.insecure_channel(rig.plan.user[0]) as channel:
        return await Client(channel).newcomer()


def detail(answer: httpx.Response, kind: str) -> dict[str, Any]:
    """Returns the one detail of a kind in a REST error."""
    (found,) = [d for d in answer.json()["details"] if d["@type"].endswith(f"google.rpc.{kind}")]
    result: dict[str, Any] = found
    return result


def details_of(error: grpc.aio.AioRpcError) -> tuple[Any, Any, Any]:
    """Returns what a gRPC caller learns: ErrorInfo, RetryInfo, QuotaFailure."""
    status = rpc_status.from_call(error)
    assert status is not None
    found = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.RetryInfo(),
        error_details_pb2.QuotaFailure(),
    )
    for message in found:
        assert any(packed.Unpack(message) for packed in status.details)
    return found


async def recognize(rig: Rig, user: User | None) -> grpc.StatusCode:
    """Recognises over gRPC, and returns how that ended."""
    try:
        await RecognitionServiceStub(rig.edge).Recognize(
            recognition.RecognizeRequest(upload={"data": CLIP}),
            metadata=user.bearer if user else (),
            timeout=120,
        )
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_an_address_has_so_many_calls_without_credentials(rest: httpx.AsyncClient) -> None:
    for left in reversed(range(ANONYMOUS)):
        # Neither health, nor a preflight, nor what no route takes counts.
        assert (await rest.get("/healthz")).status_code == 200
        asked = {"origin": PAGE, "access-control-request-method": "GET"}
        assert (await rest.options("/v1/tracks", headers=asked)).status_code == 200
        assert (await rest.get("/v1/nothing")).status_code == 404
        answer = await rest.get("/v1/tracks")
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == f'"anonymous";q={ANONYMOUS};w={WINDOW}'
        assert answer.headers["ratelimit"].startswith(f'"anonymous";r={left};t=')
    refused = await rest.get("/v1/tracks")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/json"
    assert refused.headers["retry-after"] == str(WINDOW // ANONYMOUS)
    assert refused.headers["ratelimit"].startswith('"anonymous";r=0;t=')
    assert refused.json()["code"] == 8
    info = detail(refused, "ErrorInfo")
    assert (info["reason"], info["domain"]) == ("RATE_LIMITED", "sonica.edge")
    assert info["metadata"] == {"limit": str(ANONYMOUS), "window_seconds": str(WINDOW)}
    assert detail(refused, "RetryInfo")["retryDelay"] == f"{WINDOW // ANONYMOUS}s"
    assert detail(refused, "QuotaFailure")["violations"][0]["subject"] == "address"
    assert not [name for name in refused.headers if name.startswith("x-ratelimit")]


async def test_who_is_known_does_not_count_for_the_address(
    rest: httpx.AsyncClient, somebody: User
) -> None:
    for _ in range(ANONYMOUS + 1):
        last = await rest.get("/v1/tracks")
    assert last.status_code == 429
    known = await rest.get("/v1/tracks", headers=dict(somebody.bearer))
    assert known.status_code == 200
    assert "ratelimit" not in known.headers  # it has no limit of calls here
    forged = await rest.get("/v1/tracks", headers={"x-sonica-user": "users/x"})
    assert forged.status_code == 429


async def test_grpc_callers_see_resource_exhausted_with_details(rig: Rig) -> None:
    codes = [await recognize(rig, None) for _ in range(ANONYMOUS + 2)]
    assert codes == [grpc.StatusCode.OK] * ANONYMOUS + [EXHAUSTED] * 2
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RecognitionServiceStub(rig.edge).Recognize(recognition.RecognizeRequest())
    info, retry, quota = details_of(caught.value)
    assert (info.reason, info.domain) == ("RATE_LIMITED", "sonica.edge")
    assert retry.retry_delay.seconds == WINDOW // ANONYMOUS
    assert quota.violations[0].subject == "address"
    assert caught.value.details() == quota.violations[0].description


async def test_grpc_web_callers_see_it_too(rest: httpx.AsyncClient) -> None:
    path = "/sonica.catalog.v1.CatalogService/ListTracks"
    for _ in range(ANONYMOUS + 1):
        answer = await rest.post(path, headers=WEB | {"origin": PAGE}, content=frame(b""))
    ends = trailers(answer.content) or dict(answer.headers)
    assert ends["grpc-status"] == "8"
    assert ends["grpc-status-details-bin"]
    exposed = answer.headers["access-control-expose-headers"]
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= set(exposed.split(", "))


async def test_credentials_may_be_tried_less_often(rest: httpx.AsyncClient) -> None:
    form = {"email": "nobody@example.org", "password": "correct horse"}
    answers = [await rest.post("/v1/sessions", json=form) for _ in range(CREDENTIALS)]
    assert [answer.status_code for answer in answers] == [401] * CREDENTIALS
    for path, body in (
        ("/v1/sessions", form),
        ("/v1/users", form),
        ("/v1/sessions:refresh", {"refreshToken": "rt_"}),
    ):
        refused = await rest.post(path, json=body)
        assert refused.status_code == 429
        assert detail(refused, "ErrorInfo")["metadata"]["limit"] == str(CREDENTIALS)
        assert refused.headers["retry-after"] == str(WINDOW // CREDENTIALS)
    assert (await rest.get("/v1/tracks")).status_code == 429, "as many came as may"


async def test_made_up_keys_are_stopped_before_user_svc_is_asked(
    rest: httpx.AsyncClient, rig: Rig
) -> None:
    made_up = {"x-api-key": f"sk_{'0' * 16}_{'k' * 43}"}
    asked = await questions(rig)
    calls = (rest.get("/v1/tracks", headers=made_up) for _ in range(ALLOWED + 10))
    codes = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert (codes.count(401), codes.count(429)) == (ALLOWED, 10)
    # To what not everybody may call, user_svc is asked without a key too.
    refused = await rest.delete("/v1/tracks/00000000-0000-4000-8000-000000000000")
    assert refused.status_code == 429
    assert detail(refused, "ErrorInfo")["reason"] == "RATE_LIMITED"
    assert detail(refused, "ErrorInfo")["metadata"]["limit"] == str(ALLOWED)
    assert refused.headers["retry-after"] == str(WINDOW // ALLOWED)
    path = "/sonica.catalog.v1.CatalogService/ListTracks"
    answer = await rest.post(path, headers=WEB | {"origin": PAGE} | made_up, content=frame(b""))
    assert (trailers(answer.content) or dict(answer.headers))["grpc-status"] == "8"
    assert await questions(rig) - asked == ALLOWED
    assert (await rest.get("/v1/tracks")).status_code == 200, "nobody is asked about this"


async def questions(rig: Rig) -> int:
    """Returns how often Envoy has asked user_svc about a call."""
    answer = await rig.admin.get("/stats?filter=^cluster.*ext_authz.(ok|denied|error)$&format=json")
    return sum(stat["value"] for stat in answer.json()["stats"] if "value" in stat)


async def test_of_fifty_at_once_exactly_the_quota_passes(rig: Rig) -> None:
    user = await newcomer(rig)
    headers = dict(user.bearer)

    async def by_rest() -> grpc.StatusCode:
        answer = await rig.rest.post("/v1/recognize", content=CLIP, headers=headers)
        assert answer.status_code in (200, 429)
        return grpc.StatusCode.OK if answer.status_code == 200 else EXHAUSTED

    before = rig.services.fingerprint.calls["ExtractFingerprint"]
    calls = [call for _ in range(25) for call in (recognize(rig, user), by_rest())]
    codes = await asyncio.gather(*calls)
    assert (codes.count(grpc.StatusCode.OK), codes.count(EXHAUSTED)) == (DAILY, 50 - DAILY)
    assert rig.services.fingerprint.calls["ExtractFingerprint"] - before == DAILY
    assert (await rig.rest.get("/v1/tracks", headers=headers)).status_code == 200
    refused = await rig.rest.post("/v1/recognize", content=CLIP, headers=headers)
    assert detail(refused, "ErrorInfo")["reason"] == "QUOTA_EXHAUSTED"
    assert detail(refused, "QuotaFailure")["violations"][0]["subject"] == user.name
    assert detail(refused, "RetryInfo")["retryDelay"] == f"{refused.headers['retry-after']}s"
    assert refused.headers["content-type"] == "application/json"
    assert refused.headers["ratelimit"].startswith('"recognitions";r=0;t=')
    assert refused.headers["ratelimit-policy"] == f'"recognitions";q={DAILY};w=86400'
    assert not [name for name in refused.headers if name.startswith("x-")]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RecognitionServiceStub(rig.edge).Recognize(
            recognition.RecognizeRequest(upload={"data": CLIP}), metadata=user.bearer
        )
    info, retry, _ = details_of(caught.value)
    assert (caught.value.code(), info.reason) == (EXHAUSTED, "QUOTA_EXHAUSTED")
    assert retry.retry_delay.seconds > 0
    used = await rig.rest.get("/v1/users/me/usage", headers=headers)
    assert used.json()["usage"]["recognitions"]["remaining"] == 0


async def test_a_key_has_a_quota_of_its_own(rest: httpx.AsyncClient, rig: Rig) -> None:
    user = await newcomer(rig)
    scopes = ["SCOPE_RECOGNIZE", "SCOPE_ACCOUNT_READ"]
    made = await rest.post(
        "/v1/users/me/apiKeys",
        json={"displayName": "radio", "scopes": scopes, "dailyRecognitionLimit": 2},
        headers=dict(user.bearer),
    )
    key = {"x-api-key": made.json()["keyText"]}
    answers = [await rest.post("/v1/recognize", content=CLIP, headers=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    subject = detail(answers[-1], "QuotaFailure")["violations"][0]["subject"]
    assert subject == made.json()["apiKey"]["name"]
    used = (await rest.get("/v1/users/me/usage", headers=key)).json()["usage"]
    assert (used["keyRecognitions"]["used"], used["recognitions"]["used"]) == (2, 2)
    others = await rest.post("/v1/recognize", content=CLIP, headers=dict(user.bearer))
    assert others.status_code == 200


async def test_the_operator_has_no_limit(rest: httpx.AsyncClient) -> None:
    headers = {"x-api-key": OPERATOR_KEY}
    calls = (rest.post("/v1/recognize", content=CLIP, headers=headers) for _ in range(DAILY + 5))
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}


async def test_long_answers_are_compressed_for_who_accepts_it(rest: httpx.AsyncClient) -> None:
    for number in range(20):
        await rest.post(
            f"/v1/tracks?track.title={'a' * 100}{number}",
            content=b"one recording %d" % number,
            headers={"x-api-key": OPERATOR_KEY},
        )
    packed = await rest.get("/v1/tracks", headers={"accept-encoding": "gzip"})
    plain = await rest.get("/v1/tracks", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


async def test_without_user_svc_callers_with_a_token_go_on_uncounted() -> None:
    async with mesh_with_accounts(free_recognitions_per_day=1) as running:
        user = await newcomer(running)
        codes = [await recognize(running, user) for _ in range(3)]
        assert codes == [grpc.StatusCode.OK, EXHAUSTED, EXHAUSTED]
        await running.users.aclose()
        codes = [await recognize(running, user) for _ in range(3)]
        assert codes == [grpc.StatusCode.OK] * 3
