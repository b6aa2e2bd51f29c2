"""The command run in this process, against a real gRPC server in a thread."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sonica_cli.main import run
from tests.unit.sonica_client.edge import Edge, edge_server


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


Sonica = Callable[..., Ran]


@pytest.fixture
def edge() -> Iterator[tuple[str, Edge]]:
    """Serves the public contract; yields its address and what it holds."""
    loop = asyncio.new_event_loop()
    started: list[tuple[str, Edge]] = []
    ready, ending = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with edge_server() as running:
            started.append(running)
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    yield started[0]
    loop.call_soon_threadsafe(ending.set)
    thread.join()
    loop.close()


@pytest.fixture
def sonica(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sonica:
    """Runs the command; `stdin` is what it reads. Fails on any traceback."""
    monkeypatch.setenv("SONICA_DATA_DIR", str(tmp_path / "no mesh"))
    # Nobody is logged in, whoever runs the tests.
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for name in ("SONICA_ADDRESS", "SONICA_API_KEY", "SONICA_CA_FILE", "SONICA_INSECURE"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["sonica", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = run()
        written = capsys.readouterr()
        assert "Traceback" not in written.out + written.err
        return Ran(code, written.out, written.err)

    return call


@pytest.fixture
def connected(
    sonica: Sonica, edge: tuple[str, Edge], monkeypatch: pytest.MonkeyPatch
) -> tuple[Sonica, Edge]:
    """The command, connected to the server, and what the server holds."""
    monkeypatch.setenv("SONICA_ADDRESS", edge[0])
    return sonica, edge[1]
