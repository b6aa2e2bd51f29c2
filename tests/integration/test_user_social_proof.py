"""Aim: an account made by a log-in elsewhere is its owner's, and no thief's of a session.

Method: the real service on real PostgreSQL, a real provider as a process.
"""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import personal_data_service_pb2 as personal_pb
from sonica.user.v1.social_log_in_pb2 import SocialLogIn

from tests.integration.providers import come_back, provider_process
from tests.integration.test_user_social import (
    REFUSED,
    begin,
    execute,
    identities,
    link,
    log_in,
    refused,
    service,
    unlink,
)
from tests.integration.user_service import PASSWORD, Client, User, make_settings
from user_svc.grant import grant
from user_svc.model import Role

Code = grpc.StatusCode
NO_PROOF = (Code.PERMISSION_DENIED, "IDENTITY_NO_PROOF")
INVALID = (Code.INVALID_ARGUMENT, "VALIDATION_FAILED")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider_process() as running:
        yield running


async def made_there(client: Client, subject: str) -> User:
    made = await log_in(client, subject)
    return User(f"{subject}@example.org", made.name, made.tokens)


async def proof(client: Client, subject: str) -> SocialLogIn:
    begun = await begin(client)
    back = await come_back(begun.authorization_url, subject)
    return SocialLogIn(state=back["state"], code=back["code"], flow_token=begun.flow_token)


async def erase(client: Client, user: User, **given: object) -> None:
    request = personal_pb.EraseAccountRequest(name="users/me", **given)  # type: ignore[arg-type]
    await client.personal.EraseAccount(request, metadata=user.bearer)


async def set_password(client: Client, user: User, **given: object) -> None:
    request = account_pb.ChangePasswordRequest(
        name="users/me",
        new_password=PASSWORD,
        **given,  # type: ignore[arg-type]
    )
    await client.accounts.ChangePassword(request, metadata=user.bearer)


async def test_a_first_password_is_set_by_who_logs_in_again(postgres_dsn: str, issuer: str) -> None:
    async with service(postgres_dsn, issuer) as client:
        ada = await made_there(client, "ada")
        other = await made_there(client, "ada")
        (founding,) = await identities(client, ada)
        assert founding.founding
        needed = (Code.FAILED_PRECONDITION, "IDENTITY_NEEDED")
        assert await refused(unlink(client, ada, founding.name)) == needed
        shown = await proof(client, "ada")
        await set_password(client, ada, social_log_in=shown)
        assert await refused(client.get(other.bearer)) == (
            Code.UNAUTHENTICATED,
            "CREDENTIALS_REFUSED",
        ), "other sessions end"
        assert await refused(set_password(client, ada, social_log_in=shown)) == REFUSED, "once"
        ada.tokens = await client.log_in(ada.email)
        # There is a password now, so the identity may go.
        await unlink(client, ada, founding.name)
        await erase(client, ada, password=PASSWORD)


async def test_an_account_made_elsewhere_is_forgotten(postgres_dsn: str, issuer: str) -> None:
    async with service(postgres_dsn, issuer) as client:
        ada = await made_there(client, "ada")
        await erase(client, ada, social_log_in=await proof(client, "ada"))
        assert (await made_there(client, "ada")).name != ada.name


async def test_a_stolen_session_proves_nothing(postgres_dsn: str, issuer: str) -> None:
    """Whoever has one can log in as themselves, and link themselves, and still gets nowhere."""
    async with service(postgres_dsn, issuer) as client:
        for victim in (await made_there(client, "ada"), await client.newcomer()):
            thief = victim
            assert await refused(erase(client, thief)) == INVALID
            shown = await proof(client, "bob")
            assert (
                await refused(erase(client, thief, password=PASSWORD, social_log_in=shown))
                == INVALID
            )
            assert await refused(erase(client, thief, social_log_in=shown)) == NO_PROOF
            await link(client, thief, "bob")
            for call in (erase, set_password):
                shown = await proof(client, "bob")
                assert await refused(call(client, thief, social_log_in=shown)) == NO_PROOF
            (bob, *_) = await identities(client, thief)
            assert not bob.founding
            await unlink(client, thief, bob.name)
            assert await client.get(victim.bearer), "still there"
        admin = await client.newcomer()
        assert await grant(make_settings(postgres_dsn), admin.email, Role.ADMIN)
        assert "LOGIN_REFUSED" in await client.events(admin, victim.name)


async def test_a_flow_that_is_over_proves_nothing(postgres_dsn: str, issuer: str) -> None:
    async with service(postgres_dsn, issuer) as client:
        ada = await made_there(client, "ada")
        late = await proof(client, "ada")
        await execute(postgres_dsn, "UPDATE users.social_flow SET expire_time = now()")
        assert await refused(erase(client, ada, social_log_in=late)) == REFUSED
        mixed = await proof(client, "ada")
        mixed.flow_token = (await begin(client)).flow_token
        assert await refused(erase(client, ada, social_log_in=mixed)) == REFUSED
        assert await client.get(ada.bearer), "still there"
