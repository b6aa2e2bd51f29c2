"""Aim: the key of a data folder is made once, for its owner alone, and is never replaced."""

from __future__ import annotations

import stat
from pathlib import Path
from unittest.mock import sentinel

import pytest

from mesh.local.layout import Layout
from mesh.local.secrets_key import keeping_secrets
from mesh.local.services import SECRETS_KEY_FILE, user_part
from user_svc.secret_box import SecretUnreadableError, open_box


async def nothing(_guard: object) -> None:
    pass


async def test_a_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    prepare = keeping_secrets(path, nothing)
    await prepare(sentinel.guard)
    made = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await prepare(sentinel.guard)
    assert path.read_bytes() == made
    box = open_box(path)
    assert box is not None
    sealed = box.seal(b"secret")
    assert b"secret" not in sealed
    assert box.open(sealed) == b"secret"
    path.unlink()
    await prepare(sentinel.guard)
    other = open_box(path)
    assert other is not None
    with pytest.raises(SecretUnreadableError):
        other.open(sealed)
    path.write_bytes(path.read_bytes() + made)
    both = open_box(path)
    assert both is not None
    assert both.open(sealed) == b"secret", "an older key stays good below a newer one"


@pytest.mark.parametrize("own", [True, False])
def test_a_file_of_the_persons_own_is_used(tmp_path: Path, *, own: bool) -> None:
    passed_on = {SECRETS_KEY_FILE: "/etc/sonica/key"} if own else {}
    layout = Layout.of(tmp_path)
    part = user_part(layout, passed_on, "unix:/x", database_url="postgresql:///x", redis_url=None)
    expected = "/etc/sonica/key" if own else str(layout.secrets_key)
    assert part.environment[SECRETS_KEY_FILE] == expected
