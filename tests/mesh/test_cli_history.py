"""Aim: people see, export and erase what is kept of them, and admins what was done to accounts.

Method: the command as a process of its own, against the real gateway and user_svc behind a real
Envoy; the clips are recognised by a stand-in.
"""

from __future__ import annotations

import asyncio
import csv
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sonica_client import Scope, SonicaClient, SonicaError

from tests.integration.user_service import PASSWORD
from tests.mesh.person import Person
from tests.mesh.rig import Rig, mesh_with_accounts

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with mesh_with_accounts() as running:
        yield running


@pytest.fixture
def person(rig: Rig, tmp_path: Path) -> Person:
    return Person(tmp_path, rig.plan.edge)


@pytest.fixture
def operator(rig: Rig, tmp_path: Path) -> Person:
    return Person(tmp_path / "operator", rig.plan.edge, rig.operator_key)


async def registered(person: Person, email: str) -> None:
    await person.run("register", email, typed=f"{PASSWORD}\n")


async def has_recognised(rig: Rig, email: str, *clips: bytes) -> None:
    """Recognises clips and waits until the history has them."""
    async with SonicaClient(rig.plan.edge) as client:
        await client.accounts.log_in(email, PASSWORD)
        for clip in clips:
            await client.recognize(clip)
        end = asyncio.get_running_loop().time() + 120
        while len([each async for each in client.history.all()]) < len(clips):
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.05)


async def test_history(rig: Rig, person: Person, tmp_path: Path) -> None:
    await registered(person, "history@example.org")
    assert "nothing" in (await person.run("history")).out
    await has_recognised(rig, "history@example.org", b"a" * 4000, b"~" * 4000)
    newest, oldest = map(json.loads, (await person.run("history", "--json")).out.splitlines())
    assert newest.get("matches", []) == []
    (match,) = oldest["matches"]
    shown = (await person.run("history")).out
    assert match["title"] in shown
    assert "no match" in shown
    for options, count in (
        (["--matched"], 1),
        (["--unmatched"], 1),
        (["--track", match["trackId"]], 1),
        (["--track", "another"], 0),
        (["--since", "1h"], 2),
        (["--until", "1h"], 0),
        (["--limit", 1], 1),
    ):
        found = (await person.run("history", *options, "--json")).out.splitlines()
        assert len(found) == count, options
    assert "--limit 0" in (await person.run("history", "--limit", 1)).err

    out = tmp_path / "history.csv"
    await person.run("history", "--export", "csv", "-o", out)
    rows = [*csv.DictReader(out.read_text(encoding="utf-8").splitlines())]
    assert [row["title"] for row in rows] == ["", match["title"]]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    piped = (await person.run("history", "--export", "jsonl", "--matched")).out.splitlines()
    assert [json.loads(line)["matches"][0]["title"] for line in piped] == [match["title"]]

    await person.run("history", "--clear", "--matched", code=2)
    await person.run("history", "-o", out, code=2)
    await person.run("history", "--since", "yesterday", code=2)
    await person.run("history", "--clear", typed="n\n")
    assert (await person.tells("history", "--clear", "--yes")) == {"recognition_count": 2}
    assert "nothing" in (await person.run("history")).out


async def test_all_that_is_kept_is_exported_and_erased(
    rig: Rig, person: Person, tmp_path: Path
) -> None:
    email = "erased@example.org"
    await registered(person, email)
    await has_recognised(rig, email, b"b" * 4000)
    out = tmp_path / "account.json"
    assert (await person.tells("account", "export", "-o", out))["file"] == str(out)
    document = out.read_text(encoding="utf-8")
    assert email in document
    assert PASSWORD not in document
    piped = json.loads((await person.run("account", "export")).out)
    assert piped["account"] == json.loads(document)["account"]

    await person.run("account", "erase", typed="n\n", code=1)
    await person.run("account", "erase", typed="y\nanother@example.org\n", code=1)
    refused = await person.run("account", "erase", "--yes", typed="a wrong one\n", code=1)
    assert "Nothing was done" in refused.err
    assert (await person.run("account")).out
    erased = await person.run("account", "erase", typed=f"y\n{email}\n{PASSWORD}\n")
    assert f"Erased {email}" in erased.out
    assert "sonica login" in (await person.run("account", code=1)).err
    await person.run("login", email, typed=f"{PASSWORD}\n", code=1)


async def test_admins_see_accounts_and_give_roles(person: Person, operator: Person) -> None:
    await registered(person, "role@example.org")
    assert "ACCESS" not in (await person.run("admin", "users", code=1)).out
    listed = (await operator.run("admin", "users", "--email", "role@")).out
    assert "free" in listed
    granted = await operator.run("admin", "grant", "Role@example.org", "premium")
    assert "role@example.org is premium now" in granted.out
    account = await operator.tells("admin", "users", "--role", "premium")
    assert account["email"] == "role@example.org"
    await operator.run("admin", "grant", account["name"], "admin")
    assert "role@" in (await person.run("admin", "users")).out, "an admin who is logged in"

    newest = (await operator.run("admin", "audit", "--user", "role@example.org")).out
    assert "premium -> admin" in newest
    event = await operator.tells(
        "admin", "audit", "--user", account["name"], "--action", "role_changed", "--limit", 1
    )
    assert event["newRole"] == "ROLE_ADMIN"
    assert "role_changed" in (await operator.run("admin", "audit", "--action", "x", code=2)).err
    assert (await operator.run("admin", "audit", "--until", "1d", "--json")).out == ""
    await operator.run("admin", "grant", "nobody@example.org", "free", code=1)


async def test_calls_are_made_in_the_name_of_whoever_is_logged_in(
    person: Person, operator: Person
) -> None:
    await registered(person, "denied@example.org")
    assert "may" in (await person.run("rebuild-index", code=1)).err
    await operator.run("rebuild-index")


async def test_limits_are_shown(person: Person) -> None:
    await registered(person, "limited@example.org")
    shown = (await person.run("account")).out
    assert "recognitions" in shown
    account = await person.tells("account")
    assert account["email"] == "limited@example.org"
    assert account["usage"]["recognitions"]["limit"] > 0
    made = await person.tells("keys", "create", "small", "--scope", "account.read", "--daily", 7)
    program = Person(person.data_dir / "program", person.address, made["key_text"])
    assert "0 of 7 recognitions" in (await program.run("account")).out


async def test_a_key_that_ended_is_refused_whoever_is_logged_in(rig: Rig) -> None:
    async with SonicaClient(rig.plan.edge) as client:
        await client.accounts.register("key@example.org", PASSWORD)
        await client.accounts.log_in("key@example.org", PASSWORD)
        key, text = await client.accounts.create_api_key("program", [Scope.RECOGNIZE])
        await client.accounts.revoke_api_key(key.name)
    async with SonicaClient(rig.plan.edge, api_key=text) as client:
        with pytest.raises(SonicaError) as caught:
            await client.recognize(b"a" * 4000)
    assert caught.value.reason == "CREDENTIALS_REFUSED"
