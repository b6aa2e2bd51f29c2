"""The `sonica` command of somebody: with a configuration folder and credentials of their own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mesh.command import Command, Ran


@dataclass(frozen=True)
class Person(Command):
    """`sonica` of somebody at a mesh."""

    address: str = ""
    api_key: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Returns ours, with folders of their own."""
        own = {
            "SONICA_ADDRESS": self.address,
            "SONICA_API_KEY": self.api_key,
            "XDG_CONFIG_HOME": str(self.data_dir),
            "HOME": str(self.data_dir),
        }
        return super().environment | own

    async def run(self, *arguments: object, code: int = 0, typed: str = "") -> Ran:
        """Runs the command, with the mesh going on meanwhile."""
        return await asyncio.to_thread(self, *arguments, code=code, stdin=typed.encode())

    async def tells(self, *arguments: object) -> Any:
        """Runs the command with `--json` and reads what it says."""
        return json.loads((await self.run(*arguments, "--json")).out)

    @property
    def file(self) -> Path:
        """Where the session is kept; on macOS elsewhere than on Linux."""
        (found,) = self.data_dir.rglob("credentials.json")
        return found
