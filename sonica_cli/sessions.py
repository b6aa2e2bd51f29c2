"""The sessions of the command: in one file of the person's, by address of the mesh.

A refresh token is good for one use, so a command holds the file locked while it uses one, and
takes over what another command has got meanwhile. Otherwise commands do not wait for each other.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from sonica_cli.failures import CliError
from sonica_cli.screen import note

if TYPE_CHECKING:
    from sonica_client import Session

_FILE = "credentials.json"
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 1.0
# A refresh has a deadline of 10 s.
_WAIT_SECONDS_MAX = 60.0


class KeptSession:
    """The session at one mesh, as it is kept in the file.

    Args:
        edge: address of the mesh.
        folder: of the file; None means the platform's usual place.
    """

    def __init__(self, edge: str, folder: Path | None = None) -> None:
        self._edge = edge
        self._folder = folder or platformdirs.user_config_path("sonica")
        self._path = self._folder / _FILE
        self._held = False

    def read(self) -> Session | None:
        """Returns the session; None when there is none.

        Raises:
            CliError: the file is damaged.
        """
        from sonica_client import Session

        kept = self._all().get(self._edge)
        try:
            return Session(kept["access_token"], kept["refresh_token"]) if kept else None
        except (KeyError, TypeError):
            raise self._damaged() from None

    def write(self, session: Session | None) -> None:
        """Keeps the session in the place of the one before; None keeps none.

        Raises:
            CliError: the file is damaged, or another command holds it for too long.
        """
        if self._held:
            self._write(session)
            return
        with self._lock_file() as descriptor:
            for pause in self._attempts(descriptor):
                time.sleep(pause)
            self._write(session)

    @asynccontextmanager
    async def exclusively(self) -> AsyncIterator[Session | None]:
        """Holds the file while the session is refreshed; yields it as it is kept now.

        Raises:
            CliError: the file is damaged, or another command holds it for too long.
        """
        with self._lock_file() as descriptor:
            for pause in self._attempts(descriptor):
                await asyncio.sleep(pause)
            self._held = True
            try:
                yield self.read()
            finally:
                self._held = False

    @contextmanager
    def _lock_file(self) -> Iterator[int]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{_FILE}.lock"
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _attempts(self, descriptor: int) -> Iterator[float]:
        """Tries to get the lock; yields how long to wait before the next attempt."""
        began = time.monotonic()
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = time.monotonic() - began
            else:
                return
            if waited > _WAIT_SECONDS_MAX:
                raise CliError(
                    f"another command has held {self._path} for {waited:.0f} s",
                    "End it, then run this one again.",
                )
            if waited > _PATIENCE_SECONDS and not told:
                told = True
                note(f"Waiting for another command that renews the session in {self._path}.")
            yield _POLL_SECONDS

    def _write(self, session: Session | None) -> None:
        kept = self._all()
        kept.pop(self._edge, None)
        if session is not None:
            kept[self._edge] = {
                "access_token": session.access_token,
                "refresh_token": session.refresh_token,
            }
        # Made for the owner alone and moved to its place whole.
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=_FILE)
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
