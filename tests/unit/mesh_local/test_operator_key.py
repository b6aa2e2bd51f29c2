"""Aim: the operator's key is for who may read the data folder, and for their own mesh only.

Method: real files; a mesh that "runs" is one whose lock is held and whose state file says so.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesh.local.layout import Layout
from mesh.local.lock import DataLock
from mesh.local.operator_key import keeping_key, operator_key
from mesh.local.state import LocalMesh, MeshState, MeshStatus, write_status

EDGE = "127.0.0.1:8080"


async def nothing(_guard: Any) -> None:
    """Prepares nothing."""


@pytest.fixture
async def layout(tmp_path: Path) -> AsyncIterator[Layout]:
    made = Layout.of(tmp_path / "data")
    made.prepare()
    lock = await DataLock.acquire(made.lock)
    mesh = LocalMesh(made.data_dir, EDGE, False, Path("a"), Path("s"), Path("l"), os.getpid(), {})
    write_status(made, MeshStatus(MeshState.READY, mesh))
    yield made
    lock.release()


async def test_the_key_is_for_its_owner_and_stays_while_the_mesh_runs(layout: Layout) -> None:
    prepare = keeping_key(layout, nothing)
    await prepare(None)  # type: ignore[arg-type]
    assert stat.S_IMODE(layout.operator_key.stat().st_mode) == 0o600
    text = operator_key(layout.data_dir, EDGE)
    assert text is not None
    assert text.startswith("op_")
    assert len(text) == 46
    layout.operator_key.unlink()
    await prepare(None)  # type: ignore[arg-type]
    assert operator_key(layout.data_dir, EDGE) == text
    await keeping_key(layout, nothing)(None)  # type: ignore[arg-type]
    assert operator_key(layout.data_dir, EDGE) != text, "of the next mesh"


async def test_what_a_stranger_has_laid_there_is_replaced(layout: Layout, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    layout.operator_key.with_suffix(".new").symlink_to(target)
    await keeping_key(layout, nothing)(None)  # type: ignore[arg-type]
    assert target.read_text() == "kept"
    assert not layout.operator_key.is_symlink()


async def test_the_key_is_for_the_mesh_of_this_folder_only(layout: Layout, tmp_path: Path) -> None:
    await keeping_key(layout, nothing)(None)  # type: ignore[arg-type]
    assert operator_key(layout.data_dir, "127.0.0.1:8081") is None
    assert operator_key(layout.data_dir, "elsewhere.example:8080") is None
    assert operator_key(tmp_path / "another", EDGE) is None
    layout.operator_key.unlink()
    assert operator_key(layout.data_dir, EDGE) is None
