"""Aim: a session lasts from a log-in to its end, and a stolen refresh token ends it.

Method: real PostgreSQL and a real server; what is refused is told by its reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import grpc
import pytest
from argon2 import PasswordHasher
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import session_service_pb2 as session_pb

from tests.integration.user_service import (
    PASSWORD,
    Client,
    Metadata,
    bearer,
    make_settings,
    refusal,
    user_service,
)
from user_svc.errors import HashingBusyError
from user_svc.grant import grant
from user_svc.model import Role
from user_svc.passwords import Passwords

Code = grpc.StatusCode
NEW_PASSWORD = "another of ten or more"  # noqa: S105 - of nobody
REFUSED = (Code.UNAUTHENTICATED, "CREDENTIALS_REFUSED")
REFRESH_REFUSED = (Code.UNAUTHENTICATED, "REFRESH_REFUSED")


@pytest.fixture
async def client(postgres_dsn: str) -> AsyncIterator[Client]:
    async with user_service(make_settings(postgres_dsn)) as running:
        yield running


async def is_refused(client: Client, metadata: Metadata) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.get(metadata)
    assert refusal(caught.value) == REFUSED


async def test_from_registering_to_logging_out(client: Client) -> None:
    user = await client.newcomer()
    account = await client.get(user.bearer)
    assert (account.name, account.email) == (user.name, user.email)
    tokens = await client.refresh(user.tokens.refresh_token)
    assert (await client.get(bearer(tokens.access_token))).name == user.name
    await client.sessions.LogOut(session_pb.LogOutRequest(), metadata=bearer(tokens.access_token))
    await is_refused(client, bearer(tokens.access_token))
    await is_refused(client, user.bearer)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.refresh(tokens.refresh_token)
    assert refusal(caught.value) == REFRESH_REFUSED


async def test_a_refresh_token_used_twice_ends_its_session_and_no_other(client: Client) -> None:
    user = await client.newcomer()
    other = await client.log_in(user.email)
    tokens = await client.refresh(user.tokens.refresh_token)
    for token in (user.tokens.refresh_token, tokens.refresh_token, tokens.refresh_token):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.refresh(token)
        assert refusal(caught.value) == REFRESH_REFUSED
    await is_refused(client, bearer(tokens.access_token))
    assert (await client.get(bearer(other.access_token))).name == user.name


async def test_of_many_refreshes_at_once_with_one_token_at_most_one_gets_an_answer(
    postgres_dsn: str,
) -> None:
    # More connections than wait: whatever else the server asks for finds one.
    async with user_service(make_settings(postgres_dsn, database_pool_size=16)) as client:
        user = await client.newcomer()
        token = user.tokens.refresh_token
        connection = await asyncpg.connect(postgres_dsn)
        async with connection.transaction():
            # All have read their token and stand before the row when it is let go.
            await connection.execute("SELECT FROM users.session FOR UPDATE")
            calls = [asyncio.ensure_future(client.refresh(token)) for _ in range(8)]
            await until_waiting(connection, 8)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        await connection.close()
        given = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert len(given) == 1
        # Seven others used it again: the session is over, for whoever got the answer too.
        with pytest.raises(grpc.aio.AioRpcError):
            await client.refresh(given[0].refresh_token)


async def until_waiting(connection: asyncpg.Connection[asyncpg.Record], count: int) -> None:
    """Waits until so many statements on this database wait for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(120):
        while await connection.fetchval(waiting) < count:
            # Within a transaction the view is read once, unless it is told to forget.
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "token", ["x", "rt_", "rt_" + "0" * 32 + "_" + "a" * 43, "rt_../../etc/passwd", "\u0130" * 40]
)
async def test_what_is_no_refresh_token_is_refused(client: Client, token: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.refresh(token)
    assert refusal(caught.value) == REFRESH_REFUSED


async def test_a_session_ends_by_itself(postgres_dsn: str) -> None:
    async with user_service(make_settings(postgres_dsn)) as client:
        user = await client.newcomer()
        connection = await asyncpg.connect(postgres_dsn)
        await connection.execute("UPDATE users.session SET expire_time = now()")
        await connection.close()
        await is_refused(client, user.bearer)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.refresh(user.tokens.refresh_token)
        assert refusal(caught.value) == REFRESH_REFUSED


async def test_refreshing_does_not_prolong_a_session_beyond_its_end(postgres_dsn: str) -> None:
    settings = make_settings(postgres_dsn, session_ttl_seconds=600, refresh_ttl_seconds=86_400)
    async with user_service(settings) as client:
        user = await client.newcomer()
        before = user.tokens.refresh_expire_time.ToSeconds()
        after = (await client.refresh(user.tokens.refresh_token)).refresh_expire_time.ToSeconds()
    assert before == after


async def test_everywhere_means_all_sessions(client: Client) -> None:
    user = await client.newcomer()
    stranger = await client.newcomer()
    others = [await client.log_in(user.email) for _ in range(2)]
    response = await client.sessions.LogOutEverywhere(
        session_pb.LogOutEverywhereRequest(name="users/me"), metadata=user.bearer
    )
    assert response.session_count == 3
    for tokens in (user.tokens, *others):
        await is_refused(client, bearer(tokens.access_token))
    assert (await client.get(stranger.bearer)).name == stranger.name


async def test_a_session_too_many_ends_the_oldest(postgres_dsn: str) -> None:
    async with user_service(make_settings(postgres_dsn, max_sessions=2)) as client:
        user = await client.register()
        tokens = [await client.log_in(user.email) for _ in range(3)]
        await is_refused(client, bearer(tokens[0].access_token))
        for kept in tokens[1:]:
            assert (await client.get(bearer(kept.access_token))).name == user.name


async def test_a_changed_password_ends_the_other_sessions(client: Client) -> None:
    user = await client.newcomer()
    other = await client.log_in(user.email)
    request = account_pb.ChangePasswordRequest(
        name="users/me", current_password=PASSWORD, new_password=NEW_PASSWORD
    )
    await client.accounts.ChangePassword(request, metadata=user.bearer)
    await is_refused(client, bearer(other.access_token))
    assert (await client.get(user.bearer)).name == user.name
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.log_in(user.email)
    assert refusal(caught.value) == (Code.UNAUTHENTICATED, "LOGIN_REFUSED")
    await client.log_in(user.email, NEW_PASSWORD)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.accounts.ChangePassword(request, metadata=user.bearer)
    assert refusal(caught.value) == (Code.PERMISSION_DENIED, "PASSWORD_WRONG")


async def test_known_and_unknown_accounts_are_the_same_work(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await client.register()
    done: list[str] = []
    for name in ("hash", "verify"):
        original = getattr(PasswordHasher, name)

        def counted(*args: object, name: str = name, original: object = original) -> object:
            done.append(name)
            return original(*args)  # type: ignore[operator] # a method of the hasher

        monkeypatch.setattr(PasswordHasher, name, counted)
    words = []
    for email in (user.email, "nobody@example.org", "no address", "NUL\0"):
        done.clear()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.log_in(email, "not the password")
        words.append((done.copy(), caught.value.details(), refusal(caught.value)))
    assert words == [(["verify"], words[0][1], (Code.UNAUTHENTICATED, "LOGIN_REFUSED"))] * 4
    done.clear()
    await client.register()
    assert done == ["hash"]
    done.clear()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.register(user.email.upper())
    assert refusal(caught.value) == (Code.ALREADY_EXISTS, "EMAIL_TAKEN")
    assert done == ["hash"]


async def test_a_hash_with_weaker_parameters_is_renewed_by_a_log_in(postgres_dsn: str) -> None:
    async with user_service(make_settings(postgres_dsn)) as client:
        user = await client.register()
    async with user_service(make_settings(postgres_dsn, argon2_passes=2)) as client:
        await client.log_in(user.email)
    connection = await asyncpg.connect(postgres_dsn)
    stored = await connection.fetchval("SELECT password_hash FROM users.account")
    await connection.close()
    assert stored.startswith("$argon2id$v=19$m=7168,t=2,p=1$")


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
async def test_guessing_is_stopped_for_the_guesser_alone(
    postgres_dsn: str, redis_url: str, shared: bool
) -> None:
    settings = make_settings(
        postgres_dsn, max_failed_attempts=3, redis_url=redis_url if shared else None
    )
    async with user_service(settings) as client:
        user = await client.register()

        async def log_in(password: str, address: str) -> None:
            request = session_pb.LogInRequest(email=user.email.upper(), password=password)
            forwarded = [("x-forwarded-for", f"1.2.3.4, {address}")]
            await client.sessions.LogIn(request, metadata=forwarded)

        for _ in range(2):
            await log_in(PASSWORD, "10.0.0.1")  # a success counts no more
            for _ in range(2):
                with pytest.raises(grpc.aio.AioRpcError):
                    await log_in("a guess", "10.0.0.1")
        await log_in(PASSWORD, "10.0.0.1")
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await log_in("a guess", "10.0.0.1")
            assert refusal(caught.value)[1] == "LOGIN_REFUSED"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await log_in(PASSWORD, "10.0.0.1")
        assert refusal(caught.value) == (Code.RESOURCE_EXHAUSTED, "ATTEMPTS_EXHAUSTED")
        await log_in(PASSWORD, "10.0.0.2")


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
async def test_what_ends_without_a_verdict_is_no_failed_attempt(
    postgres_dsn: str, redis_url: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(
        postgres_dsn, max_failed_attempts=3, redis_url=redis_url if shared else None
    )
    async with user_service(settings) as client:
        user = await client.newcomer()

        async def change(current: str) -> None:
            request = account_pb.ChangePasswordRequest(
                name="users/me", current_password=current, new_password=NEW_PASSWORD
            )
            await client.accounts.ChangePassword(request, metadata=user.bearer)

        async def wrong() -> list[str]:
            reasons = []
            for attempt in (client.log_in(user.email, "a guess"), change("a guess")):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await attempt
                reasons.append(refusal(caught.value)[1])
            return reasons

        assert await wrong() == ["LOGIN_REFUSED", "PASSWORD_WRONG"]
        with monkeypatch.context() as outage:

            async def busy(*_: object) -> bool:
                raise HashingBusyError("busy")

            outage.setattr(Passwords, "fits", busy)
            for _ in range(4):
                assert await wrong() == ["HASHING_BUSY"] * 2
        with monkeypatch.context() as outage:
            begun = asyncio.Semaphore(0)
            ended = asyncio.Semaphore(0)

            async def stuck(*_: object) -> bool:
                begun.release()
                try:
                    return await asyncio.get_running_loop().create_future()
                finally:
                    ended.release()

            outage.setattr(Passwords, "fits", stuck)
            for _ in range(4):
                for attempt in (client.log_in(user.email), change(PASSWORD)):
                    call = asyncio.ensure_future(attempt)
                    await begun.acquire()
                    call.cancel()
                    await ended.acquire()
        # The one wrong one of each counts, and two more are let through.
        for _ in range(2):
            assert await wrong() == ["LOGIN_REFUSED", "PASSWORD_WRONG"]
        assert await wrong() == ["ATTEMPTS_EXHAUSTED"] * 2


async def test_what_was_done_is_in_the_audit_log_and_stays_there(postgres_dsn: str) -> None:
    settings = make_settings(postgres_dsn)
    async with user_service(settings) as client:
        user = await client.newcomer()
        await client.refresh(user.tokens.refresh_token)
        with pytest.raises(grpc.aio.AioRpcError):
            await client.refresh(user.tokens.refresh_token)
        with pytest.raises(grpc.aio.AioRpcError):
            await client.log_in(user.email, "a guess")
        user.tokens = await client.log_in(user.email)
        request = account_pb.ChangePasswordRequest(
            name="users/me", current_password=NEW_PASSWORD, new_password=NEW_PASSWORD
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.accounts.ChangePassword(request, metadata=user.bearer)
        assert refusal(caught.value) == (Code.PERMISSION_DENIED, "PASSWORD_WRONG")
        admin = await client.register("admin@example.org")
        assert await grant(settings, "Admin@example.org", Role.ADMIN)
        assert not await grant(settings, "nobody@example.org", Role.ADMIN)
        admin.tokens = await client.log_in(admin.email)
        assert await client.events(admin, user.name) == [
            "LOGIN_REFUSED",
            "LOGGED_IN",
            "LOGIN_REFUSED",
            "REFRESH_REUSED",
            "LOGGED_IN",
            "REGISTERED",
        ]
        assert await client.events(admin, admin.name) == ["LOGGED_IN", "ROLE_CHANGED", "REGISTERED"]
        await client.sessions.LogOut(session_pb.LogOutRequest(), metadata=user.bearer)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.events(user)
        assert caught.value.code() is Code.UNAUTHENTICATED  # its session was ended
    connection = await asyncpg.connect(postgres_dsn)
    for sql in (
        "UPDATE users.audit_event SET audit_id = NULL",
        "DELETE FROM users.audit_event",
        "TRUNCATE users.audit_event",
    ):
        with pytest.raises(asyncpg.RaiseError):
            await connection.execute(sql)
    await connection.close()
