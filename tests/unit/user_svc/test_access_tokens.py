"""Aim: only what this service has signed for this use is believed, and a refusal tells nothing.

Method: every way to make a false token that RFC 8725 and its readers know, made by hand; beside
each stands the true one, so that the test can fail.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from user_svc.access_tokens import AccessTokens
from user_svc.errors import CredentialsRefusedError
from user_svc.model import Role, SigningKey

USER, SESSION = uuid.uuid4(), uuid.uuid4()
SEED = secrets.token_bytes(32)
KEY_ID = "0123456789abcdef"
PRIVATE = Ed25519PrivateKey.from_private_bytes(SEED)
HEADER = {"alg": "EdDSA", "kid": KEY_ID, "typ": "at+jwt"}


def signing_key(key_id: str = KEY_ID, seed: bytes = SEED, age_seconds: float = 60) -> SigningKey:
    return SigningKey(key_id, seed, datetime.now(UTC) - timedelta(seconds=age_seconds), None)


@pytest.fixture
def tokens() -> AccessTokens:
    made = AccessTokens("sonica", "sonica", 900)
    made.use([signing_key()])
    return made


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "iss": "sonica",
        "aud": "sonica",
        "sub": f"users/{USER}",
        "sid": str(SESSION),
        "role": "free",
        "iat": now,
        "nbf": now,
        "exp": now + 900,
        "jti": "0" * 32,
    }
    return {name: value for name, value in (made | changes).items() if value is not None}


def segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def token(
    said: dict[str, Any] | bytes | None = None,
    *,
    key: Ed25519PrivateKey = PRIVATE,
    header: dict[str, Any] | bytes = HEADER,
) -> str:
    """Signs by hand, as a library would not let us."""
    head = header if isinstance(header, bytes) else compact(header)
    body = said if isinstance(said, bytes) else compact(claims() if said is None else said)
    signed = f"{segment(head)}.{segment(body)}"
    return f"{signed}.{segment(key.sign(signed.encode()))}"


def by_hmac(header: dict[str, Any]) -> str:
    """Signs with the public key as if it were a shared secret."""
    signed = f"{segment(compact(header))}.{segment(compact(claims()))}"
    secret = PRIVATE.public_key().public_bytes_raw()
    return f"{signed}.{segment(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def unsigned(algorithm: str, signature: str = "") -> str:
    body = segment(compact(claims()))
    return f"{segment(compact(HEADER | {'alg': algorithm}))}.{body}.{signature}"


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


def test_the_true_token_is_believed(tokens: AccessTokens) -> None:
    signed, expire_time = tokens.sign(USER, SESSION, Role.FREE)
    assert tokens.verify(signed) == (USER, SESSION)
    assert 890 < (expire_time - datetime.now(UTC)).total_seconds() <= 900
    assert tokens.verify(token()) == (USER, SESSION)
    assert tokens.verify(token(claims(exp=ago(5)))) == (USER, SESSION), "within the skew"


TRUE = token()
HOSTILE_KEY_IDS = [
    "",
    "../../../dev/null",
    "' OR 1=1 --",
    "https://evil.example/key",
    "x" * 10_000,
    None,
    7,
    [KEY_ID],
    KEY_ID + "\0",
]
FALSE: dict[str, Callable[[], str]] = {
    **{f"alg {name}": (lambda name=name: unsigned(name)) for name in ("none", "None", "nOnE", "")},
    "alg none, signature kept": lambda: unsigned("none", TRUE.rsplit(".", 1)[1]),
    "HS256 with the public key": lambda: by_hmac(HEADER | {"alg": "HS256"}),
    "HS256 that says EdDSA": lambda: by_hmac(HEADER),
    "ES256": lambda: token(header=HEADER | {"alg": "ES256"}),
    "Ed25519 as the name": lambda: token(header=HEADER | {"alg": "Ed25519"}),
    "expired": lambda: token(claims(exp=ago(31))),
    "expired long ago": lambda: token(claims(exp=ago(100_000))),
    "not yet valid": lambda: token(claims(nbf=ago(-60))),
    "issued in the future": lambda: token(claims(iat=ago(-60))),
    "wrong key": lambda: token(key=Ed25519PrivateKey.generate()),
    "wrong issuer": lambda: token(claims(iss="sonica.example")),
    "wrong audience": lambda: token(claims(aud="another")),
    "several audiences": lambda: token(claims(aud=["sonica", "another"])),
    "another type": lambda: token(header=HEADER | {"typ": "JWT"}),
    "no type": lambda: token(header={"alg": "EdDSA", "kid": KEY_ID}),
    "refresh type": lambda: token(header=HEADER | {"typ": "rt+jwt"}),
    **{
        f"kid {key_id!r:.20}": (lambda key_id=key_id: token(header=HEADER | {"kid": key_id}))
        for key_id in HOSTILE_KEY_IDS
    },
    "no kid": lambda: token(header={"alg": "EdDSA", "typ": "at+jwt"}),
    "jku": lambda: token(header=HEADER | {"jku": "https://evil.example/jwks.json"}),
    "x5u": lambda: token(header=HEADER | {"x5u": "https://evil.example/chain.pem"}),
    "jwk": lambda: token(header=HEADER | {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}),
    "x5c": lambda: token(header=HEADER | {"x5c": ["AA=="]}),
    "crit": lambda: token(header=HEADER | {"crit": ["exp"], "exp": 1}),
    "b64 false": lambda: token(header=HEADER | {"b64": False, "crit": ["b64"]}),
    "a header that stands there twice": lambda: token(
        header=compact(HEADER)[:-1] + b',"alg":"EdDSA"}'
    ),
    "header with spaces": lambda: token(header=json.dumps(HEADER).encode()),
    "a claim that stands there twice": lambda: token(
        compact(claims())[:-1] + f',"sub":"{uuid.uuid4()}"}}'.encode()
    ),
    "claims that are a list": lambda: token(b"[]"),
    "claims that are no JSON": lambda: token(b"{"),
    "NaN as time": lambda: token(compact(claims())[:-1] + b',"x":NaN}'),
    "deep claims": lambda: token(b"[" * 1400),
    "signature stripped": lambda: TRUE.rsplit(".", 1)[0] + ".",
    "signature and dot stripped": lambda: TRUE.rsplit(".", 1)[0],
    "signature of other claims": lambda: (
        f"{TRUE.split('.')[0]}.{segment(compact(claims(role='admin')))}.{TRUE.split('.')[2]}"
    ),
    "signature lengthened": lambda: TRUE + "AA",
    "padding": lambda: TRUE + "==",
    "four parts": lambda: TRUE + ".AA",
    "a space": lambda: TRUE + " ",
    "empty": lambda: "",
    "dots": lambda: "..",
    "no ASCII": lambda: "\u0130.\u0130.\u0130",
    "too long": lambda: TRUE + "A" * 10_000,
    **{
        f"without {name}": (lambda name=name: token(claims(**{name: None})))
        for name in ("iss", "aud", "sub", "sid", "role", "iat", "nbf", "exp", "jti")
    },
    "exp as text": lambda: token(claims(exp=str(ago(-900)))),
    "exp as a fraction": lambda: token(claims(exp=ago(-900) + 0.5)),
    "sub of another form": lambda: token(claims(sub="me")),
    "sub as a number": lambda: token(claims(sub=1)),
    "sid as a list": lambda: token(claims(sid=[str(SESSION)])),
}


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
