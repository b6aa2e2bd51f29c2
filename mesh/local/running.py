"""A mesh run by this process: lock, port, parts, and what others may read about them."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mesh.local.errors import LaunchError, PortInUseError
from mesh.local.guard import Guard
from mesh.local.layout import Layout
from mesh.local.lock import DataLock
from mesh.local.plan import make_plan
from mesh.local.proxy import Proxy
from mesh.local.settings import LocalSettings
from mesh.local.state import LocalMesh, MeshState, MeshStatus, PartState, write_status
from mesh.local.supervisor import OnProgress, Supervisor

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
_DRAIN_SECONDS = 5.0
_log = logging.getLogger(__name__)


def _silent(_part: str, _state: str) -> None:
    """Reports nothing."""


class RunningMesh:
    """A mesh whose supervisor is this process; made by `start`."""

    def __init__(self, layout: Layout, lock: DataLock, edge_address: str, *, is_open: bool) -> None:
        self._is_open = is_open
        self._layout = layout
        self._lock = lock
        self._guard = Guard(lock.descriptor)
        self._edge_address = edge_address
        self._state = MeshState.STARTING
        self._supervisor: Supervisor | None = None
        self._proxy: Proxy | None = None
        self._stopped = False

    @property
    def mesh(self) -> LocalMesh:
        """Where it is now; process ids change when a part is restarted."""
        parts = self._supervisor.statuses() if self._supervisor else ()
        return LocalMesh(
            data_dir=self._layout.data_dir,
            edge_address=self._edge_address,
            is_open=self._is_open,
            admin_socket=self._layout.socket("admin"),
            spans_dir=self._layout.spans_dir,
            logs_dir=self._layout.logs_dir,
            supervisor_pid=os.getpid(),
            pids={part.name: part.pid for part in parts if part.pid is not None},
        )

    async def begin(self, settings: LocalSettings, on_progress: OnProgress) -> None:
        """Starts all parts.

        Raises:
            LaunchError: a part failed; what was started is stopped again.
        """
        plan = make_plan(settings, self._layout, self._edge_address)

        def on_change(part: str, state: str) -> None:
            self._publish()
            on_progress(part, state)

        self._proxy = plan.proxy
        self._supervisor = Supervisor(plan.parts, self._layout, self._guard, on_change)
        await self._supervisor.start()
        self._state = MeshState.READY
        self._publish()

    async def stop(self) -> None:
        """Stops the mesh: no new calls, calls in flight end, then every part, in order."""
        if self._stopped:
            return
        self._stopped = True
        was_serving = self._state is MeshState.READY
        self._state = MeshState.STOPPING
        self._publish()
        try:
            if was_serving and self._proxy is not None:
                await self._proxy.drain(_DRAIN_SECONDS)
            if self._supervisor is not None:
                await self._supervisor.stop()
        finally:
            self.kill()
            self._layout.state.unlink(missing_ok=True)
            self._layout.operator_key.unlink(missing_ok=True)
            self._guard.close()
            self._lock.release()

    def kill(self) -> None:
        """Ends every part at once."""
        if self._supervisor is not None:
            self._supervisor.kill()

    def _publish(self) -> None:
        parts = self._supervisor.statuses() if self._supervisor else ()
        state = self._state
        if state is MeshState.READY and any(part.state is not PartState.READY for part in parts):
            state = MeshState.DEGRADED
        try:
            write_status(self._layout, MeshStatus(state, self.mesh, parts))
        except OSError as error:
            _log.warning("cannot write %s: %s", self._layout.state, error)


async def start(
    data_dir: Path | None = None,
    *,
    edge_host: str = DEFAULT_HOST,
    edge_port: int = DEFAULT_PORT,
    is_open: bool = False,
    on_progress: OnProgress = _silent,
) -> RunningMesh:
    """Starts a mesh whose supervisor is this process; returns when it is ready.

    Call it from a thread that lives as long as the mesh: the kernel ends the parts with it.

    Args:
        data_dir: None means SONICA_DATA_DIR or the platform's usual place.
        edge_host: address of the edge listener.
        edge_port: 0 means any free port.
        is_open: ask nobody for credentials and limit nothing, as with SONICA_OPEN=true.
        on_progress: called with the name of a part and its new state.

    Raises:
        LaunchError: see `mesh.local.errors`; nothing is left running.
    """
    settings = LocalSettings.from_environment(data_dir)
    settings = replace(settings, open=settings.open or is_open)
    layout = Layout.of(settings.data_dir)
    layout.prepare()
    lock = await DataLock.acquire(layout.lock)
    try:
        edge_address = _free_address(edge_host, edge_port)
        running = RunningMesh(layout, lock, edge_address, is_open=settings.open)
    except BaseException:
        lock.release()
        raise
    try:
        await running.begin(settings, on_progress)
    except BaseException:
        await asyncio.shield(running.stop())
        raise
    return running


def run(
    data_dir: Path | None = None,
    *,
    edge_host: str = DEFAULT_HOST,
    edge_port: int = DEFAULT_PORT,
    is_open: bool = False,
    on_progress: OnProgress = _silent,
    on_ready: Callable[[LocalMesh], None] = lambda _mesh: None,
) -> None:
    """Runs a mesh until SIGINT, SIGTERM or SIGHUP; a second signal kills all parts at once.

    Args:
        data_dir: as for `start`.
        edge_host: as for `start`.
        edge_port: as for `start`.
        is_open: as for `start`.
        on_progress: as for `start`.
        on_ready: called once, when every part is ready.

    Raises:
        LaunchError: it could not start.
    """
    asyncio.run(_run(data_dir, edge_host, edge_port, is_open, on_progress, on_ready))


async def _run(
    data_dir: Path | None,
    edge_host: str,
    edge_port: int,
    is_open: bool,
    on_progress: OnProgress,
    on_ready: Callable[[LocalMesh], None],
) -> None:
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    running: RunningMesh | None = None
    starting = asyncio.ensure_future(
        start(
            data_dir,
            edge_host=edge_host,
            edge_port=edge_port,
            is_open=is_open,
            on_progress=on_progress,
        )
    )

    def on_signal() -> None:
        if asked_to_stop.is_set() and running is not None:
            running.kill()
        asked_to_stop.set()
        starting.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    with suppress(asyncio.CancelledError):
        running = await starting
        on_ready(running.mesh)
        await asked_to_stop.wait()
        await running.stop()


def _free_address(host: str, port: int) -> str:
    """Checks that nothing listens on the edge port; returns host:port, both as numbers.

    Envoy shares its port with whoever allows that, so it would not notice a stale Envoy itself.

    Raises:
        PortInUseError: something listens there.
        LaunchError: the host is no address of this machine.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Connections of a mesh that has just stopped do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen(1)
            number, taken = probe.getsockname()[:2]
            return f"[{number}]:{taken}" if ":" in number else f"{number}:{taken}"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} of {host} is in use{_user_of(port)}",
                "Choose another one with --port, or stop what uses it.",
            ) from error
        raise LaunchError(f"cannot listen on {host}:{port}: {error}") from error


def _user_of(port: int) -> str:
    """Returns ` by process 12 (nginx)` where that can be seen."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == "LISTEN" and local and local.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return ""
