"""One provider: what it says of itself, where people go, and what its ID tokens are worth.

An ID token counts only if it is signed by a key that the provider publishes, with an asymmetric
algorithm, by the configured issuer, for us, now, with the nonce of this very flow. A flow of one
provider is never ended at another, so no provider can be played off against another.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from user_svc.social.endpoint import check_endpoint
from user_svc.social.errors import ProviderUnreachableError, SocialLogInRefusedError
from user_svc.social.fetching import Fetcher, FetchError
from user_svc.social.flow import FlowSecrets
from user_svc.social.model import Person, ProviderSettings

_DISCOVERY = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
_KEPT_SECONDS = 3600.0
# A token with an unknown key makes us look for new ones, but not as often as somebody sends some.
_KEYS_AGAIN_SECONDS = 60.0
_SKEW_SECONDS = 60
_TOKEN_LENGTH_MAX = 16_384
_SUBJECT_LENGTH_MAX, _EMAIL_LENGTH_MAX, _NAME_LENGTH_MAX = 255, 254, 100
_log = logging.getLogger(__name__)


class Provider:
    """Sends people to a provider and finds out who came back.

    Args:
        settings: of the operator.
        fetcher: asks the provider.
    """

    def __init__(self, settings: ProviderSettings, fetcher: Fetcher) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._lock = asyncio.Lock()
        self._metadata: dict[str, Any] = {}
        self._metadata_end = 0.0
        self._keys: KeySet | None = None
        self._keys_time = 0.0

    @property
    def name(self) -> str:
        """How people call it."""
        return self._settings.name

    async def authorization_url(self, redirect_uri: str, flow: FlowSecrets) -> str:
        """Returns where the person has to go.

        Raises:
            ProviderUnreachableError: it does not say.
        """
        metadata = await self._discovered()
        sent = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": create_s256_code_challenge(flow.code_verifier),
            "code_challenge_method": "S256",
        }
        url: str = add_params_to_uri(metadata["authorization_endpoint"], [*sent.items()])
        return url

    async def person(self, code: str, redirect_uri: str, flow: FlowSecrets) -> Person:
        """Takes a code and returns whom it stands for.

        Raises:
            SocialLogInRefusedError: the code, or what came for it, is not good.
            ProviderUnreachableError: it does not answer, or not as one does.
        """
        metadata = await self._discovered()
        token = await self._exchanged(metadata, code, redirect_uri, flow)
        try:
            return self._read(await self._verified(metadata, token, flow.nonce))
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            # The kind is enough for the operator; the words of libraries may hold claims.
            _log.warning("an ID token of %s was refused: %s", self.name, type(error).__name__)
            raise SocialLogInRefusedError from None

    async def _exchanged(
        self, metadata: dict[str, Any], code: str, redirect_uri: str, flow: FlowSecrets
    ) -> str:
        """Returns the ID token for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": flow.code_verifier,
            "client_id": self._settings.client_id,
        }
        auth = None
        secret = self._settings.client_secret
        if secret is not None:
            methods = metadata.get("token_endpoint_auth_methods_supported")
            if isinstance(methods, list) and "client_secret_basic" not in methods:
                form["client_secret"] = secret.get_secret_value()
            else:
                auth = (self._settings.client_id, secret.get_secret_value())
        try:
            status, answer = await self._fetcher.post(metadata["token_endpoint"], form, auth)
        except FetchError as error:
            raise self._unreachable(str(error)) from None
        token = answer.get("id_token")
        if status == 200 and isinstance(token, str) and len(token) <= _TOKEN_LENGTH_MAX:
            return token
        if answer.get("error") == "invalid_grant":
            raise SocialLogInRefusedError
        raise self._unreachable(f"the token endpoint gave HTTP status {status} and no ID token")

    async def _verified(self, metadata: dict[str, Any], token: str, nonce: str) -> dict[str, Any]:
        """Returns the claims of an ID token after all that has to be looked at."""
        keys = await self._published(metadata)
        try:
            read = jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            newer = await self._published(metadata, again=True)
            if newer is keys:
                raise
            read = jwt.decode(token, newer, algorithms=_ALGORITHMS)
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": self._settings.issuer},
                "aud": {"essential": True, "value": self._settings.client_id},
            },
            {"nonce": nonce, "client_id": self._settings.client_id},
        )
        claims.validate(leeway=_SKEW_SECONDS)
        return dict(claims)

    def _read(self, claims: dict[str, Any]) -> Person:
        subject, email, name = (claims.get(key) for key in ("sub", "email", "name"))
        if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_LENGTH_MAX:
            raise ValueError("sub has another form than a subject")
        if "\0" in subject:
            raise ValueError("sub has a NUL")
        verified = claims.get("email_verified") is True and isinstance(email, str)
        usable = verified and _is_address(str(email))
        shown = "".join(c for c in name if c.isprintable()) if isinstance(name, str) else ""
        return Person(
            self._settings.issuer,
            subject,
            str(email).lower() if usable else None,
            shown[:_NAME_LENGTH_MAX],
        )

    async def _discovered(self) -> dict[str, Any]:
        """Returns what the provider says of itself; asked for again after an hour."""
        async with self._lock:
            if time.monotonic() < self._metadata_end:
                return self._metadata
            try:
                found = await self._fetcher.get(self._settings.issuer.rstrip("/") + _DISCOVERY)
            except FetchError as error:
                raise self._unreachable(f"its description: {error}") from None
            if found.get("issuer") != self._settings.issuer:
                raise self._unreachable("its description is of another issuer")
            if not all(_is_safe(found.get(endpoint)) for endpoint in _ENDPOINTS):
                raise self._unreachable("its description lacks an https:// endpoint")
            self._metadata, self._metadata_end = found, time.monotonic() + _KEPT_SECONDS
            return found

    async def _published(self, metadata: dict[str, Any], *, again: bool = False) -> KeySet:
        """Returns the keys of the provider; `again` asks for newer ones, once a minute."""
        async with self._lock:
            age = time.monotonic() - self._keys_time
            if self._keys is not None and age < (_KEYS_AGAIN_SECONDS if again else _KEPT_SECONDS):
                return self._keys
            try:
                found = await self._fetcher.get(metadata["jwks_uri"])
                public = [key for key in found["keys"] if key.get("kty") in ("RSA", "EC", "OKP")]
                self._keys = KeySet.import_key_set({"keys": public})
            except FetchError as error:
                raise self._unreachable(f"its keys: {error}") from None
            except (JoseError, ValueError, TypeError, KeyError, AttributeError):
                raise self._unreachable("its keys cannot be read") from None
            self._keys_time = time.monotonic()
            return self._keys

    def _unreachable(self, why: str) -> ProviderUnreachableError:
        _log.warning("the provider %s cannot be used for now: %s", self.name, why)
        return ProviderUnreachableError(
            f"{self.name} does not answer as it should; try again later", provider=self.name
        )


def _is_safe(url: object) -> bool:
    try:
        return isinstance(url, str) and bool(check_endpoint(url))
    except ValueError:
        return False


def _is_address(email: str) -> bool:
    local, at, domain = email.partition("@")
    plain = email.isascii() and email.isprintable() and " " not in email
    return bool(local and at and domain) and plain and len(email) <= _EMAIL_LENGTH_MAX
