"""The `sonica` command as a person runs it: a process of its own, with a data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SECONDS_MAX = 500.0


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """`sonica` with the data folder of one mesh."""

    data_dir: Path

    def __call__(self, *arguments: object, code: int = 0, stdin: bytes = b"") -> Ran:
        """Runs it; fails on another exit code than `code`, and on any traceback."""
        ran = subprocess.run(
            self.line(*arguments),
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=_SECONDS_MAX,
            check=False,
        )
        result = Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())
        assert "Traceback" not in result.out + result.err
        assert result.code == code, f"{arguments}: {result}"
        return result

    def begin(self, *arguments: object) -> subprocess.Popen[bytes]:
        """Starts it and returns at once."""
        return subprocess.Popen(
            self.line(*arguments),
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @staticmethod
    def line(*arguments: object) -> list[str]:
        """Returns the command line."""
        return [sys.executable, "-m", "sonica_cli", *map(str, arguments)]

    @property
    def environment(self) -> dict[str, str]:
        """Returns ours, with the data folder."""
        return os.environ | {"SONICA_DATA_DIR": str(self.data_dir)}


@contextmanager
def mesh_by_command(data_dir: Path, *options: str) -> Iterator[Command]:
    """Starts a mesh on a free port and stops it, both by the command; `options` are of `up`."""
    sonica = Command(data_dir)
    ran = sonica("up", "--port", 0, *options)
    assert "Sonica is up" in ran.out
    try:
        yield sonica
    finally:
        sonica("down")
