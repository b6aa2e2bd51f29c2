"""Runs one service: server, health, reflection, signals, drain.

The order of an end is fixed: NOT_SERVING, wait for the proxy to notice, let calls in flight finish,
close what the service opened, flush telemetry. A second signal skips the waiting.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio  # type: ignore[attr-defined] # stubs lack it

from mesh.runtime import telemetry
from mesh.runtime.boundary import Boundary
from mesh.runtime.reflection import add_reflection
from mesh.runtime.settings import UNIX_PREFIX, ProcessSettings, ServiceSettings
from mesh.runtime.tls import server_credentials

_CLOSE_SECONDS = 10.0
_PARENT_POLL_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registration:
    """One gRPC service of a process.

    Attributes:
        add: generated function, e.g. `add_MatchingServiceServicer_to_server`.
        servicer: what it adds.
        full_name: e.g. `sonica.matching.v1.MatchingService`; health is served under it.
        described: services of other processes that reflection tells of too.
        spared: whether its calls have places of their own, which calls of others cannot take.
    """

    add: Callable[[Any, grpc.aio.Server], None]
    servicer: Any
    full_name: str
    described: tuple[str, ...] = ()
    spared: bool = False


Build = Callable[[], AbstractAsyncContextManager[Sequence[Registration]]]


class StartError(Exception):
    """The service cannot start as it is set up; the message says what to change."""


class Server:
    """A gRPC server with the boundary, health and, if set, reflection; bound when made.

    Raises:
        StartError: the address is taken or cannot be bound.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._boundary = Boundary(
            settings.max_concurrent_rpcs, settings.max_message_bytes, settings.allowed_peers
        )
        self._health = health_aio.HealthServicer()
        self._grpc = grpc.aio.server(
            interceptors=(self._boundary,),
            options=_server_options(settings.max_message_bytes),
            # Only a backstop: the boundary refuses first, with a typed error.
            maximum_concurrent_rpcs=4 * settings.max_concurrent_rpcs + 64,
        )
        self.target = _bind(self._grpc, settings.listen, _credentials(settings))

    async def start(self, registrations: Sequence[Registration]) -> None:
        """Answers calls from now on and says SERVING for each service and for all."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = [registration.full_name for registration in registrations]
        self._boundary.spare(each.full_name for each in registrations if each.spared)
        for registration in registrations:
            registration.add(registration.servicer, self._grpc)
        if self._settings.reflection:
            described = {name for each in registrations for name in each.described}
            add_reflection(self._grpc, sorted({*names, *described, health.SERVICE_NAME}))
        await self._grpc.start()
        for name in ("", *names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def drain(self) -> bool:
        """Ends the server gently; returns whether every call in flight could finish."""
        grace_seconds = self._settings.drain_timeout_seconds
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(self._settings.drain_delay_seconds)
        stopping = asyncio.ensure_future(self._grpc.stop(grace_seconds))
        done, _ = await asyncio.wait((stopping,), timeout=max(0.0, grace_seconds - 0.05))
        cut = 0 if done else self._boundary.active_rpcs
        if cut:
            _log.warning("%d calls did not end within %g s and are cut", cut, grace_seconds)
        await stopping
        return cut == 0

    async def stop(self) -> None:
        """Ends the server and whatever call is left, at once."""
        await self._grpc.stop(None)


def _server_options(max_message_bytes: int) -> list[tuple[str, int]]:
    return [
        # Two servers on one port would share its traffic without a word.
        ("grpc.so_reuseport", 0),
        # Beyond the limit, so that the boundary can refuse with a typed error.
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", 2 * max_message_bytes),
        # As much as the edge takes of a client, with what it adds; beyond the first, calls were
        # refused by chance, and as overload.
        ("grpc.max_metadata_size", 48 * 1024),
        ("grpc.absolute_max_metadata_size", 64 * 1024),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # Callers ping every 30 s; the default of 5 min would end their connections.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def _credentials(settings: ServiceSettings) -> grpc.ServerCredentials | None:
    """Returns what the server proves itself with; None in clear."""
    files = settings.certificate_files
    try:
        return server_credentials(files) if files else None
    except OSError as error:
        raise StartError(f"cannot read the certificates of the mesh: {error}") from error


def _bind(server: grpc.aio.Server, listen: str, credentials: grpc.ServerCredentials | None) -> str:
    """Binds and returns the target that reaches the server."""
    if listen.startswith(UNIX_PREFIX):
        _clear_stale_socket(Path(listen.removeprefix(UNIX_PREFIX)))
    try:
        port = (
            server.add_secure_port(listen, credentials)
            if credentials
            else server.add_insecure_port(listen)
        )
    except RuntimeError as error:
        raise StartError(f"cannot listen on {listen}: it is taken or not ours to bind") from error
    return listen if listen.startswith(UNIX_PREFIX) else f"{listen.rpartition(':')[0]}:{port}"


def _clear_stale_socket(path: Path) -> None:
    """Removes the socket of a dead server; grpc would also replace that of a living one."""
    if not path.parent.is_dir():
        raise StartError(f"cannot listen on {path}: there is no folder {path.parent}")
    if not path.exists():
        return
    if not path.is_socket():
        raise StartError(f"cannot listen on {path}: it is a file, not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StartError(f"cannot listen on {path}: {error}") from error
        else:
            raise StartError(f"cannot listen on {path}: another server answers there")


def run(name: str, settings: ServiceSettings, build: Build) -> None:
    """Runs a service until it is told to stop; returns after a clean end.

    Args:
        name: of the service, for logs and traces.
        settings: its settings.
        build: opens its resources and yields its registrations; closed at the end.

    Raises:
        SystemExit: 1 when it could not start, failed, or calls had to be cut; 128 + signal number
            when a second signal ended the drain.
    """
    telemetry.setup_logs(name, settings.log_level)
    try:
        _setup_telemetry(name, settings.metrics_listen)
        _exit_with_parent(ProcessSettings().exit_with_parent)
        code = _run_loop(_Run(name, settings, build).main())
    except* StartError as refusal:
        _log.error("%s", _leaf(refusal))
        code = 1
    except* Exception:  # noqa: BLE001 - the end of the process: whatever it was is logged
        _log.exception("%s failed", name)
        code = 1
    finally:
        telemetry.shutdown()
    if code:
        sys.exit(code)


def _leaf(error: BaseException) -> BaseException:
    """Returns the first plain exception of a group, at any depth."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _setup_telemetry(name: str, metrics_listen: str | None) -> None:
    try:
        telemetry.setup(name, metrics_listen=metrics_listen)
    except OSError as error:
        raise StartError(f"cannot serve metrics on {metrics_listen}: {error}") from error


class _Run:
    """One life of a service: build, serve, drain, close."""

    def __init__(self, name: str, settings: ServiceSettings, build: Build) -> None:
        self._name = name
        self._settings = settings
        self._build = build
        self._asked_to_stop = asyncio.Event()
        self._signal: signal.Signals | None = None
        self._started = False
        self._task: asyncio.Task[int] | None = None

    async def main(self) -> int:
        """Returns the exit code."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            # Bound before anything is built: a taken address should cost no time.
            server = Server(self._settings)
            async with asyncio.timeout(None) as closing, self._build() as registrations:
                try:
                    code = await self._serve(server, registrations)
                finally:
                    closing.reschedule(loop.time() + _CLOSE_SECONDS)
        except asyncio.CancelledError:
            if self._signal is None:
                raise
            return 128 + self._signal if self._started else 0
        _log.info("stopped")
        return code

    def _on_signal(self, number: signal.Signals) -> None:
        if self._signal is None and self._started:
            self._asked_to_stop.set()
        elif self._task is not None:
            self._task.cancel()
        self._signal = number

    async def _serve(self, server: Server, registrations: Sequence[Registration]) -> int:
        try:
            await server.start(registrations)
            self._started = True
            _log.info("ready on %s", server.target, extra={"fields": {"address": server.target}})
            await self._asked_to_stop.wait()
            _log.info("draining")
            return 0 if await server.drain() else 1
        finally:
            await server.stop()


def _run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Runs `main` on uvloop where it is installed."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def _exit_with_parent(parent: int) -> None:
    """Makes the death of the parent process a SIGTERM of this one.

    Args:
        parent: 0 for no, 1 for whoever the parent is, else its process id.
    """
    if not parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    expected = parent if parent > 1 else os.getppid()
    if os.getppid() != expected:
        raise StartError(f"the parent process {expected} is gone")
    if sys.platform != "linux":
        threading.Thread(target=_watch_parent, args=(expected,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
