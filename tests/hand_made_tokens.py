"""Access tokens made by hand: the true one, and every false one that RFC 8725 tells of."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

USER, SESSION = uuid.uuid4(), uuid.uuid4()
SEED = secrets.token_bytes(32)
KEY_ID = "0123456789abcdef"
PRIVATE = Ed25519PrivateKey.from_private_bytes(SEED)
HEADER = {"alg": "EdDSA", "kid": KEY_ID, "typ": "at+jwt"}


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
