"""Aim: a log-in at a provider opens the account that is linked to it, and never another.

Method: the real service on real PostgreSQL; a real provider as a process, and one of the test's own
that forges what a real one would not say.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import grpc
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from sonica.user.v1 import identity_service_pb2 as identity_pb
from sonica.user.v1 import personal_data_service_pb2
from sonica.user.v1 import session_service_pb2 as session_pb

from mesh.runtime.testing import SpanRecorder
from tests.integration.providers import (
    CLIENT_ID,
    CLIENT_SECRET,
    Forger,
    come_back,
    forger,
    provider_process,
)
from tests.integration.user_service import (
    Client,
    User,
    bearer,
    make_settings,
    refusal,
    user_service,
)
from user_svc.social import flows

CALLBACK = "http://127.0.0.1:5123/callback"
Code = grpc.StatusCode
REFUSED = (Code.UNAUTHENTICATED, "SOCIAL_LOGIN_REFUSED")
UNREACHABLE = (Code.UNAVAILABLE, "PROVIDER_UNREACHABLE")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider_process() as running:
        yield running


@asynccontextmanager
async def service(dsn: str, issuer: str, *more: str, **settings: object) -> AsyncIterator[Client]:
    providers = [
        {"name": name, "issuer": at, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        for name, at in zip(("there", "elsewhere"), (issuer, *more), strict=False)
    ]
    made = make_settings(dsn, social_providers=providers, **settings)
    async with user_service(made) as client:
        yield client


async def begin(
    client: Client, provider: str = "there", redirect_uri: str = CALLBACK
) -> session_pb.BeginSocialLogInResponse:
    request = session_pb.BeginSocialLogInRequest(provider=provider, redirect_uri=redirect_uri)
    response: session_pb.BeginSocialLogInResponse = await client.sessions.BeginSocialLogIn(request)
    return response


async def complete(
    client: Client, state: str, code: str, flow_token: str
) -> session_pb.CompleteSocialLogInResponse:
    request = session_pb.CompleteSocialLogInRequest(state=state, code=code, flow_token=flow_token)
    response: session_pb.CompleteSocialLogInResponse = await client.sessions.CompleteSocialLogIn(
        request
    )
    return response


async def log_in(client: Client, subject: str) -> session_pb.CompleteSocialLogInResponse:
    begun = await begin(client)
    back = await come_back(begun.authorization_url, subject)
    return await complete(client, back["state"], back["code"], begun.flow_token)


async def link(client: Client, user: User, subject: str) -> identity_pb.Identity:
    begun = await begin(client)
    back = await come_back(begun.authorization_url, subject)
    request = identity_pb.LinkIdentityRequest(
        parent="users/me", state=back["state"], code=back["code"], flow_token=begun.flow_token
    )
    response = await client.identities.LinkIdentity(request, metadata=user.bearer)
    return response.identity


async def identities(client: Client, user: User) -> list[identity_pb.Identity]:
    request = identity_pb.ListIdentitiesRequest(parent="users/me")
    response = await client.identities.ListIdentities(request, metadata=user.bearer)
    return list(response.identities)


async def unlink(client: Client, user: User, name: str) -> None:
    request = identity_pb.UnlinkIdentityRequest(name=name)
    await client.identities.UnlinkIdentity(request, metadata=user.bearer)


async def refused(call: Any) -> tuple[Code, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refusal(caught.value)


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def test_a_person_gets_an_account_once(postgres_dsn: str, issuer: str) -> None:
    async with service(postgres_dsn, issuer) as client:
        first = await log_in(client, "ada")
        assert first.registered
        account = await client.get(bearer(first.tokens.access_token))
        assert account.name == first.name
        assert account.email == "ada@example.org"
        again = await log_in(client, "ada")
        assert (again.name, again.registered) == (first.name, False)
        tokens = await client.refresh(again.tokens.refresh_token)
        user = User("", first.name, tokens)
        (identity,) = await identities(client, user)
        assert (identity.provider, identity.issuer, identity.subject) == ("there", issuer, "ada")
        assert identity.HasField("last_use_time")
        request = personal_data_service_pb2.ExportPersonalDataRequest(name="users/me")
        parts = client.personal.ExportPersonalData(request, metadata=user.bearer)
        exported = json.loads(b"".join([part.content.data async for part in parts]))
        assert [each["subject"] for each in exported["identities"]] == ["ada"]
        needed = (Code.FAILED_PRECONDITION, "IDENTITY_NEEDED")
        assert await refused(unlink(client, user, identity.name)) == needed
        assert len(await identities(client, user)) == 1


async def test_what_goes_to_the_provider(postgres_dsn: str) -> None:
    async with forger() as made, service(postgres_dsn, made.issuer) as client:
        begun = await begin(client)
        query = {k: v[0] for k, v in parse_qs(urlsplit(begun.authorization_url).query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["redirect_uri"] == CALLBACK
        assert query["state"] == begun.state
        assert query["code_challenge_method"] == "S256"
        assert begun.flow_token not in begun.authorization_url
        made.nonce = query["nonce"]
        await complete(client, begun.state, "the-code", begun.flow_token)
        (form,) = made.forms
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert challenge == query["code_challenge"]
        assert (form["code"], form["redirect_uri"]) == ("the-code", CALLBACK)
        other = await begin(client)
        assert query["code_challenge"] not in other.authorization_url
        assert query["nonce"] not in other.authorization_url


async def test_a_flow_is_for_one_use_of_who_has_begun_it(postgres_dsn: str, issuer: str) -> None:
    async with service(postgres_dsn, issuer) as client:
        begun, other = await begin(client), await begin(client)
        back = await come_back(begun.authorization_url, "ada")
        state, code = back["state"], back["code"]
        assert state == begun.state
        for wrong in ("", "x", begun.state, begun.flow_token[:-1] + "!"):
            assert (await refused(complete(client, state, code, wrong or "?"))) == REFUSED
        assert await refused(complete(client, "A" * 43, code, begun.flow_token)) == REFUSED
        await complete(client, state, code, begun.flow_token)
        assert await refused(complete(client, state, code, begun.flow_token)) == REFUSED
        # The code was used, and is of another flow besides.
        assert await refused(complete(client, other.state, code, other.flow_token)) == REFUSED
        # Somebody else's flow token: the state is burnt, and nobody is logged in.
        begun, other = await begin(client), await begin(client)
        back = await come_back(begun.authorization_url, "ada")
        assert await refused(complete(client, begun.state, back["code"], other.flow_token)) == (
            REFUSED
        )
        assert await refused(complete(client, begun.state, back["code"], begun.flow_token)) == (
            REFUSED
        )
        late = await begin(client)
        back = await come_back(late.authorization_url, "ada")
        await execute(postgres_dsn, "UPDATE users.social_flow SET expire_time = now()")
        assert await refused(complete(client, late.state, back["code"], late.flow_token)) == REFUSED


async def test_an_address_alone_opens_no_account(postgres_dsn: str, issuer: str) -> None:
    async with service(postgres_dsn, issuer) as client:
        ada = await client.register("ada@example.org")
        taken = (Code.ALREADY_EXISTS, "SOCIAL_EMAIL_TAKEN")
        assert await refused(log_in(client, "ada")) == taken
        unverified = (Code.FAILED_PRECONDITION, "SOCIAL_EMAIL_UNVERIFIED")
        assert await refused(log_in(client, "bob")) == unverified
        ada.tokens = await client.log_in("ada@example.org")
        identity = await link(client, ada, "ada")
        assert (await link(client, ada, "ada")) == identity
        assert (await log_in(client, "ada")).name == ada.name
        other = await client.newcomer()
        already = (Code.ALREADY_EXISTS, "IDENTITY_TAKEN")
        assert await refused(link(client, other, "ada")) == already
        await link(client, other, "bob")
        assert (await log_in(client, "bob")).name == other.name
        denied = (Code.PERMISSION_DENIED, "ACCESS_DENIED")
        assert await refused(unlink(client, other, identity.name)) == denied
        await unlink(client, ada, identity.name)
        missing = (Code.NOT_FOUND, "IDENTITY_NOT_FOUND")
        assert await refused(unlink(client, ada, identity.name)) == missing
        assert await refused(log_in(client, "ada")) == taken
        assert await identities(client, ada) == []


async def test_people_who_come_at_once_get_one_account(postgres_dsn: str, issuer: str) -> None:
    async with service(postgres_dsn, issuer) as client:
        results = await asyncio.gather(
            *(log_in(client, "ada") for _ in range(4)), return_exceptions=True
        )
        names = {each.name for each in results if not isinstance(each, BaseException)}
        refusals = {refusal(each)[1] for each in results if isinstance(each, grpc.RpcError)}
        assert len(names) == 1
        assert refusals <= {"SOCIAL_EMAIL_TAKEN", "SOCIAL_LOGIN_REFUSED"}


async def test_one_address_begins_so_many(
    postgres_dsn: str, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "_FLOWS_OF_ADDRESS_MAX", 3)
    request = session_pb.BeginSocialLogInRequest(provider="there", redirect_uri=CALLBACK)
    async with service(postgres_dsn, issuer) as client:

        async def begin_from(address: str) -> None:
            metadata = [("x-forwarded-for", address)]
            await client.sessions.BeginSocialLogIn(request, metadata=metadata)

        for number in range(3):
            await begin_from(f"2001:db8::{number}")
        busy = (Code.RESOURCE_EXHAUSTED, "SOCIAL_LOGIN_BUSY")
        assert await refused(begin_from("2001:db8::9")) == busy
        await begin_from("192.0.2.1")


async def test_where_people_may_be_sent(postgres_dsn: str, issuer: str) -> None:
    allowed = "https://app.example/back"
    async with service(postgres_dsn, issuer, social_redirect_uris=(allowed,)) as client:
        for redirect_uri in (
            "https://evil.example/",
            "https://app.example/back/",
            "http://localhost:5123/callback",
            "http://127.0.0.1.evil.example:80/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1:5123/callback?x=",
            "http://127.0.0.1:5123/callback\n",
        ):
            expected = (Code.INVALID_ARGUMENT, "REDIRECT_URI_REFUSED")
            assert await refused(begin(client, "there", redirect_uri)) == expected, redirect_uri
        expected = (Code.INVALID_ARGUMENT, "PROVIDER_UNKNOWN")
        assert await refused(begin(client, "nowhere")) == expected
        await begin(client, "there", allowed)
        await begin(client, "there", "http://[::1]:9/callback")


NOW = int(time.time())
FORGERIES: dict[str, dict[str, Any]] = {
    "another nonce": {"claims": {"nonce": "of another flow"}},
    "no nonce": {"claims": {"nonce": None}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "no issuer": {"claims": {"iss": None}},
    "another audience": {"claims": {"aud": "another"}},
    "several audiences": {"claims": {"aud": [CLIENT_ID, "another"], "azp": "another"}},
    "no audience": {"claims": {"aud": None}},
    "expired": {"claims": {"exp": NOW - 300}},
    "no end": {"claims": {"exp": None}},
    "not yet": {"claims": {"nbf": NOW + 3600}},
    "of the future": {"claims": {"iat": NOW + 3600}},
    "no subject": {"claims": {"sub": None}},
    "empty subject": {"claims": {"sub": ""}},
    "subject of another type": {"claims": {"sub": 7}},
    "long subject": {"claims": {"sub": "x" * 256}},
    "unsigned": {"header": {"alg": "none"}},
    "unsigned in capitals": {"header": {"alg": "nOnE"}},
    "signed by another": {"signing_key": RSAKey.generate_key(2048, {"kid": "1"})},
    "signed with a curve": {
        "signing_key": ECKey.generate_key("P-256", {"kid": "1"}),
        "header": {"alg": "ES256"},
    },
    "key of another name": {"header": {"kid": "../../etc/passwd"}},
    "no token": {"token": "nonsense"},
}


async def test_forged_tokens(postgres_dsn: str) -> None:
    async with forger() as made, service(postgres_dsn, made.issuer) as client:
        for name, forgery in FORGERIES.items():
            honest = {attribute: getattr(made, attribute) for attribute in forgery}
            vars(made).update(forgery)
            assert await refused(log_in_at(client, made)) == REFUSED, name
            vars(made).update(honest)
            assert (await log_in_at(client, made)).name, f"all else was good: {name}"


async def log_in_at(
    client: Client, made: Forger, code: str = "code"
) -> session_pb.CompleteSocialLogInResponse:
    begun = await begin(client)
    made.nonce = parse_qs(urlsplit(begun.authorization_url).query)["nonce"][0]
    return await complete(client, begun.state, code, begun.flow_token)


async def test_a_public_key_is_no_shared_secret(postgres_dsn: str) -> None:
    async with forger() as made, service(postgres_dsn, made.issuer) as client:
        made.signing_key = OctKey.import_key(made.key.as_pem(private=False).replace(b"-----", b""))
        made.header = {"alg": "HS256"}
        assert await refused(log_in_at(client, made)) == REFUSED


async def test_new_keys_are_fetched_when_an_unknown_one_signs(postgres_dsn: str) -> None:
    async with forger() as made, service(postgres_dsn, made.issuer) as client:
        await log_in_at(client, made)
        made.key = RSAKey.generate_key(2048, {"kid": "2"})
        made.header = {"kid": "2"}
        assert await refused(log_in_at(client, made)) == REFUSED, "not more than once a minute"
        assert made.asked.count("/jwks") == 1


async def test_providers_cannot_be_played_off_against_each_other(postgres_dsn: str) -> None:
    """The same subject at two issuers is two people, and tokens of one are none of the other."""
    async with (
        forger() as made,
        forger() as evil,
        service(postgres_dsn, made.issuer, evil.issuer) as client,
    ):
        first = await log_in_at(client, made)
        begun = await begin(client, "elsewhere")
        evil.nonce = parse_qs(urlsplit(begun.authorization_url).query)["nonce"][0]
        evil.claims = {"iss": made.issuer}
        assert await refused(complete(client, begun.state, "c", begun.flow_token)) == REFUSED
        begun = await begin(client, "elsewhere")
        evil.nonce = parse_qs(urlsplit(begun.authorization_url).query)["nonce"][0]
        evil.claims = {"email": "other@example.org"}
        second = await complete(client, begun.state, "c", begun.flow_token)
        assert second.name != first.name


BAD_DESCRIPTIONS: tuple[dict[str, Any], ...] = (
    {"issuer": "https://evil.example"},
    {"token_endpoint": "http://evil.example/"},
    {"jwks_uri": None},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"padding": "x" * 300_000},
)


async def test_a_provider_that_describes_itself_badly(postgres_dsn: str) -> None:
    async with forger() as made, service(postgres_dsn, made.issuer) as client:
        for description in BAD_DESCRIPTIONS:
            made.description = description
            assert await refused(begin(client)) == UNREACHABLE
        made.description = {}
        await begin(client)


BAD_ANSWERS: tuple[tuple[dict[str, Any], tuple[Code, str]], ...] = (
    ({"status": 400, "error": "invalid_grant"}, REFUSED),
    ({"status": 401, "error": "invalid_client"}, UNREACHABLE),
    ({"status": 500}, UNREACHABLE),
    ({"status": 302}, UNREACHABLE),
    ({"padding": 300_000}, UNREACHABLE),
    ({"token": "a." * 20_000}, UNREACHABLE),
)


async def test_a_token_endpoint_that_refuses(postgres_dsn: str) -> None:
    async with forger() as made, service(postgres_dsn, made.issuer) as client:
        for forged, expected in BAD_ANSWERS:
            honest = {attribute: getattr(made, attribute) for attribute in forged}
            vars(made).update(forged)
            assert await refused(log_in_at(client, made)) == expected
            vars(made).update(honest)


async def test_nobody_answers(postgres_dsn: str) -> None:
    async with service(postgres_dsn, "http://127.0.0.1:9") as client:
        assert await refused(begin(client)) == UNREACHABLE


async def test_secrets_are_in_no_log_trace_error_or_table(
    postgres_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with SpanRecorder() as recorded:
        async with forger() as made, service(postgres_dsn, made.issuer) as client:
            begun = await begin(client)
            connection = await asyncpg.connect(postgres_dsn)
            stored = str(await connection.fetch("SELECT f::text FROM users.social_flow f"))
            await connection.close()
            made.nonce = parse_qs(urlsplit(begun.authorization_url).query)["nonce"][0]
            answer = await complete(client, begun.state, "canary-code", begun.flow_token)
            made.claims = {"nonce": "canary-nonce"}
            made.header = {"kid": "canary-kid"}
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await log_in_at(client, made, "canary-code")
            with pytest.raises(grpc.aio.AioRpcError) as invalid:
                await complete(client, "canary-state", "canary-code" * 1000, "canary-flow")
            token = made.signed()
            (form, *_) = made.forms
        written = "\n".join(
            (
                caplog.text,
                stored,
                str(caught.value),
                str(invalid.value),
                str([(span.name, dict(span.attributes or {})) for span in recorded.spans()]),
            )
        )
        secrets = (
            "canary", begun.state, begun.flow_token, token, form["code_verifier"],
            answer.tokens.access_token, answer.tokens.refresh_token,
        )  # fmt: skip
        for secret in secrets:
            assert secret not in written
