"""Aim: accounts work through the edge, by gRPC and by REST, and listening needs none.

Method: the real user_svc on real PostgreSQL and Redis behind a real Envoy, with stand-ins for the
other services.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio

from tests.integration.user_service import PASSWORD, Client, bearer, refusal
from tests.mesh.rig import Rig, mesh_with_accounts

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with mesh_with_accounts(max_failed_attempts=3) as running:
        yield running


def reason(answer: httpx.Response) -> tuple[int, str]:
    """Returns HTTP status and reason of a refusal."""
    (detail,) = [d for d in answer.json()["details"] if d["@type"].endswith("ErrorInfo")]
    return answer.status_code, detail["reason"]


def held(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def post(rig: Rig, path: str, token: str = "", **body: Any) -> httpx.Response:
    return await rig.rest.post(path, json=body, headers=held(token) if token else {})


async def logged_in(rig: Rig, email: str) -> dict[str, str]:
    """Registers somebody over REST, logs them in and returns the tokens."""
    made = await post(rig, "/v1/users", email=email, password=PASSWORD)
    assert made.json()["account"]["role"] == "ROLE_FREE"
    answer = await post(rig, "/v1/sessions", email=email, password=PASSWORD)
    tokens: dict[str, str] = answer.json()["tokens"]
    return tokens


async def test_a_session_by_rest(rig: Rig) -> None:
    tokens = await logged_in(rig, "rest@example.org")
    mine = await rig.rest.get("/v1/users/me", headers=held(tokens["accessToken"]))
    account = mine.json()["account"]
    assert account["email"] == "rest@example.org"
    changed = await rig.rest.patch(
        f"/v1/{account['name']}?update_mask=displayName,preferences.languages",
        json={"displayName": "Ada", "preferences": {"languages": ["hi"]}},
        headers=held(tokens["accessToken"]),
    )
    assert changed.json()["account"]["displayName"] == "Ada"
    assert changed.json()["account"]["preferences"]["languages"] == ["hi"]
    refreshed = await post(rig, "/v1/sessions:refresh", refreshToken=tokens["refreshToken"])
    newer = refreshed.json()["tokens"]
    again = await post(rig, "/v1/sessions:refresh", refreshToken=tokens["refreshToken"])
    assert reason(again) == (401, "REFRESH_REFUSED")
    ended = await post(rig, "/v1/sessions:refresh", refreshToken=newer["refreshToken"])
    assert reason(ended) == (401, "REFRESH_REFUSED")
    mine = await rig.rest.get("/v1/users/me", headers=held(newer["accessToken"]))
    assert reason(mine) == (401, "CREDENTIALS_REFUSED")
    answer = await post(rig, "/v1/sessions", email="rest@example.org", password=PASSWORD)
    token = answer.json()["tokens"]["accessToken"]
    assert (await post(rig, "/v1/sessions:logOut", token)).json() == {}
    assert reason(await post(rig, "/v1/sessions:logOut", token)) == (401, "CREDENTIALS_REFUSED")


async def test_a_session_by_grpc(rig: Rig) -> None:
    client = Client(rig.edge)
    user = await client.newcomer()
    tokens = await client.refresh(user.tokens.refresh_token)
    assert (await client.get(bearer(tokens.access_token))).email == user.email
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.refresh(user.tokens.refresh_token)
    assert refusal(caught.value) == (UNAUTHENTICATED, "REFRESH_REFUSED")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.get(bearer(tokens.access_token))
    assert refusal(caught.value) == (UNAUTHENTICATED, "CREDENTIALS_REFUSED")


async def test_keys_by_rest(rig: Rig) -> None:
    token = (await logged_in(rig, "keys@example.org"))["accessToken"]
    made = await post(
        rig,
        "/v1/users/me/apiKeys",
        token,
        displayName="radio",
        scopes=["SCOPE_ACCOUNT_READ"],
        expireTime="2999-01-01T00:00:00Z",
    )
    name, text = made.json()["apiKey"]["name"], made.json()["keyText"]
    mine = await rig.rest.get("/v1/users/me", headers={"x-api-key": text})
    assert mine.json()["account"]["email"] == "keys@example.org"
    listed = await rig.rest.get("/v1/users/me/apiKeys?page_size=1", headers=held(token))
    assert [key["name"] for key in listed.json()["apiKeys"]] == [name]
    assert text not in listed.text
    newer = (await post(rig, f"/v1/{name}:rotate", token)).json()["keyText"]
    assert (await post(rig, f"/v1/{name}:revoke", token)).json()["apiKey"]["revokeTime"]
    for each in (text, newer):
        mine = await rig.rest.get("/v1/users/me", headers={"x-api-key": each})
        assert reason(mine) == (401, "CREDENTIALS_REFUSED")


async def test_accounts_of_others_by_rest(rig: Rig) -> None:
    token = (await logged_in(rig, "nosy@example.org"))["accessToken"]
    nobody = "/v1/users/00000000-0000-4000-8000-000000000000"
    denied = (403, "ACCESS_DENIED")
    assert reason(await rig.rest.get(nobody, headers=held(token))) == denied
    assert reason(await rig.rest.get(f"{nobody}/apiKeys", headers=held(token))) == denied
    assert reason(await post(rig, f"{nobody}:logOutEverywhere", token)) == denied
    assert reason(await rig.rest.get("/v1/auditEvents", headers=held(token))) == denied
    assert reason(await rig.rest.get("/v1/auditEvents")) == (401, "CREDENTIALS_MISSING")
    assert reason(await rig.rest.get("/v1/users/1", headers=held(token))) == (
        400,
        "VALIDATION_FAILED",
    )


async def test_a_guesser_is_told_by_the_address_the_edge_sees(rig: Rig) -> None:
    await logged_in(rig, "guessed@example.org")
    answers = [
        reason(
            await rig.rest.post(
                "/v1/sessions",
                json={"email": "guessed@example.org", "password": f"guess {number}"},
                headers={"x-forwarded-for": f"10.0.0.{number}"},
            )
        )
        for number in range(5)
    ]
    assert answers == [(401, "LOGIN_REFUSED")] * 3 + [(429, "ATTEMPTS_EXHAUSTED")] * 2


async def test_recognition_and_reading_the_catalogue_need_no_account(rig: Rig) -> None:
    answer = await rig.rest.post("/v1/recognize", content=b"k" * 5000)
    assert answer.json()["matches"]
    assert (await rig.rest.get("/v1/tracks")).status_code == 200
    # Who sends credentials means them.
    refused = await rig.rest.get("/v1/tracks", headers=held("nonsense"))
    assert reason(refused) == (401, "CREDENTIALS_REFUSED")


async def test_the_key_set_is_not_served_at_the_edge(rig: Rig) -> None:
    assert reason(await rig.rest.get("/.well-known/jwks.json")) == (404, "ROUTE_NOT_FOUND")
