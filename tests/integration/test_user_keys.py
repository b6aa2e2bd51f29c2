"""Aim: there is always one key that signs, the next is known before it does, and Envoy can ask.

Method: real PostgreSQL; time is moved by moving what is stored; HTTP by hand and by a real client.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import jwt
import pytest

from mesh.runtime.serve import StartError
from tests.integration.stores import scratch_folder
from tests.integration.user_service import bearer, make_settings, user_service
from user_svc.access_tokens import AccessTokens
from user_svc.errors import CredentialsRefusedError
from user_svc.jwks import PATH, serving_key_set
from user_svc.key_keeper import KeyKeeper
from user_svc.model import Role
from user_svc.stores.migrate import migrate
from user_svc.stores.postgres import Database, open_database

USER, SESSION = uuid4(), uuid4()


@asynccontextmanager
async def database(dsn: str) -> AsyncIterator[Database]:
    async with open_database(dsn, 4, 60.0, 60.0) as opened:
        await migrate(opened)
        yield opened


def kept(opened: Database) -> tuple[KeyKeeper, AccessTokens]:
    tokens = AccessTokens("sonica", "sonica", 900)
    return KeyKeeper(opened, tokens, 86_400, 900), tokens


async def grow_older(opened: Database, seconds: float) -> None:
    async with opened.connection("grow_older") as connection:
        await connection.execute(
            "UPDATE users.signing_key SET sign_time = sign_time - make_interval(secs => $1), "
            "retire_time = retire_time - make_interval(secs => $1)",
            seconds,
        )


def key_ids(tokens: AccessTokens) -> list[str]:
    return [key["kid"] for key in json.loads(tokens.jwks())["keys"]]


def signs(tokens: AccessTokens) -> str:
    return str(jwt.get_unverified_header(tokens.sign(USER, SESSION, Role.FREE)[0])["kid"])


async def test_replicas_that_start_at_once_make_one_key(postgres_dsn: str) -> None:
    async with database(postgres_dsn) as opened:
        replicas = [kept(opened) for _ in range(4)]
        await asyncio.gather(*(keeper.look() for keeper, _ in replicas))
        assert len({tuple(key_ids(tokens)) for _, tokens in replicas}) == 1
        assert len(key_ids(replicas[0][1])) == 1


async def test_the_next_key_is_published_then_signs_then_the_old_one_goes(
    postgres_dsn: str,
) -> None:
    async with database(postgres_dsn) as opened:
        keeper, tokens = kept(opened)
        await keeper.look()
        (first,) = key_ids(tokens)
        await grow_older(opened, 86_400 - 700)
        await keeper.look()
        assert key_ids(tokens) == [first]
        await grow_older(opened, 150)
        await keeper.look()
        assert key_ids(tokens)[0] == first
        assert len(key_ids(tokens)) == 2
        assert signs(tokens) == first, "not before all have had the time to fetch it"
        late, _ = tokens.sign(USER, SESSION, Role.FREE)
        await grow_older(opened, 601)
        await keeper.look()
        assert signs(tokens) == key_ids(tokens)[1]
        assert tokens.verify(late) == (USER, SESSION)
        await grow_older(opened, 900 + 61)
        await keeper.look()
        assert len(key_ids(tokens)) == 1
        with pytest.raises(CredentialsRefusedError):
            tokens.verify(late)


async def test_a_token_of_one_replica_is_good_at_another_and_after_a_restart(
    postgres_dsn: str,
) -> None:
    settings = make_settings(postgres_dsn)
    async with user_service(settings) as one, user_service(settings) as other:
        user = await one.newcomer()
        assert (await other.get(user.bearer)).name == user.name
        tokens = await other.refresh(user.tokens.refresh_token)
    async with user_service(settings) as restarted:
        assert (await restarted.get(bearer(tokens.access_token))).name == user.name


async def test_the_key_set_over_http(postgres_dsn: str) -> None:
    with scratch_folder() as folder:
        address = folder / "jwks.sock"
        settings = make_settings(postgres_dsn, jwks_listen=f"unix:{address}")
        transport = httpx.AsyncHTTPTransport(uds=str(address))
        async with (
            user_service(settings) as client,
            httpx.AsyncClient(transport=transport, base_url="http://mesh") as http,
        ):
            user = await client.newcomer()
            answer = await http.get(PATH)
            (key,) = answer.json()["keys"]
            assert answer.headers["content-type"] == "application/json"
            claims = jwt.decode(
                user.tokens.access_token, jwt.PyJWK(key), algorithms=["EdDSA"], audience="sonica"
            )
            assert claims["sub"] == user.name
            assert (await http.get("/")).status_code == 404
            assert (await http.post(PATH)).status_code == 404


@pytest.mark.parametrize(
    "sent", [b"", b"nonsense\r\n\r\n", b"x" * 20_000, b"GET " + PATH.encode() + b" HTTP/1.1\r\n"]
)
async def test_what_is_no_request_is_closed(sent: bytes) -> None:
    with scratch_folder() as folder:
        path = str(folder / "jwks.sock")
        async with serving_key_set(f"unix:{path}", lambda: b"{}"), asyncio.timeout(60):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(sent)
            writer.write_eof()
            with suppress(ConnectionError):  # closed before it had read all of it
                assert b" 200 " not in await reader.read()
            writer.close()


async def test_a_taken_address_stops_the_start() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        host, port = taken.getsockname()
        with pytest.raises(StartError, match=str(port)):
            async with serving_key_set(f"{host}:{port}", lambda: b"{}"):
                pass


async def test_the_role_of_the_schema_is_enough(postgres_dsn: str) -> None:
    """As the launcher makes it: a role that owns the schema and may make none."""
    role = f"role_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(f"CREATE ROLE {role} LOGIN")
    await connection.execute(f"CREATE SCHEMA users AUTHORIZATION {role}")
    settings = make_settings(postgres_dsn.replace("sonica@", f"{role}@"))
    try:
        async with user_service(settings) as client:
            assert (await client.newcomer()).name
    finally:
        await connection.execute(f"DROP OWNED BY {role}")
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


def test_migrations_are_numbered_without_gaps() -> None:
    folder = Path(__file__).parents[2] / "user_svc" / "migrations"
    numbers = sorted(int(path.name.split("_")[0]) for path in folder.glob("*.sql"))
    assert numbers == list(range(1, len(numbers) + 1))
