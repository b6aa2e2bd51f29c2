"""OpenID Connect providers for tests: a real one as a process, and one that says anything."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.integration.stores import Process, scratch_folder
from tests.ports import free_port

CLIENT_ID, CLIENT_SECRET = "sonica-here", "canary-client-secret"
ADA = {"sub": "ada", "email": "Ada@Example.org", "email_verified": True, "name": "Ada"}
BOB = {"sub": "bob", "email": "bob@example.org", "email_verified": False}


@contextmanager
def provider_process() -> Iterator[str]:
    """Runs a real provider that knows Ada and Bob; yields its issuer."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{issuer}/jwks", trust_env=False).status_code == httpx.codes.OK
        return False

    people = [f"--user-claims={json.dumps(person)}" for person in (ADA, BOB)]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port)]
    with scratch_folder() as folder:
        process = Process("provider", [*command, "-n", "true", *people], is_up, folder)
        process.start()
        try:
            yield issuer
        finally:
            process.stop()


async def come_back(authorization_url: str, subject: str) -> dict[str, str]:
    """Logs somebody in as their browser would; returns what comes to the redirect address."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.post(authorization_url, data={"sub": subject})
    assert answer.status_code == httpx.codes.FOUND, answer.text
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


@dataclass
class Forger:
    """A provider that answers whatever a test wants.

    Attributes:
        issuer: its address.
        key: of its tokens, published.
        claims: of the next token, over those of an honest one.
        header: of the next token, over that of an honest one.
        token: sent instead of a signed one.
        status: of the token endpoint.
        error: of the token endpoint.
        description: over that of an honest provider.
        forms: what came to the token endpoint.
    """

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signing_key: Any = None
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    token: str = ""
    status: int = 200
    error: str = ""
    description: dict[str, Any] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    padding: int = 0
    nonce: str = ""
    asked: list[str] = field(default_factory=list)

    def honest_claims(self) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "ada", "iat": now, "exp": now + 300,
            "nonce": self.nonce, "email": "ada@example.org", "email_verified": True,
        }  # fmt: skip

    def signed(self) -> str:
        claims = {k: v for k, v in (self.honest_claims() | self.claims).items() if v is not None}
        header = {"alg": "RS256", "kid": "1"} | self.header
        if header["alg"] in ("none", "None", "nOnE"):
            parts = [base64.urlsafe_b64encode(json.dumps(p).encode()) for p in (header, claims)]
            return b".".join(part.rstrip(b"=") for part in parts).decode() + "."
        key = self.signing_key or self.key
        return jwt.encode(header, claims, key, algorithms=["RS256", "HS256", "ES256"])

    def answer_to(self, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
        self.asked.append(target)
        if target == "/.well-known/openid-configuration":
            honest = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
            }
            return 200, honest | self.description
        if target == "/jwks":
            return 200, KeySet([self.key]).as_dict(private=False)
        self.forms.append({name: values[0] for name, values in parse_qs(body.decode()).items()})
        if self.error:
            return self.status, {"error": self.error}
        padding = {"padding": "x" * self.padding}
        return self.status, {"id_token": self.token or self.signed(), **padding}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, answer = self.answer_to(head[0].split(" ")[1], body)
            text = json.dumps(answer).encode()
            lines = f"HTTP/1.1 {status} X\r\ncontent-length: {len(text)}\r\nconnection: close\r\n"
            writer.write(lines.encode() + b"\r\n" + text)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def forger() -> AsyncIterator[Forger]:
    """Serves at a free port."""
    made = Forger()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
