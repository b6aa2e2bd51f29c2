"""Access tokens: JWTs that this service signs with EdDSA and that anybody can verify by its JWKS.

A token's header is compared byte for byte with those of our own keys before anything is read from
it. So no algorithm, type, key address or extension of somebody else's is ever looked at, and what
is signed otherwise than by us is refused without a lookup.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.utils import base64url_encode

from user_svc.errors import CredentialsRefusedError
from user_svc.model import Role, SigningKey

ALGORITHM = "EdDSA"
TYPE = "at+jwt"  # RFC 9068
#: How far the clocks of two machines of the mesh may be apart.
SKEW_SECONDS = 30
_USERS = "users"
_BYTES_MAX = 2048
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_CLAIMS = ("iss", "aud", "sub", "sid", "role", "iat", "nbf", "exp", "jti")


class Claims(NamedTuple):
    """What a verified token says."""

    user_id: UUID
    session_id: UUID


class _Key(NamedTuple):
    header: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    stored: SigningKey


class AccessTokens:
    """Signs and verifies.

    Args:
        issuer: `iss` of every token.
        audience: `aud` of every token.
        ttl_seconds: how long a token is good.
    """

    def __init__(self, issuer: str, audience: str, ttl_seconds: int) -> None:
        self._issuer = issuer
        self._audience = audience
        self._ttl = timedelta(seconds=ttl_seconds)
        self._jwt = _StrictJwt()
        self._keys: dict[str, _Key] = {}

    def use(self, keys: Sequence[SigningKey]) -> None:
        """Takes the keys there are, the oldest first, in the place of those before."""
        made = [_key(stored) for stored in keys]
        self._keys = {key.header: key for key in made}

    def sign(self, user_id: UUID, session_id: UUID, role: Role) -> tuple[str, datetime]:
        """Returns a token and when it ends."""
        now = datetime.now(UTC).replace(microsecond=0)
        key = self._signing_key(now)
        expire_time = now + self._ttl
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            # The resource name, which the proxy hands to services as it stands.
            "sub": f"{_USERS}/{user_id}",
            "sid": str(session_id),
            "role": role.value.lower(),
            "iat": now,
            "nbf": now,
            "exp": expire_time,
            "jti": secrets.token_hex(16),
        }
        headers = {"typ": TYPE, "kid": key.stored.key_id}
        return jwt.encode(claims, key.private, ALGORITHM, headers), expire_time

    def verify(self, token: str) -> Claims:
        """Returns what a token says.

        Raises:
            CredentialsRefusedError: it is not ours, or not good now.
        """
        parts = _FORM.fullmatch(token) if len(token) <= _BYTES_MAX else None
        key = self._keys.get(parts[1]) if parts else None
        if key is None:
            raise CredentialsRefusedError
        try:
            claims = self._jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=SKEW_SECONDS,
                options={"require": [*_CLAIMS], "strict_aud": True},
            )
            return _read(claims)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            # Neither which of them nor why: the words would help a forger.
            raise CredentialsRefusedError from None

    def jwks(self) -> bytes:
        """Returns the public halves of all keys as a JWK set (RFC 7517)."""
        keys = [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": ALGORITHM,
                "use": "sig",
                "kid": key.stored.key_id,
                "x": base64url_encode(key.public.public_bytes_raw()).decode(),
            }
            for key in self._keys.values()
        ]
        return json.dumps({"keys": keys}).encode()

    def _signing_key(self, now: datetime) -> _Key:
        """Returns the youngest key whose time has come, else the oldest."""
        keys = list(self._keys.values())
        due = [key for key in keys if key.stored.sign_time <= now]
        return due[-1] if due else keys[0]


def _key(stored: SigningKey) -> _Key:
    private = Ed25519PrivateKey.from_private_bytes(stored.seed)
    probe = jwt.encode({}, private, ALGORITHM, {"typ": TYPE, "kid": stored.key_id})
    return _Key(probe.partition(".")[0], private, private.public_key(), stored)


def _read(claims: dict[str, Any]) -> Claims:
    times = [claims[name] for name in ("iat", "nbf", "exp")]
    texts = [claims[name] for name in ("sub", "sid", "role", "jti")]
    if any(type(time) is not int for time in times) or any(type(t) is not str for t in texts):
        raise TypeError("a claim has another type than we write")
    return claims_from(claims)


def claims_from(claims: Mapping[str, Any]) -> Claims:
    """Returns what verified claims say.

    Raises:
        ValueError, KeyError: they are not as we write them.
    """
    users, _, user_id = claims["sub"].partition("/")
    if users != _USERS:
        raise ValueError("sub names no account")
    return Claims(UUID(user_id), UUID(claims["sid"]))


class _StrictJwt(jwt.PyJWT):
    """Refuses claims that two readers could read in two ways."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        claims = json.loads(
            decoded["payload"], object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
        if not isinstance(claims, dict):
            raise jwt.DecodeError("the claims are no object")
        return claims


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise jwt.DecodeError("a claim stands there twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise jwt.DecodeError(f"{name} is no JSON")
