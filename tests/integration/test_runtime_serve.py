"""Aim: a service process starts, drains and dies as promised, and says why when it cannot start.

Method: a small service in a process of its own, driven by signals; its log is read line by line.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from mesh.runtime.errors import from_rpc_error
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REPOSITORY = Path(__file__).parents[2]
ECHO = "sonica.testing.v1.EchoService"
SERVICE = """
import asyncio, logging, sys
from contextlib import asynccontextmanager
import grpc
from mesh.runtime.serve import Registration, StartError, run
from mesh.runtime.settings import ServiceSettings, settings_config

class Settings(ServiceSettings):
    model_config = settings_config("SONICA_ECHO_")
    trouble: str = ""

class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == "/sonica.testing.v1.EchoService/Echo":
            return grpc.unary_unary_rpc_method_handler(self.echo)
    async def echo(self, request, context):
        if request == b"fail":
            raise ValueError("boom")
        logging.getLogger("echo").info("called")
        await asyncio.sleep(float(request))
        return request

async def crash():
    await asyncio.sleep(0.2)
    raise RuntimeError("the background task crashed")

@asynccontextmanager
async def build():
    log = logging.getLogger("echo")
    try:
        if settings.trouble == "build":
            raise RuntimeError("no database")
        if settings.trouble == "slow build":
            log.info("building")
            await asyncio.sleep(600)
        async with asyncio.TaskGroup() as tasks:
            if settings.trouble == "refusal":
                raise StartError("no room left on the disk")
            if settings.trouble == "task":
                tasks.create_task(crash())
            add = lambda handler, server: server.add_generic_rpc_handlers((handler,))
            yield [Registration(add, Echo(), "sonica.testing.v1.EchoService")]
    finally:
        log.info("resources closed")

settings = Settings()
run("echo", settings, build)
"""


class Process:
    """A running echo service."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.text: list[str] = []

    async def line(self, beginning: str) -> dict[str, Any]:
        """Reads the log up to a record whose message begins so."""
        assert self.process.stderr is not None
        async with asyncio.timeout(120):
            while line := await self.process.stderr.readline():
                self.take(line)
                if self.log and self.log[-1]["msg"].startswith(beginning):
                    return self.log[-1]
        raise AssertionError(f"no {beginning!r} in {self.text}")

    def take(self, line: bytes) -> None:
        self.text.append(line.decode())
        if line.startswith(b"{"):
            self.log.append(json.loads(line))

    async def ready(self) -> str:
        return str((await self.line("ready on"))["address"])

    async def exit_code(self) -> int:
        assert self.process.stderr is not None
        async with asyncio.timeout(120):
            while line := await self.process.stderr.readline():
                self.take(line)
            return await self.process.wait()

    def messages(self) -> list[str]:
        return [record["msg"] for record in self.log]


@asynccontextmanager
async def service(*, program: str = SERVICE, **environment: str) -> AsyncIterator[Process]:
    """Starts the service; a keyword `listen` is the variable SONICA_ECHO_LISTEN."""
    named = {
        key if key.isupper() else f"SONICA_ECHO_{key.upper()}": value
        for key, value in environment.items()
    }
    inherited = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "sdk" / "python")))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stderr=asyncio.subprocess.PIPE,
        env=inherited | {"PYTHONPATH": path, "GRPC_VERBOSITY": "NONE"} | named,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def echo(target: str, request: bytes) -> bytes:
    async with grpc.aio.insecure_channel(target) as channel:
        answer: bytes = await channel.unary_unary(f"/{ECHO}/Echo")(request, timeout=600)
        return answer


async def health(target: str, name: str) -> int:
    async with grpc.aio.insecure_channel(target) as channel:
        request = health_pb2.HealthCheckRequest(service=name)
        answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=120)
        return int(answer.status)


async def test_drain_finishes_calls_in_flight_and_closes_in_order() -> None:
    # Within the delay a busy machine has to answer two calls, and with the third it outlasts it.
    async with service(drain_delay_seconds="5", drain_timeout_seconds="100") as process:
        target = await process.ready()
        for name in ("", ECHO):
            assert await health(target, name) == health_pb2.HealthCheckResponse.SERVING
        in_flight = asyncio.create_task(echo(target, b"7"))
        await process.line("called")
        process.process.send_signal(signal.SIGTERM)
        await process.line("draining")
        while await health(target, ECHO) != health_pb2.HealthCheckResponse.NOT_SERVING:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert await echo(target, b"0") == b"0"  # the proxy may not have noticed yet
        assert await in_flight == b"7"
        assert await process.exit_code() == 0
        ended = [message for message in process.messages() if message != "called"]
        assert ended[-3:] == ["draining", "resources closed", "stopped"]


async def test_calls_that_outlast_the_drain_are_cut_and_told() -> None:
    async with service(drain_timeout_seconds="0.3") as process:
        target = await process.ready()
        in_flight = asyncio.create_task(echo(target, b"600"))
        await process.line("called")
        process.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await in_flight
        typed = from_rpc_error(caught.value)
        assert typed is not None
        assert typed.reason == "UPSTREAM_UNAVAILABLE"
        assert await process.exit_code() == 1
        assert "1 calls did not end within 0.3 s and are cut" in process.messages()
        assert "resources closed" in process.messages()


async def test_second_signal_stops_at_once() -> None:
    async with service(drain_timeout_seconds="300") as process:
        target = await process.ready()
        in_flight = asyncio.create_task(echo(target, b"600"))
        await process.line("called")
        process.process.send_signal(signal.SIGINT)
        await process.line("draining")
        process.process.send_signal(signal.SIGTERM)
        # Long before the calls in flight or the patience with them would end.
        assert await process.exit_code() == 128 + signal.SIGTERM
        assert "resources closed" in process.messages()
        with pytest.raises(grpc.aio.AioRpcError):
            await in_flight


async def test_signal_while_building_gives_up_and_closes() -> None:
    async with service(trouble="slow build") as process:
        await process.line("building")
        process.process.send_signal(signal.SIGTERM)
        assert await process.exit_code() == 0
        assert process.messages() == ["building", "resources closed"]


@pytest.mark.parametrize(
    ("trouble", "cause"), [("build", "no database"), ("task", "the background task crashed")]
)
async def test_failure_of_a_resource_ends_the_process(trouble: str, cause: str) -> None:
    async with service(trouble=trouble) as process:
        assert await process.exit_code() == 1
        assert process.log[-1]["msg"] == "echo failed"
        assert cause in process.log[-1]["stack"]


async def test_refusal_of_a_resource_is_one_line_without_a_stack() -> None:
    async with service(trouble="refusal") as process:
        assert await process.exit_code() == 1
        assert process.messages()[-1] == "no room left on the disk"
        assert "stack" not in process.log[-1]


async def test_taken_port_is_a_clear_refusal() -> None:
    first = grpc.aio.server()  # by default grpc would share the port
    address = f"127.0.0.1:{first.add_insecure_port('127.0.0.1:0')}"
    await first.start()
    try:
        async with service(listen=address) as process:
            assert await process.exit_code() == 1
            expected = f"cannot listen on {address}: it is taken or not ours to bind"
            assert process.messages()[-1] == expected
    finally:
        await first.stop(None)


async def test_unix_socket_of_a_living_server_is_left_alone_that_of_a_dead_one_replaced(
    tmp_path: Path,
) -> None:
    path = tmp_path / "echo.sock"
    async with service(listen=f"unix:{path}") as first:
        target = await first.ready()
        async with service(listen=f"unix:{path}") as second:
            assert await second.exit_code() == 1
            assert "another server answers there" in second.messages()[-1]
        assert await echo(target, b"0") == b"0"
        first.process.kill()
        await first.exit_code()
    assert path.exists()
    async with service(listen=f"unix:{path}") as third:
        assert await echo(await third.ready(), b"0") == b"0"


async def test_unknown_variable_stops_the_start() -> None:
    async with service(lissten="127.0.0.1:0") as process:
        assert await process.exit_code() == 1
        hint = "unknown setting SONICA_ECHO_LISSTEN; did you mean SONICA_ECHO_LISTEN?"
        assert hint in "".join(process.text)


async def test_death_of_the_parent_ends_the_service() -> None:
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {SERVICE!r}])\n"
        "time.sleep(600)\n"
    )
    async with service(program=parent, SONICA_EXIT_WITH_PARENT="1") as process:
        await process.ready()
        process.process.kill()
        await process.exit_code()  # returns at the end of the log, which the child holds too
        assert process.messages()[-1] == "stopped"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans it is sent."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    async def Export(self, request: Any, context: Any) -> Any:
        await asyncio.sleep(0.3)  # the process must wait for this before it ends
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


# The last second of a process may be too short for its spans where everything is slow.
PATIENT = SERVICE.replace(
    "settings = Settings()",
    "from mesh.runtime import telemetry; telemetry.FLUSH_SECONDS = 60.0\nsettings = Settings()",
)


async def test_telemetry_spans_metrics_and_log_tell_the_same() -> None:
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    metrics = f"127.0.0.1:{free_port()}"
    try:
        async with service(
            program=PATIENT,
            metrics_listen=metrics,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        ) as process:
            target = await process.ready()
            assert await echo(target, b"0") == b"0"
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await echo(target, b"fail")
            failed = await process.line(f"/{ECHO}/Echo: unhandled exception")
            assert failed["trace_id"] in str(caught.value.details())
            assert "ValueError: boom" in failed["stack"]
            async with asyncio.timeout(60):
                while '"INTERNAL"' not in (page := await asyncio.to_thread(scrape, metrics)):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            process.process.send_signal(signal.SIGTERM)
            assert await process.exit_code() == 0
    finally:
        await server.stop(None)
    for code in ("OK", "INTERNAL"):
        (line,) = (
            line
            for line in page.splitlines()
            if line.startswith("rpc_server_call_duration_seconds_count") and f'"{code}"' in line
        )
        assert line.endswith(" 1.0")
    assert sorted(span.name for span in collector.spans) == [f"{ECHO}/Echo"] * 2
    assert failed["trace_id"] in [span.trace_id.hex() for span in collector.spans]


def scrape(address: str) -> str:
    url = f"http://{address}/metrics"
    with urllib.request.urlopen(url, timeout=60) as page:
        return str(page.read().decode())


@pytest.mark.parametrize("collector", ["absent", "silent"])
async def test_lost_collector_does_not_hold_the_end(collector: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if collector == "silent" else 1
        async with service(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT="600"
        ) as process:
            target = await process.ready()
            for _ in range(5):
                assert await echo(target, b"0") == b"0"
            process.process.send_signal(signal.SIGTERM)
            await process.line("stopped")
            # It would take ten minutes if the exporter had its way.
            assert await process.exit_code() == 0
