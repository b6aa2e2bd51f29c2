"""Aim: a person logs in at another provider with the command, through the edge.

Method: the command as a process, a real provider as a process, the real user_svc behind a real
Envoy; the test is the browser.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from sonica_cli.failures import CliError
from sonica_cli.loopback import open_loopback
from tests.integration.providers import CLIENT_ID, CLIENT_SECRET, provider_process
from tests.mesh.rig import Rig, mesh_with_accounts
from tests.mesh.test_cli_accounts import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    with provider_process() as issuer:
        provider = {
            "name": "there",
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
        async with mesh_with_accounts(social_providers=[provider]) as running:
            yield running


async def sent_there(
    person: Person, *arguments: object, subject: str, typed: str = "", strays: bool = False
) -> Any:
    """Runs a command that sends somebody to the provider; returns what it says with `--json`."""
    process = await asyncio.create_subprocess_exec(
        *person.line(*arguments, "--provider", "there", "--json"),
        env=person.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(typed.encode())
    process.stdin.write_eof()
    async with asyncio.timeout(120):
        await process.stderr.readline()
        url = (await process.stderr.readline()).decode().strip()
    (redirect_uri,) = parse_qs(urlsplit(url).query)["redirect_uri"]
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        if strays:
            stray = await browser.get(f"{redirect_uri}?state=of-somebody&code=else")
            assert stray.status_code == httpx.codes.NOT_FOUND
        answer = await browser.post(url, data={"sub": subject}, follow_redirects=True)
        assert answer.status_code == httpx.codes.OK
        assert "go back to the terminal" in answer.text
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    return json.loads(out)


async def test_logging_in_with_a_browser(rig: Rig, tmp_path: Path) -> None:
    person = Person(tmp_path, rig.plan.edge)
    mine = await sent_there(person, "login", subject="ada", strays=True)
    assert mine["email"] == "ada@example.org"
    assert (await person.tells("account"))["email"] == "ada@example.org"


async def test_an_account_made_elsewhere_gets_a_password_and_is_erased(
    rig: Rig, tmp_path: Path
) -> None:
    person = Person(tmp_path, rig.plan.edge)
    await sent_there(person, "login", subject="ada")
    name = (await person.tells("account", "identities"))["name"]
    assert "set a password first" in (await person.run("account", "unlink", name, code=1)).err
    await sent_there(person, "account", "password", subject="ada", typed="a first password\n")
    both = "a first password\na second password\n"
    await person.run("account", "password", typed=both)
    await person.run("login", "ada@example.org", typed="a second password\n")
    erased = await sent_there(person, "account", "erase", "--yes", subject="ada")
    assert erased["erased"].startswith("users/")
    assert "sonica login" in (await person.run("account", code=1)).err


async def test_misuse_and_unknown_providers(rig: Rig, tmp_path: Path) -> None:
    person = Person(tmp_path, rig.plan.edge)
    assert "either EMAIL or" in (await person.run("login", code=2)).err
    both = await person.run("login", "ada@example.org", "--provider", "there", code=2)
    assert "either EMAIL or" in both.err
    unknown = await person.run("login", "--provider", "nowhere", code=1)
    assert "known: there" in unknown.err


async def test_what_a_browser_brings() -> None:
    async with open_loopback() as loopback, httpx.AsyncClient(trust_env=False) as browser:
        waiting = asyncio.create_task(loopback.code("mine"))
        await asyncio.sleep(0)
        for stray in ("?state=other&code=x", "?code=x", "/other?state=mine&code=x"):
            answer = await browser.get(loopback.redirect_uri + stray)
            assert answer.status_code == httpx.codes.NOT_FOUND
        await browser.get(loopback.redirect_uri, params={"state": "mine", "code": "the code"})
        assert await waiting == "the code"
    async with open_loopback() as loopback, httpx.AsyncClient(trust_env=False) as browser:
        waiting = asyncio.create_task(loopback.code("mine"))
        await asyncio.sleep(0)
        refused = {"state": "mine", "error": "access_denied\x1b[2J"}
        await browser.get(loopback.redirect_uri, params=refused)
        with pytest.raises(CliError, match=r"access_denied\[2J"):
            await waiting
