"""Aim: the Python client and the command keep a session, and keep its secrets.

Method: both against the real user_svc behind a real Envoy; the command is a process of its own with
a configuration folder of its own, and once with a terminal.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sonica_client import Account, Preferences, Role, Scope, Session, SonicaClient, SonicaError

from tests.integration.user_service import PASSWORD
from tests.mesh.person import Person
from tests.mesh.rig import Rig, mesh_with_accounts

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW_PASSWORD = "another of ten or more"  # noqa: S105 - of nobody


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with mesh_with_accounts() as running:
        yield running


@pytest.fixture
def person(rig: Rig, tmp_path: Path) -> Person:
    return Person(tmp_path, rig.plan.edge)


async def test_the_client_refreshes_once_for_many_calls(rig: Rig) -> None:
    async with SonicaClient(rig.plan.edge) as client:
        accounts = client.accounts
        seen: list[Session | None] = []
        accounts.on_change = seen.append
        with pytest.raises(SonicaError, match="not logged in"):
            await accounts.get()
        made = await accounts.register("client@example.org", PASSWORD)
        session = await accounts.log_in("client@example.org", PASSWORD)
        assert session.refresh_token not in repr(session)
        accounts.session = Session("an access token that has ended", session.refresh_token)
        found = await asyncio.gather(*(accounts.get() for _ in range(8)))
        assert {account.name for account in found} == {made.name}
        assert len(seen) == 2, "one log-in, one refresh"
        changed = await accounts.update(
            Account(display_name="Ada", preferences=Preferences(languages=["hi"])),
        )
        assert (changed.display_name, changed.role) == ("Ada", Role.FREE)
        changed = await accounts.update(Account(), ["preferences.languages"])
        assert changed.preferences is not None
        assert not changed.preferences.languages
        key, text = await accounts.create_api_key("radio", [Scope.RECOGNIZE])
        assert text.startswith(f"sk_{key.name[-16:]}_")
        assert [each.name for each in await accounts.list_api_keys()] == [key.name]
        await accounts.change_password(PASSWORD, NEW_PASSWORD)
        assert (await accounts.get()).name == made.name
        assert await accounts.log_in("client@example.org", NEW_PASSWORD) != session


async def test_a_session_that_was_ended_is_forgotten(rig: Rig) -> None:
    async with SonicaClient(rig.plan.edge) as client:
        await client.accounts.register("ended@example.org", PASSWORD)
        session = await client.accounts.log_in("ended@example.org", PASSWORD)
        await client.accounts.log_out_everywhere()
        assert client.accounts.session is None
        client.accounts.session = session
        with pytest.raises(SonicaError) as caught:
            await client.accounts.get()
        assert caught.value.reason == "REFRESH_REFUSED"
        assert client.accounts.session is None


async def test_from_register_to_logout(person: Person) -> None:
    assert "sonica login" in (await person.run("account", code=1)).err
    registered = await person.run(
        "register", "cli@example.org", "--name", "Ada", typed=f"{PASSWORD}\n"
    )
    assert "cli@example.org" in registered.out
    assert stat.S_IMODE(person.file.stat().st_mode) == 0o600
    assert PASSWORD not in person.file.read_text(encoding="utf-8")
    account = await person.tells("account")
    assert (account["email"], account["displayName"]) == ("cli@example.org", "Ada")
    assert "Ada" in (await person.run("account")).out
    assert "1 session" in (await person.run("logout")).out
    assert (await person.run("account", code=1)).out == ""
    refused = await person.run("login", "cli@example.org", typed="a wrong one\n", code=1)
    assert "a wrong one" not in refused.err + refused.out
    await person.run("login", "cli@example.org", code=2)
    for _ in range(2):
        await person.run("login", "cli@example.org", typed=f"{PASSWORD}\n")
    assert (await person.tells("logout", "--everywhere"))["session_count"] == 2


async def test_keys(person: Person) -> None:
    await person.run("register", "keys@example.org", typed=f"{PASSWORD}\n")
    assert "no keys" in (await person.run("keys", "list")).out
    made = await person.tells("keys", "create", "radio", "--scope", "account.read", "--days", 7)
    first = made["key_text"]
    name = made["name"].rpartition("/")[2]
    rotated = await person.run("keys", "rotate", name)
    assert rotated.out.startswith(f"sk_{name}_")
    assert rotated.out.strip() != first
    listed = (await person.run("keys", "list")).out
    assert "radio" in listed
    assert "account.read" in listed
    assert first not in listed
    assert (await person.tells("keys", "revoke", made["name"]))["revokeTime"]
    assert "revoked" in (await person.run("keys", "list")).out
    assert "keys list" in (await person.run("keys", "revoke", "0" * 16, code=1)).err


async def test_many_commands_at_once_keep_one_session(person: Person) -> None:
    await person.run("register", "many@example.org", typed=f"{PASSWORD}\n")
    kept = json.loads(person.file.read_text(encoding="utf-8"))
    kept[person.address]["access_token"] = "one that has ended"  # noqa: S105 - no password
    person.file.write_text(json.dumps(kept), encoding="utf-8")
    answers = await asyncio.gather(*(person.tells("account") for _ in range(4)))
    assert {answer["email"] for answer in answers} == {"many@example.org"}


async def test_a_damaged_file_is_named(person: Person) -> None:
    await person.run("register", "damaged@example.org", typed=f"{PASSWORD}\n")
    person.file.write_text("{", encoding="utf-8")
    assert str(person.file) in (await person.run("account", code=1)).err


async def test_a_terminal_does_not_show_the_password(person: Person) -> None:
    screen, terminal = pty.openpty()

    def answer() -> str:
        running = subprocess.Popen(
            person.line("register", "terminal@example.org"),
            env=person.environment,
            preexec_fn=lambda: os.login_tty(terminal),  # noqa: PLW1509 - one thread in the child
        )
        os.close(terminal)
        shown = b""
        try:
            for question in (b"Password: ", b"same again: "):
                while not shown.endswith(question):
                    if not (read := os.read(screen, 1024)):
                        break
                    shown += read
                os.write(screen, PASSWORD.encode() + b"\n")
            while read := os.read(screen, 1024):
                shown += read
        except OSError:
            pass  # the command has ended, and its terminal with it; macOS says so by b""
        assert running.wait(60) == 0
        return shown.decode()

    shown = await asyncio.to_thread(answer)
    os.close(screen)
    assert "Registered terminal@example.org" in shown
    assert PASSWORD not in shown
