"""The key of whoever runs a mesh on their own machine: good for everything, without an account.

It is made anew at each start and lies in a file that only its user can read. So who may read the
data folder may do everything, as they could anyway, and a copy from before is good for nothing.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mesh.local.guard import Guard
from mesh.local.layout import Layout
from mesh.local.part import Prepare
from mesh.local.settings import LocalSettings
from mesh.local.state import read_status

_SECRET_BYTES = 32


def keeping_key(layout: Layout, first: Prepare) -> Prepare:
    """Returns a `prepare` that does `first` and sees to it that the key file is there.

    The key is the same for all starts of a part, so that a restart refuses nobody.
    """
    text = f"op_{secrets.token_urlsafe(_SECRET_BYTES)}"

    async def prepare(guard: Guard) -> None:
        await first(guard)
        _write(layout.operator_key, text)

    return prepare


def operator_key(data_dir: Path | None, edge_address: str) -> str | None:
    """Returns the key of the mesh that runs here at this very address; None when none does.

    A key is good for its mesh only, so it is never sent to another address.
    """
    layout = Layout.of(LocalSettings.from_environment(data_dir).data_dir)
    mesh = read_status(layout).mesh
    if mesh is None or mesh.edge_address != edge_address:
        return None
    try:
        return layout.operator_key.read_text(encoding="ascii").strip() or None
    except OSError:
        return None


def _write(path: Path, text: str) -> None:
    """Replaces the file in one step; nobody else can read it at any time."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text + "\n")
    fresh.replace(path)
