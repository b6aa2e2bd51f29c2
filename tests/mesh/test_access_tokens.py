"""Aim: the edge believes access tokens of user_svc only, says nothing of others, and follows keys.

Method: the false tokens made by hand, sent to a recognition through a real Envoy that holds the key
they claim to be signed with; the true one beside them passes. Keys are changed in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import grpc
import httpx
import jwt
import pytest
import pytest_asyncio
from grpc_status import rpc_status
from sonica.audio.v1 import audio_pb2
from sonica.recognition.v1 import recognition_service_pb2 as recognition
from sonica.recognition.v1 import recognition_service_pb2_grpc as recognition_grpc

from tests.hand_made_tokens import FALSE, HEADER, KEY_ID, claims, compact, segment, token
from tests.mesh.people import People, closed_mesh
from user_svc import key_keeper
from user_svc.errors import CredentialsRefusedError

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIP = b"k" * 5000
PATIENCE_SECONDS = 120.0
# Only who holds the private key can make these, and user_svc, which does, makes none of them.
OURS_ALONE = {
    "issued in the future",
    "several audiences",
    "exp as a fraction",
    "sub of another form",
    "sid as a list",
    *(f"without {name}" for name in ("sub", "sid", "role", "iat", "nbf", "jti")),
}
# HTTP knows no such values, or takes the spaces off.
NOT_TO_BE_SENT = {"a space", "no ASCII", "empty"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people() -> AsyncIterator[People]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_keeper, "_INTERVAL_SECONDS", 0.2)
        async with closed_mesh() as running:
            yield running


async def by_rest(people: People, credentials: str) -> httpx.Response:
    return await people.rig.rest.post(
        "/v1/recognize", content=CLIP, headers={"authorization": credentials}
    )


async def by_grpc(people: People, credentials: str) -> grpc.aio.AioRpcError | None:
    stub = recognition_grpc.RecognitionServiceStub(people.rig.edge)
    request = recognition.RecognizeRequest(audio=audio_pb2.Audio(content=CLIP))
    try:
        await stub.Recognize(request, metadata=[("authorization", credentials)], timeout=120)
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def believed(people: People, made: str) -> bool:
    return (await by_rest(people, f"Bearer {made}")).status_code == 200


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until something holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():  # noqa: ASYNC110 - Envoy has no event
            await asyncio.sleep(0.1)


async def assert_refused(people: People, credentials: str) -> None:
    words = str(CredentialsRefusedError())
    answer = await by_rest(people, credentials)
    assert answer.status_code == 401
    assert answer.json() == {
        "code": 16,
        "message": words,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "CREDENTIALS_REFUSED",
                "domain": "sonica.user",
                "metadata": {},
            }
        ],
    }
    error = await by_grpc(people, credentials)
    assert error is not None
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, words)
    assert "CREDENTIALS_REFUSED" in str(rpc_status.from_call(error))  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_the_true_token_is_believed(people: People, scheme: str) -> None:
    for made in (token(), people.users["free"].tokens.access_token):
        assert (await by_rest(people, f"{scheme} {made}")).json()["matches"]
        assert await by_grpc(people, f"{scheme} {made}") is None


@pytest.mark.parametrize("name", sorted(FALSE.keys() - OURS_ALONE - NOT_TO_BE_SENT))
async def test_false_tokens_are_refused_in_the_same_words(people: People, name: str) -> None:
    await assert_refused(people, f"Bearer {FALSE[name]()}")


@pytest.mark.parametrize(
    "credentials",
    ["Bearer", "Basic YTpi", "BEARER {}", "Bearer  {}", "Bearer {},Bearer {}", "{}", "Token {}"],
)
async def test_what_is_almost_a_token_does_not_pass_for_none(
    people: People, credentials: str
) -> None:
    await assert_refused(people, credentials.replace("{}", token()))


async def test_a_token_in_the_query_is_not_looked_at(people: People) -> None:
    answer = await people.rig.rest.get("/v1/users/me", params={"access_token": token()})
    assert answer.status_code in {400, 401}


async def test_nobody_else_is_asked_about_keys(people: People) -> None:
    """The one place Envoy fetches keys from is its own cluster."""
    header = compact(HEADER | {"jku": f"http://{people.rig.plan.edge}/v1/tracks"})
    calls = people.rig.services.catalog.calls["ListTracks"]
    made = f"{segment(header)}.{segment(compact(claims()))}.{'A' * 86}"
    await assert_refused(people, f"Bearer {made}")
    assert people.rig.services.catalog.calls["ListTracks"] == calls


def kid_of(made: str) -> str:
    return str(jwt.get_unverified_header(made)["kid"])


async def test_keys_follow_each_other_without_a_restart(people: People) -> None:
    before = token()
    assert await believed(people, before)
    connection = await asyncpg.connect(people.dsn)
    try:
        # All keys are old: the keeper makes the next one, which shall sign at once.
        await connection.execute(
            "UPDATE users.signing_key SET sign_time = sign_time - interval '40 days'"
        )

        async def next_signs() -> bool:
            await connection.execute(
                "UPDATE users.signing_key SET sign_time = now() WHERE retire_time IS NULL "
                "AND sign_time > now()"
            )
            user = await people.renew("premium")
            kid = kid_of(user.tokens.access_token)
            made: str | None = await connection.fetchval(
                "SELECT key_id FROM users.signing_key WHERE retire_time IS NULL"
            )
            return kid == made and kid != KEY_ID

        await until(next_signs)
        after = people.users["premium"].tokens.access_token
        await until(lambda: believed(people, after))
        assert await believed(people, before), "of the key before, which has not retired"
        await connection.execute("DELETE FROM users.signing_key WHERE key_id = $1", KEY_ID)

        async def withdrawn() -> bool:
            return not await believed(people, before)

        await until(withdrawn)
        assert await believed(people, after)
        await assert_refused(people, f"Bearer {before}")
    finally:
        await connection.close()
