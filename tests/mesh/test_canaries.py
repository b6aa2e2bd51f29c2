"""Aim: no secret of anybody stands where it has no business, whatever calls carry it, and where.

Method: the whole mesh as `sonica up` starts it, closed. Secrets the test knows go through calls
that are right, and calls that are wrong as people get them wrong: other fields, broken JSON, query
strings, the wrong header. Then all that was answered, stored and logged is searched.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
import pytest_asyncio
from grpc_status import rpc_status
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import session_service_pb2 as session_pb

from mesh import local
from mesh.local import programs
from mesh.local.layout import Layout
from mesh.local.operator_key import operator_key
from mesh.local.postgres import Postgres
from mesh.local.redis_cache import redis_url
from mesh.local.settings import LocalSettings
from tests.integration.providers import come_back, provider_process
from tests.integration.receivers import Receiver, receiver
from tests.integration.user_service import Client, bearer
from tests.mesh import music
from tests.mesh.canaries import Canaries, answers_with, columns_with, files_with, redis_with

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CALLBACK = "http://127.0.0.1:5123/callback"
NOBODY = "00000000-0000-4000-8000-000000000000"
#: What is no secret, and must be found; else nothing was searched.
MARK = f"mark-{secrets.token_hex(8)}"


def word(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(12)}"


def passphrase() -> str:
    """Returns one as people choose it: no long word in it tells that it is a secret."""
    return " ".join(secrets.token_hex(4) for _ in range(4))


@dataclass
class Talk:
    """A mesh, the secrets that went through it, and what it answered to wrong calls."""

    data_dir: Path
    edge: str
    canaries: Canaries = field(default_factory=Canaries)
    answers: list[tuple[str, str]] = field(default_factory=list)

    async def rest(self, verb: str, path: str, **more: Any) -> None:
        """Makes a call that is wrong, over REST. One with too many fields is taken all the same."""
        async with httpx.AsyncClient(base_url=f"http://{self.edge}", timeout=120) as client:
            answer = await client.request(verb, path, **more)
        if answer.is_success:
            return
        told = f"{answer.text}\n{answer.headers}"
        self.answers.append((f"{verb} {path.partition('?')[0]} {answer.status_code}", told))

    async def grpc(self, name: str, call: Any) -> None:
        """Makes a call that is wrong, over gRPC."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        error = caught.value
        told = f"{error.details()}\n{rpc_status.from_call(error)}"  # type: ignore[arg-type]
        self.answers.append((name, told))


@pytest.fixture(scope="module")
def environment() -> Iterator[tuple[pytest.MonkeyPatch, str]]:
    """Limits off, since all calls have one address; webhooks and log-ins may be on this machine."""
    client_secret = word("client-secret")
    with provider_process() as issuer, pytest.MonkeyPatch.context() as patch:
        provider = {
            "name": "there",
            "issuer": issuer,
            "client_id": "sonica-here",
            "client_secret": client_secret,
        }
        for name, value in {
            "ANONYMOUS_REQUESTS": "0",
            "CREDENTIAL_REQUESTS": "0",
            "USER_WEBHOOK_HTTP_ALLOWED": "true",
            "USER_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
            "USER_SOCIAL_PROVIDERS": json.dumps([provider]),
        }.items():
            patch.setenv(f"SONICA_{name}", value)
        yield patch, client_secret


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talk(
    environment: tuple[pytest.MonkeyPatch, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Talk]:
    data_dir = tmp_path_factory.mktemp("canaries") / "data"
    patch, client_secret = environment
    async with receiver() as hook:
        patch.setenv("SONICA_USER_WEBHOOK_PORTS", f"[{urlsplit(hook.url).port}]")
        mesh = await asyncio.to_thread(local.up, data_dir, port=0)
        try:
            made = Talk(data_dir, mesh.edge_address)
            made.canaries.add("client secret", client_secret)
            await everything(made, hook)
            yield made
        finally:
            await asyncio.to_thread(local.down, data_dir)


async def everything(talk: Talk, hook: Receiver) -> None:
    """Makes all calls."""
    add = talk.canaries.add
    operator = add("operator key", operator_key(talk.data_dir, talk.edge) or "")
    email = add("e-mail", f"{word('person')}@example.org")
    password = add("password", passphrase())
    other = add("password", passphrase())
    async with (
        grpc.aio.insecure_channel(talk.edge) as channel,
        httpx.AsyncClient(base_url=f"http://{talk.edge}", timeout=120) as rest,
    ):
        client = Client(channel)
        person = {"email": email, "password": password}
        registered = await rest.post(
            "/v1/users", json=person, headers={"user-agent": MARK, "x-request-id": MARK}
        )
        assert registered.status_code == 200, registered.text
        tokens = (await client.sessions.LogIn(session_pb.LogInRequest(**person))).tokens
        tokens = (
            await client.sessions.Refresh(
                session_pb.RefreshRequest(refresh_token=add("refresh token", tokens.refresh_token))
            )
        ).tokens
        access = add("access token", tokens.access_token)
        refresh = add("refresh token", tokens.refresh_token)
        held = {"authorization": f"Bearer {access}"}
        made = await rest.post(
            "/v1/users/me/apiKeys",
            json={"displayName": MARK, "scopes": ["SCOPE_RECOGNIZE", "SCOPE_ACCOUNT_READ"]},
            headers=held,
        )
        key = add("API key", made.json()["keyText"])
        webhook = {"url": hook.url, "events": ["WEBHOOK_EVENT_RECOGNITION_MATCHED"]}
        made = await rest.post("/v1/users/me/webhooks", json={"webhook": webhook}, headers=held)
        secret = add("webhook secret", made.json()["secret"])
        name = made.json()["webhook"]["name"]
        assert (await rest.post(f"/v1/{name}:test", json={}, headers=held)).status_code == 200
        await hook.wait_for(1)
        begun = await client.sessions.BeginSocialLogIn(
            session_pb.BeginSocialLogInRequest(provider="there", redirect_uri=CALLBACK)
        )
        back = await come_back(begun.authorization_url, "ada")
        flow = {
            "state": add("state", back["state"]),
            "code": add("code", back["code"]),
            "flow_token": add("flow token", begun.flow_token),
        }
        done = await client.sessions.CompleteSocialLogIn(
            session_pb.CompleteSocialLogInRequest(**flow)
        )
        add("access token", done.tokens.access_token)
        add("refresh token", done.tokens.refresh_token)
        # What every part does with it, once by each kind of credentials.
        song = music.recording(0)
        by_operator = {"x-api-key": operator}
        made = await rest.post("/v1/tracks?track.title=X", content=song, headers=by_operator)
        assert made.status_code == 200, made.text
        for headers in (held, {"x-api-key": key}, by_operator, {}):
            heard = await rest.post("/v1/recognize", content=music.long_excerpt(0), headers=headers)
            assert heard.json()["matches"], heard.text
        await wrong_bodies(talk, email, password, other, refresh)
        for each in (access, refresh, key, operator, secret, flow["code"], email):
            await wrong_places(talk, each)
            await wrong_names(talk, client, each)
        for each in (password, access, refresh, key, operator, secret, email):
            await wrong_fields(talk, client, each)
        await wrong_places(talk, password)
        await wrong_addresses(talk, held, email, key)
        basic = base64.b64encode(f"{email}:{password}".encode()).decode()
        await talk.rest("GET", "/v1/users/me", headers={"authorization": f"Basic {basic}"})
        talk.canaries.add("basic", basic)
        await talk.grpc(
            "flow again",
            client.sessions.CompleteSocialLogIn(session_pb.CompleteSocialLogInRequest(**flow)),
        )
        await talk.grpc(
            "register again", client.accounts.Register(account_pb.RegisterRequest(**person))
        )
        await talk.grpc(
            "change",
            client.accounts.ChangePassword(
                account_pb.ChangePasswordRequest(
                    name="users/me", current_password=other, new_password=password
                ),
                metadata=bearer(access),
            ),
        )
        # Of things that have ended, too.
        await rest.post("/v1/sessions:logOut", json={}, headers=held)
        await talk.rest("GET", "/v1/users/me", headers=held)
        await talk.rest("DELETE", f"/v1/tracks/{NOBODY}", headers=held)


async def wrong_bodies(talk: Talk, email: str, password: str, other: str, refresh: str) -> None:
    """Sends forms that are not right."""
    for path in ("/v1/users", "/v1/sessions"):
        for body in (
            {"email": email, "passwort": password},
            {"email": email, "password": {"is": password}},
            {"email": email, "password": [password]},
            {"e-mail": email, password: "x"},
            {"email": email, "password": password, "updateMask": other},
            {"email": password, "password": email},
            {"email": email, "password": other * 40},
            [email, password],
            password,
        ):
            await talk.rest("POST", path, json=body)
        whole = json.dumps({"email": email, "password": password})
        for text in (whole[:-1], whole[:-3], whole + ",", f"'{whole}'", whole.replace(":", " ")):
            await talk.rest(
                "POST", path, content=text, headers={"content-type": "application/json"}
            )
        await talk.rest("POST", path, data={"email": email, "password": password})
        await talk.rest("POST", path, params={"email": email, "password": password})
        await talk.rest("POST", path, files={"password": password})
    await talk.rest("POST", "/v1/sessions", json={"email": email, "password": other})
    await talk.rest("POST", "/v1/sessions:refresh", json={"refreshToken": other})
    await talk.rest("POST", "/v1/sessions:refresh", json={"refreshToken": f"{refresh}x"})
    await talk.rest("POST", "/v1/sessions:refresh", json={"token": refresh})


async def wrong_places(talk: Talk, secret: str) -> None:
    """Sends a secret where another thing belongs."""
    for headers in (
        {"authorization": f"Bearer {secret}"},
        {"authorization": secret},
        {"x-api-key": f"{secret}x"},
        {"x-api-key": secret[:-1]},
    ):
        for path in ("/v1/users/me", "/v1/auditEvents"):
            await talk.rest("GET", path, headers=headers)
        await talk.rest("DELETE", f"/v1/tracks/{NOBODY}", headers=headers)
    for name in ("access_token", "api_key", "password", "page_token", "key"):
        for path in ("/v1/users/me", "/v1/tracks", "/v1/nothing"):
            await talk.rest("GET", path, params={name: secret})
    await talk.rest("POST", "/v1/recognize", params={"x-api-key": secret}, content=b"no audio")
    await talk.rest("POST", "/v1/recognize", content=secret.encode())


async def wrong_names(talk: Talk, client: Client, secret: str) -> None:
    """Sends a secret as the name of something."""
    for name in (secret, f"users/{secret}", f"users/{NOBODY}/{secret}"):
        await talk.grpc("get", client.get(bearer(secret), name))
        await talk.grpc("get by key", client.get([("x-api-key", f"{secret}x")], name))
    await talk.grpc(
        "begin",
        client.sessions.BeginSocialLogIn(
            session_pb.BeginSocialLogInRequest(provider=secret, redirect_uri=f"http://{secret}")
        ),
    )


async def wrong_fields(talk: Talk, client: Client, secret: str) -> None:
    """Sends a secret in fields that other secrets belong in."""
    await talk.grpc("log in", client.log_in(secret, secret))
    await talk.grpc("refresh", client.refresh(f"{secret}x"))
    await talk.grpc(
        "complete",
        client.sessions.CompleteSocialLogIn(
            session_pb.CompleteSocialLogInRequest(state=secret, code=secret, flow_token=secret)
        ),
    )


async def wrong_addresses(talk: Talk, held: dict[str, str], email: str, key: str) -> None:
    """Makes webhooks at addresses that hold secrets, and where nobody may be called."""
    for url in (
        f"https://{key}@example.org/hook",
        f"https://user:{key}@example.org/hook",
        f"https://127.0.0.1:1/hook?key={key}",
        f"https://169.254.169.254/{key}?to={email}",
        f"ftp://example.org/{key}",
        f"https://{key}.invalid:99999/",
        key,
    ):
        events = ["WEBHOOK_EVENT_RECOGNITION_MATCHED"]
        body = {"webhook": {"url": url, "events": events}}
        await talk.rest("POST", "/v1/users/me/webhooks", json=body, headers=held)


async def test_nothing_is_in_the_database_but_its_hash(talk: Talk) -> None:
    found = await columns_with(talk.canaries, users_dsn(talk))
    assert found == {"account.email": {"e-mail"}}


async def test_nothing_is_in_redis(talk: Talk) -> None:
    layout = Layout.of(talk.data_dir)
    assert await redis_with(talk.canaries, redis_url(layout)) == set()


async def test_no_refusal_repeats_what_was_sent(talk: Talk) -> None:
    assert len(talk.answers) > 200
    assert answers_with(talk.canaries, talk.answers) == {}


async def test_nothing_is_in_any_file(talk: Talk) -> None:
    """The last test: what parts keep for a while they write at their end."""
    key_file = "run/operator.key"
    assert files_with(talk.canaries, talk.data_dir)[key_file] == {"operator key"}
    await asyncio.to_thread(local.down, talk.data_dir)
    marks = Canaries()
    marks.add("mark", MARK)
    searched = files_with(marks, talk.data_dir)
    assert {"logs/access.log"} <= set(searched)
    assert any(path.startswith("spans/") for path in searched)
    found = files_with(talk.canaries, talk.data_dir)
    # PostgreSQL's own files hold what its tables do, which another test looks into.
    found = {path: kinds for path, kinds in found.items() if not path.startswith("postgres/")}
    assert found == {}


def users_dsn(talk: Talk) -> str:
    settings = LocalSettings.from_environment(talk.data_dir)
    folder = programs.postgres_bin_dir(settings)
    return Postgres.of(Layout.of(talk.data_dir), folder, {}).users_dsn
