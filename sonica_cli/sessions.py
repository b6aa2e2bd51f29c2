"""The sessions of the command: in one file of the person's, by address of the mesh.

A refresh token is good for one use, so a command holds the file locked while it uses a session.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from sonica_cli.failures import CliError

if TYPE_CHECKING:
    from sonica_client import Session

_FILE = "credentials.json"


class SessionFile:
    """The sessions there are; made by `locked_sessions`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, edge: str) -> Session | None:
        """Returns the session at a mesh."""
        from sonica_client import Session

        kept = self._all().get(edge)
        try:
            return Session(kept["access_token"], kept["refresh_token"]) if kept else None
        except (KeyError, TypeError):
            raise self._damaged() from None

    def write(self, edge: str, session: Session | None) -> None:
        """Keeps the session at a mesh in the place of the one before; None keeps none."""
        kept = self._all()
        kept.pop(edge, None)
        if session is not None:
            kept[edge] = {
                "access_token": session.access_token,
                "refresh_token": session.refresh_token,
            }
        # Made for the owner alone and moved to its place whole.
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=_FILE)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(kept, file, indent=2)
                # Else a power cut could leave an empty file in the place of the only good token.
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _all(self) -> dict[str, dict[str, str]]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise self._damaged() from None
        if not isinstance(kept, dict):
            raise self._damaged()
        return kept

    def _damaged(self) -> CliError:
        return CliError(f"{self._path} cannot be read", "Delete it, and log in again.")


@contextmanager
def locked_sessions() -> Iterator[SessionFile]:
    """Yields the sessions, which no other command uses meanwhile."""
    folder = platformdirs.user_config_path("sonica")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{_FILE}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield SessionFile(folder / _FILE)
    finally:
        os.close(descriptor)
