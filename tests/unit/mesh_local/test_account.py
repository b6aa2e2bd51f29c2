"""Aim: PostgreSQL never runs as root, and reaches its files without a permission being changed.

Method: real folders and, as root, a real process under the account that was chosen.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.local import account
from mesh.local.account import Account
from mesh.local.errors import DataDirUnusableError, ProgramMissingError

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
NOBODY = Account("nobody", 65534, 65534)


def test_closed_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "open" / "closed" / "below").mkdir(parents=True)
    tmp_path.parent.chmod(0o755)
    for folder in (tmp_path, tmp_path / "open"):
        folder.chmod(0o711)
    (tmp_path / "open" / "closed").chmod(0o700)
    stranger = Account("stranger", 4_000_000, 4_000_000)
    found = account.first_closed(tmp_path / "open" / "closed" / "below", stranger)
    assert found is not None
    assert (tmp_path / "open" / "closed").is_relative_to(found)
    owner = Account("owner", os.geteuid(), os.getegid())
    assert account.first_closed(tmp_path / "open" / "closed" / "new", owner) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root takes another user")
def test_ordinary_user_stays_the_same(tmp_path: Path) -> None:
    assert account.for_postgres((tmp_path,)) is None


@root_only
def test_root_takes_an_unprivileged_user_and_no_capability_without_need() -> None:
    chosen = account.for_postgres((Path("/usr"), Path("/var")))
    assert chosen is not None
    assert chosen.uid != 0
    assert chosen.capability is None


@root_only
def test_process_walks_through_closed_folders_and_can_nothing_else(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    secret = closed / "secret"
    secret.write_text("mine")
    own = closed / "own"
    own.mkdir(mode=0o700)
    chosen = account.for_postgres((own,))
    assert chosen is not None
    assert chosen.capability is not None
    chosen.own(own)
    # PostgreSQL looks for its programs by access(2), which asks as the real user.
    looks = f"import os; print(os.access({str(own)!r}, os.X_OK))"
    script = (
        f"id -u; grep CapEff /proc/self/status; {sys.executable} -S -c {shlex.quote(looks)}; "
        f"touch {own}/written; touch {closed}/new"
    )
    done = subprocess.run(
        ["sh", "-c", script],
        preexec_fn=chosen.assume,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    uid, effective, seen = done.stdout.splitlines()
    assert int(uid) == chosen.uid
    assert int(effective.split()[1], 16) == 1 << chosen.capability
    assert seen == "True"
    assert (own / "written").exists()
    assert not (closed / "new").exists()
    assert closed.stat().st_mode & 0o777 == 0o700


@root_only
def test_without_any_capability_the_closed_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    monkeypatch.setattr(account, "_held_capabilities", lambda: 0)
    with pytest.raises(DataDirUnusableError, match="may not enter"):
        account.for_postgres((tmp_path / "closed" / "data",))


@root_only
def test_system_without_unprivileged_users_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account, "_CANDIDATES", ("no-such-user",))
    with pytest.raises(ProgramMissingError, match="DATABASE_URL"):
        account.for_postgres(())
