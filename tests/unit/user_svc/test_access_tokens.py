"""Aim: only what this service has signed for this use is believed, and a refusal tells nothing.

Method: every false token there is, made by hand; beside them stands the true one, so that the test
can fail.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from tests.hand_made_tokens import FALSE, KEY_ID, SEED, SESSION, USER, ago, claims, token
from user_svc.access_tokens import AccessTokens
from user_svc.errors import CredentialsRefusedError
from user_svc.model import Role, SigningKey


def signing_key(key_id: str = KEY_ID, seed: bytes = SEED, age_seconds: float = 60) -> SigningKey:
    return SigningKey(key_id, seed, datetime.now(UTC) - timedelta(seconds=age_seconds), None)


@pytest.fixture
def tokens() -> AccessTokens:
    made = AccessTokens("sonica", "sonica", 900)
    made.use([signing_key()])
    return made


def test_the_true_token_is_believed(tokens: AccessTokens) -> None:
    signed, expire_time = tokens.sign(USER, SESSION, Role.FREE)
    assert tokens.verify(signed) == (USER, SESSION)
    assert 890 < (expire_time - datetime.now(UTC)).total_seconds() <= 900
    assert tokens.verify(token()) == (USER, SESSION)
    assert tokens.verify(token(claims(exp=ago(5)))) == (USER, SESSION), "within the skew"


@pytest.mark.parametrize("made", FALSE.values(), ids=FALSE)
def test_false_tokens_are_refused_in_the_same_words(
    tokens: AccessTokens, made: Callable[[], str]
) -> None:
    with pytest.raises(CredentialsRefusedError) as caught:
        tokens.verify(made())
    assert str(caught.value) == str(CredentialsRefusedError())
    assert caught.value.metadata == {}
    assert caught.value.__cause__ is None


def test_the_next_key_signs_when_its_time_has_come(tokens: AccessTokens) -> None:
    before, _ = tokens.sign(USER, SESSION, Role.FREE)
    seed = secrets.token_bytes(32)
    tokens.use([signing_key(), signing_key("next", seed, age_seconds=-60)])
    assert jwt.get_unverified_header(tokens.sign(USER, SESSION, Role.FREE)[0])["kid"] == KEY_ID
    assert {key["kid"] for key in json.loads(tokens.jwks())["keys"]} == {KEY_ID, "next"}
    tokens.use([signing_key(), signing_key("next", seed, age_seconds=1)])
    after, _ = tokens.sign(USER, SESSION, Role.FREE)
    assert jwt.get_unverified_header(after)["kid"] == "next"
    assert tokens.verify(before) == tokens.verify(after) == (USER, SESSION)
    tokens.use([signing_key("next", seed)])
    with pytest.raises(CredentialsRefusedError):
        tokens.verify(before)


def test_anybody_can_verify_by_the_key_set_which_holds_nothing_private(
    tokens: AccessTokens,
) -> None:
    (published,) = json.loads(tokens.jwks())["keys"]
    signed, _ = tokens.sign(USER, SESSION, Role.PREMIUM)
    read = jwt.decode(signed, jwt.PyJWK(published), algorithms=["EdDSA"], audience="sonica")
    assert (read["sub"], read["role"]) == (f"users/{USER}", "premium")
    assert set(published) == {"kty", "crv", "alg", "use", "kid", "x"}
    assert SEED not in base64.urlsafe_b64decode(published["x"] + "=")
