"""Aim: everybody reaches what is theirs and nothing else, and no secret is seen anywhere.

Method: real PostgreSQL and a real server; two people, an admin, and canaries that are searched for
in all that the service writes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sonica.user.v1 import account_pb2, api_key_pb2, audit_service_pb2, session_service_pb2
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import api_key_service_pb2 as key_pb
from sonica.user.v1 import history_service_pb2 as history_pb
from sonica.user.v1 import personal_data_service_pb2 as personal_pb

from mesh.runtime.testing import SpanRecorder
from tests.integration.user_service import (
    PASSWORD,
    Client,
    Metadata,
    User,
    file_of,
    make_settings,
    refusal,
    user_service,
)
from user_svc.grant import grant
from user_svc.model import Role

Code = grpc.StatusCode
DENIED = (Code.PERMISSION_DENIED, "ACCESS_DENIED")
RECOGNIZE, ACCOUNT_READ = api_key_pb2.SCOPE_RECOGNIZE, api_key_pb2.SCOPE_ACCOUNT_READ
NOBODY = f"users/{uuid.uuid4()}"


@pytest.fixture
async def client(postgres_dsn: str) -> AsyncIterator[Client]:
    async with user_service(make_settings(postgres_dsn, max_api_keys=3)) as running:
        yield running


async def become_admin(client: Client, dsn: str) -> User:
    user = await client.newcomer()
    assert await grant(make_settings(dsn), user.email, Role.ADMIN)
    return user


async def make_key(client: Client, user: User, **fields: Any) -> key_pb.CreateApiKeyResponse:
    wanted = {"parent": "users/me", "display_name": "radio", "scopes": [ACCOUNT_READ], **fields}
    return await client.keys.CreateApiKey(
        key_pb.CreateApiKeyRequest(**wanted), metadata=user.bearer
    )


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refusal(caught.value)


def by_key(text: str) -> Metadata:
    return [("x-api-key", text)]


async def test_the_same_registration_sent_again_finds_its_account(client: Client) -> None:
    request = account_pb.RegisterRequest(
        email="Ada@Example.org", password=PASSWORD, display_name="Ada", request_id=str(uuid.uuid4())
    )
    calls = (client.accounts.Register(request) for _ in range(4))
    made = await asyncio.gather(*calls)
    assert len({response.account.name for response in made}) == 1
    assert made[0].account.email == "ada@example.org"
    assert made[0].account.role == account_pb2.ROLE_FREE
    request.password = PASSWORD + "!"
    assert await refused(client.accounts.Register(request)) == (
        Code.ALREADY_EXISTS,
        "EMAIL_TAKEN",
    )


async def test_an_account_is_changed_where_the_mask_says(client: Client) -> None:
    user = await client.newcomer()
    request = account_pb.UpdateAccountRequest(
        account=account_pb2.Account(
            name=user.name,
            display_name="Ada",
            role=account_pb2.ROLE_ADMIN,
            preferences=account_pb2.Preferences(languages=["hi", "bho"], genres=["raga"]),
        )
    )
    account = (await client.accounts.UpdateAccount(request, metadata=user.bearer)).account
    assert (account.display_name, account.role) == ("Ada", account_pb2.ROLE_FREE)
    assert account == await client.get(user.bearer)
    request = account_pb.UpdateAccountRequest(
        account={"name": "users/me"}, update_mask={"paths": ["preferences.genres"]}
    )
    account = (await client.accounts.UpdateAccount(request, metadata=user.bearer)).account
    assert (list(account.preferences.languages), list(account.preferences.genres)) == (
        ["hi", "bho"],
        [],
    )
    assert account.display_name == "Ada"


def calls_on(client: Client, name: str, metadata: Metadata) -> dict[str, Any]:
    """Returns a call of every RPC that names an account."""
    key = f"{name}/apiKeys/0123456789abcdef"
    return {
        "GetAccount": client.accounts.GetAccount(
            account_pb.GetAccountRequest(name=name), metadata=metadata
        ),
        "UpdateAccount": client.accounts.UpdateAccount(
            account_pb.UpdateAccountRequest(account={"name": name, "display_name": "x"}),
            metadata=metadata,
        ),
        "ChangePassword": client.accounts.ChangePassword(
            account_pb.ChangePasswordRequest(
                name=name, current_password=PASSWORD, new_password=PASSWORD
            ),
            metadata=metadata,
        ),
        "LogOutEverywhere": client.sessions.LogOutEverywhere(
            session_service_pb2.LogOutEverywhereRequest(name=name), metadata=metadata
        ),
        "CreateApiKey": client.keys.CreateApiKey(
            key_pb.CreateApiKeyRequest(parent=name, display_name="x", scopes=[RECOGNIZE]),
            metadata=metadata,
        ),
        "ListApiKeys": client.keys.ListApiKeys(
            key_pb.ListApiKeysRequest(parent=name), metadata=metadata
        ),
        "RotateApiKey": client.keys.RotateApiKey(
            key_pb.RotateApiKeyRequest(name=key), metadata=metadata
        ),
        "RevokeApiKey": client.keys.RevokeApiKey(
            key_pb.RevokeApiKeyRequest(name=key), metadata=metadata
        ),
        "SetRole": client.accounts.SetRole(
            account_pb.SetRoleRequest(name=name, role=account_pb2.ROLE_FREE), metadata=metadata
        ),
        "ListRecognitions": client.history.ListRecognitions(
            history_pb.ListRecognitionsRequest(parent=name), metadata=metadata
        ),
        "ExportRecognitions": file_of(
            client.history.ExportRecognitions,
            history_pb.ExportRecognitionsRequest(parent=name),
            metadata=metadata,
        ),
        "DeleteRecognition": client.history.DeleteRecognition(
            history_pb.DeleteRecognitionRequest(name=f"{name}/recognitions/{uuid.uuid4()}"),
            metadata=metadata,
        ),
        "ClearHistory": client.history.ClearHistory(
            history_pb.ClearHistoryRequest(parent=name), metadata=metadata
        ),
        "ExportPersonalData": file_of(
            client.personal.ExportPersonalData,
            personal_pb.ExportPersonalDataRequest(name=name),
            metadata=metadata,
        ),
        "EraseAccount": client.personal.EraseAccount(
            personal_pb.EraseAccountRequest(name=name, password=PASSWORD), metadata=metadata
        ),
    }


async def test_what_belongs_to_others_is_denied_whether_it_exists_or_not(
    client: Client, postgres_dsn: str
) -> None:
    user, other = await client.newcomer(), await client.newcomer()
    for name in (other.name, NOBODY):
        calls = calls_on(client, name, user.bearer)
        for rpc, call in calls.items():
            assert await refused(call) == DENIED, rpc
    log = client.audit.ListAuditEvents(
        audit_service_pb2.ListAuditEventsRequest(), metadata=user.bearer
    )
    assert await refused(log) == DENIED
    everybody = account_pb.ListAccountsRequest()
    assert await refused(client.accounts.ListAccounts(everybody, metadata=user.bearer)) == DENIED
    admin = await become_admin(client, postgres_dsn)
    assert (await client.events(admin, other.name))[:-2] == ["ACCESS_DENIED"]


async def test_without_credentials_nothing_answers(client: Client) -> None:
    missing = (Code.UNAUTHENTICATED, "CREDENTIALS_MISSING")
    calls = calls_on(client, "users/me", [])
    calls["LogOut"] = client.sessions.LogOut(session_service_pb2.LogOutRequest())
    calls["ListAuditEvents"] = client.audit.ListAuditEvents(
        audit_service_pb2.ListAuditEventsRequest()
    )
    for rpc, call in calls.items():
        assert await refused(call) == missing, rpc


async def test_what_an_admin_may_and_may_not(client: Client, postgres_dsn: str) -> None:
    admin, user = await become_admin(client, postgres_dsn), await client.newcomer()
    outcomes = {}
    for rpc, call in calls_on(client, user.name, admin.bearer).items():
        try:
            await call
            outcomes[rpc] = "OK"
        except grpc.aio.AioRpcError as error:
            outcomes[rpc] = refusal(error)[1]
    assert outcomes == {
        "GetAccount": "OK",
        "UpdateAccount": "ACCESS_DENIED",
        "ChangePassword": "ACCESS_DENIED",
        "LogOutEverywhere": "OK",
        "CreateApiKey": "ACCESS_DENIED",
        "ListApiKeys": "OK",
        "RotateApiKey": "ACCESS_DENIED",
        "RevokeApiKey": "API_KEY_NOT_FOUND",
        "SetRole": "OK",
        "ListRecognitions": "ACCESS_DENIED",
        "ExportRecognitions": "ACCESS_DENIED",
        "DeleteRecognition": "ACCESS_DENIED",
        "ClearHistory": "ACCESS_DENIED",
        "ExportPersonalData": "ACCESS_DENIED",
        "EraseAccount": "ACCESS_DENIED",
    }
    for rpc, call in calls_on(client, NOBODY, admin.bearer).items():
        if outcomes[rpc] == "OK":
            assert await refused(call) == (Code.NOT_FOUND, "ACCOUNT_NOT_FOUND"), rpc
        else:
            await refused(call)


async def test_the_life_of_an_api_key(client: Client) -> None:
    user, other = await client.newcomer(), await client.newcomer()
    made = await make_key(client, user)
    assert (await client.get(by_key(made.key_text))).name == user.name
    refused_words = (Code.UNAUTHENTICATED, "CREDENTIALS_REFUSED")
    wrong = made.key_text[:-1] + ("A" if made.key_text[-1] != "A" else "B")
    for text in (wrong, "sk_x", "", made.key_text.replace("sk_", "sk__")):
        assert await refused(client.get(by_key(text))) == refused_words
    assert await refused(client.get(by_key(made.key_text), other.name)) == DENIED
    keys = calls_on(client, "users/me", by_key(made.key_text))
    for rpc in ("GetAccount", "ListRecognitions", "ExportRecognitions"):
        await keys.pop(rpc)
    for rpc, call in keys.items():
        assert (await refused(call))[1] == "CREDENTIALS_MISSING", rpc
    rotated = await client.keys.RotateApiKey(
        key_pb.RotateApiKeyRequest(name=made.api_key.name), metadata=user.bearer
    )
    assert rotated.api_key.name == made.api_key.name
    assert await refused(client.get(by_key(made.key_text))) == refused_words
    assert (await client.get(by_key(rotated.key_text))).name == user.name
    revoke = key_pb.RevokeApiKeyRequest(name=made.api_key.name)
    revoked = await client.keys.RevokeApiKey(revoke, metadata=user.bearer)
    assert await refused(client.get(by_key(rotated.key_text))) == refused_words
    assert revoked == await client.keys.RevokeApiKey(revoke, metadata=user.bearer)
    listed = await client.keys.ListApiKeys(
        key_pb.ListApiKeysRequest(parent="users/me"), metadata=user.bearer
    )
    assert list(listed.api_keys) == [revoked.api_key]
    assert revoked.api_key.HasField("last_use_time")


async def test_a_key_is_good_for_its_scopes_and_its_time_only(
    client: Client, postgres_dsn: str
) -> None:
    user = await client.newcomer()
    narrow = await make_key(client, user, scopes=[RECOGNIZE])
    assert await refused(client.get(by_key(narrow.key_text))) == DENIED
    in_an_hour = Timestamp()
    in_an_hour.GetCurrentTime()
    past = Timestamp(seconds=in_an_hour.seconds - 10)
    in_an_hour.seconds += 3600
    assert await refused(make_key(client, user, expire_time=past)) == (
        Code.INVALID_ARGUMENT,
        "EXPIRE_TIME_PAST",
    )
    short = await make_key(client, user, expire_time=in_an_hour)
    assert (await client.get(by_key(short.key_text))).name == user.name
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(
        "UPDATE users.api_key SET expire_time = now() WHERE expire_time > now()"
    )
    await connection.close()
    assert (await refused(client.get(by_key(short.key_text))))[1] == "CREDENTIALS_REFUSED"
    rotate = key_pb.RotateApiKeyRequest(name=short.api_key.name)
    assert await refused(client.keys.RotateApiKey(rotate, metadata=user.bearer)) == (
        Code.NOT_FOUND,
        "API_KEY_NOT_FOUND",
    )


async def test_an_account_has_so_many_keys_however_they_are_asked_for(client: Client) -> None:
    user = await client.newcomer()
    request_id = str(uuid.uuid4())
    first = await make_key(client, user, request_id=request_id)
    again = make_key(client, user, request_id=request_id)
    assert await refused(again) == (Code.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    answers = await asyncio.gather(
        *(make_key(client, user) for _ in range(8)), return_exceptions=True
    )
    failures = [a for a in answers if isinstance(a, grpc.aio.AioRpcError)]
    assert len(answers) - len(failures) == 2
    assert {refusal(failure) for failure in failures} == {
        (Code.RESOURCE_EXHAUSTED, "API_KEY_LIMIT_REACHED")
    }
    await client.keys.RevokeApiKey(
        key_pb.RevokeApiKeyRequest(name=first.api_key.name), metadata=user.bearer
    )
    await make_key(client, user)


async def test_lists_are_paged(client: Client, postgres_dsn: str) -> None:
    admin, other = await become_admin(client, postgres_dsn), await client.newcomer()
    names = [(await make_key(client, admin)).api_key.name for _ in range(3)]
    found, token = [], ""
    while True:
        page = await client.keys.ListApiKeys(
            key_pb.ListApiKeysRequest(parent="users/me", page_size=2, page_token=token),
            metadata=admin.bearer,
        )
        found += [key.name for key in page.api_keys]
        token = page.next_page_token
        if not token:
            break
        keys_token = token
    assert found == names[::-1]
    request = audit_service_pb2.ListAuditEventsRequest(page_size=4)
    first = await client.audit.ListAuditEvents(request, metadata=admin.bearer)
    request.page_token = first.next_page_token
    second = await client.audit.ListAuditEvents(request, metadata=admin.bearer)
    numbers = [event.event_number for event in (*first.events, *second.events)]
    assert len(first.events) == 4
    assert numbers == sorted(numbers, reverse=True)
    assert {event.user for event in (*first.events, *second.events)} == {admin.name, other.name}
    narrower = audit_service_pb2.ListAuditEventsRequest(
        user=other.name, page_token=request.page_token
    )
    assert await refused(client.audit.ListAuditEvents(narrower, metadata=admin.bearer)) == (
        Code.INVALID_ARGUMENT,
        "PAGE_TOKEN_INVALID",
    )
    request.page_token = keys_token
    assert await refused(client.audit.ListAuditEvents(request, metadata=admin.bearer)) == (
        Code.INVALID_ARGUMENT,
        "PAGE_TOKEN_INVALID",
    )


async def test_no_secret_is_stored_logged_traced_or_said(
    postgres_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary, said = f"canary-{uuid.uuid4().hex}", []
    with SpanRecorder() as recorder:
        async with user_service(make_settings(postgres_dsn)) as client:
            email = f"{canary}@example.org"
            registered = account_pb.RegisterRequest(email=email, password=canary)
            await client.accounts.Register(registered)
            user = User(email, "users/me", await client.log_in(email, canary))
            key = (await make_key(client, user)).key_text
            await client.get(by_key(key))
            for call in (
                client.accounts.Register(registered),
                client.accounts.Register(
                    account_pb.RegisterRequest(email="x@y.zz", password=canary * 9)
                ),
                client.log_in(email, canary + "x"),
                client.log_in("x", canary * 9),
                client.refresh(canary),
                client.refresh(canary * 9),
                client.get([("authorization", f"Bearer {canary}")]),
                client.get([("authorization", f"Basic {canary}")]),
                client.get(by_key(canary)),
                client.accounts.ChangePassword(
                    account_pb.ChangePasswordRequest(
                        name="users/me",
                        current_password=canary,
                        new_password="short",  # noqa: S106
                    ),
                    metadata=user.bearer,
                ),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call
                said.append(f"{caught.value.details()} {caught.value.trailing_metadata()}")
            assert "short" not in said[-1]
            refreshed = await client.refresh(user.tokens.refresh_token)
    seen = json.dumps([span.to_json() for span in recorder.spans()])
    connection = await asyncpg.connect(postgres_dsn)
    tables = [row[0] for row in await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'users'")]  # fmt: skip
    stored = ""
    for table in tables:
        rows = await connection.fetch(f"SELECT to_jsonb(t)::text FROM users.{table} t")  # noqa: S608
        stored += "".join(row[0] for row in rows)
    await connection.close()
    secrets = (canary, key[3:], key[20:], refreshed.refresh_token[36:], refreshed.access_token)
    written = {"said": " ".join(said), "traced": seen, "logged": caplog.text}
    for secret in secrets:
        for where, text in written.items():
            assert secret not in text, where
        assert secret not in stored.replace(email, "")
    assert seen.count("sonica.user.v1") > 10, "the calls were recorded"
    assert canary in stored, "the address is there: the search works"
