"""Aim: a mesh starts once per folder and port, says clearly why it cannot, and ends in order.

Method: the real launcher with all its parts, in short-lived folders; refusals are looked at for
what they say and for what they leave behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sonica_client import SonicaClient, SonicaError

from mesh import local
from mesh.local import programs
from mesh.local.interpreter import import_path
from mesh.local.layout import Layout
from mesh.local.readiness import admin_request
from mesh.local.settings import LocalSettings
from tests.mesh import music
from tests.mesh.processes import alive, family, seconds_until_gone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local.LocalMesh]:
    data_dir = tmp_path_factory.mktemp("lifecycle") / "data"
    yield local.up(data_dir, port=0, is_open=True)
    local.down(data_dir)


def test_progress_names_every_part(running: local.LocalMesh) -> None:
    status = local.status(running.data_dir)
    assert status.state is local.MeshState.READY
    assert status.mesh == running
    names = {part.name for part in status.parts}
    assert names == {
        "spans", "postgres", "redis", "engine", "match", "user", "fingerprint", "gateway", "envoy",
    }  # fmt: skip
    for part in status.parts:
        assert part.state is local.PartState.READY
        assert part.pid in {process.pid for process in family(running)}
        assert part.rss_bytes is not None
        assert part.uptime_seconds is not None


def test_nothing_but_the_edge_listens_on_a_port(running: local.LocalMesh) -> None:
    ports = {
        connection.laddr.port
        for process in family(running)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports == {int(running.edge_address.rpartition(":")[2])}


def test_no_part_sees_more_of_the_environment_than_it_needs(running: local.LocalMesh) -> None:
    for process in family(running):
        if process.ppid() == running.supervisor_pid and "guard" not in " ".join(process.cmdline()):
            assert "PYTEST_CURRENT_TEST" not in process.environ()


def test_second_mesh_on_the_same_data_is_refused(running: local.LocalMesh) -> None:
    before = family(running)
    with pytest.raises(local.AlreadyRunningError, match=f"process {running.supervisor_pid}"):
        local.up(running.data_dir, port=0, is_open=True)
    assert alive(before) == before
    assert local.status(running.data_dir).state is local.MeshState.READY


def test_busy_port_is_refused_before_anything_starts(
    running: local.LocalMesh, tmp_path: Path
) -> None:
    port = int(running.edge_address.rpartition(":")[2])
    envoy = running.pids["envoy"]
    with pytest.raises(local.PortInUseError, match=f"port {port} .* by process {envoy}"):
        local.up(tmp_path / "data", port=port, is_open=True)
    assert not (tmp_path / "data" / "postgres").exists()
    assert local.status(tmp_path / "data").state is local.MeshState.STOPPED


def test_doctor_finds_nothing_wrong_here(running: local.LocalMesh) -> None:
    findings = {finding.check: finding for finding in local.doctor(running.data_dir)}
    assert {finding.verdict for finding in findings.values()} == {local.Verdict.OK}, findings
    assert "18." in findings["PostgreSQL"].detail
    assert findings["mesh"].detail.startswith("ready")


def test_program_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICA_ENVOY_PATH", str(tmp_path / "envoy"))
    with pytest.raises(local.ProgramMissingError, match="SONICA_ENVOY_PATH"):
        local.up(tmp_path / "data", port=0, is_open=True)
    found = {finding.check: finding for finding in local.doctor(tmp_path / "data")}
    assert found["Envoy"].verdict is local.Verdict.FAIL
    assert local.status(tmp_path / "data").state is local.MeshState.STOPPED


def test_part_that_cannot_start_stops_the_others_and_shows_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONICA_GATEWAY_DRAIN_TIMEOUT_SECNDS", "3")
    with pytest.raises(local.PartFailedError, match="gateway ended with code 1") as caught:
        local.up(tmp_path / "data", port=0, is_open=True)
    assert "SECNDS" in caught.value.advice
    layout = Layout.of(tmp_path / "data")
    assert local.status(tmp_path / "data").state is local.MeshState.STOPPED
    assert not using(layout.data_dir)


def using(data_dir: Path) -> list[psutil.Process]:
    """Returns the processes whose command line names a data folder."""
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if any(str(data_dir) in w for w in one.info["cmdline"] or ())]


# Python from 3.12 on warns of a start beside the threads of other tests.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
async def test_mesh_works_without_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "redis_server", lambda _settings: None)
    found = {finding.check: finding for finding in local.doctor(tmp_path / "data")}
    assert found["Redis"].verdict is local.Verdict.WARN
    assert "REDIS_URL" in found["Redis"].advice
    running = await local.start(tmp_path / "data", edge_port=0, is_open=True)
    try:
        assert "redis" not in running.mesh.pids
        async with SonicaClient(running.mesh.edge_address) as client:
            await client.register(music.recording(0))
            assert len((await client.recognize(music.long_excerpt(0))).matches) == 1
    finally:
        await running.stop()
    assert not using(tmp_path / "data")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_with_a_closed_home_changes_nobody_and_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    # Programs in a home directory too, as those of a virtual environment are.
    package = programs.postgres_bin_dir(LocalSettings(tmp_path)).parents[1]
    for folder in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(folder, closed / folder.name)
    monkeypatch.setenv("SONICA_POSTGRES_BIN_DIR", str(closed / package.name / "pginstall18/bin"))
    users = [user.pw_name for user in pwd.getpwall()]
    modes = {path: path.stat().st_mode for path in (closed, *closed.parents)}
    data_dir = closed / "data"
    mesh = local.up(data_dir, port=0, is_open=True)
    try:
        owner = psutil.Process(mesh.pids["postgres"]).username()
        assert owner != "root"
        assert (data_dir / "postgres").owner() == owner
    finally:
        local.down(data_dir)
    assert [user.pw_name for user in pwd.getpwall()] == users
    assert {path: path.stat().st_mode for path in modes} == modes


def in_foreground(data_dir: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """Starts a mesh as `sonica up --foreground` does; returns when it is ready."""
    reports, supervisor_end = os.pipe()
    command = [sys.executable, "-m", "mesh.local", "--data", str(data_dir), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--report-to", str(supervisor_end)],
        pass_fds=(supervisor_end,),
        env={**os.environ, "PYTHONPATH": import_path()},
        stderr=subprocess.DEVNULL,
    )
    os.close(supervisor_end)
    with os.fdopen(reports) as lines:
        assert any("ready" in json.loads(line) for line in lines)
    return process, psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_signal_ends_everything_in_order(tmp_path: Path, number: signal.Signals) -> None:
    process, parts = in_foreground(tmp_path / "data")
    process.send_signal(number)
    assert process.wait(120) == 0
    seconds_until_gone(parts)
    log = (tmp_path / "data" / "logs" / "postgres.log").read_text()
    assert "database system is shut down" in log.splitlines()[-1]


def test_second_signal_kills_at_once(tmp_path: Path) -> None:
    process, parts = in_foreground(tmp_path / "data")
    # Parts that are stopped cannot end by themselves, so that an orderly end takes its time.
    psutil.Process(process.pid).children()[-1].suspend()
    next(part for part in parts if "fingerprint_svc" in " ".join(part.cmdline())).suspend()
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 60
    while local.status(tmp_path / "data").state is not local.MeshState.STOPPING:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    seconds_until_gone(parts)
    # In an orderly end PostgreSQL comes after them, and says so.
    log = (tmp_path / "data" / "logs" / "postgres.log").read_text()
    assert "database system is shut down" not in log.splitlines()[-1]


def test_signal_while_starting_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mesh.local", "--data", str(tmp_path / "data"), "--port", "0"],
        env={**os.environ, "PYTHONPATH": import_path()},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(psutil.Process(process.pid).children()) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    parts = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    seconds_until_gone(parts)
    assert local.status(tmp_path / "data").state is local.MeshState.STOPPED
    # What was half made does not hinder the next start.
    mesh = local.up(tmp_path / "data", port=0, is_open=True)
    assert mesh.pids["postgres"]
    local.down(tmp_path / "data")


def test_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(local.LaunchError, match="cannot listen"):
        local.up(tmp_path / "data", host="192.0.2.1", port=0, is_open=True)


def test_edge_port_is_ours_alone(running: local.LocalMesh) -> None:
    host, _, port = running.edge_address.rpartition(":")
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((host, int(port)))


async def edge_call_count(mesh: local.LocalMesh) -> int:
    """Calls that have reached the edge since it started, ended ones included."""
    path = "/stats?filter=^http\\.edge\\.downstream_rq_total$&format=json"
    stats: list[dict[str, int]] = []
    while not stats:
        with suppress(TimeoutError):
            stats = json.loads(await admin_request(mesh.admin_socket, "GET", path))["stats"]
    return sum(int(stat["value"]) for stat in stats)


async def test_calls_in_flight_end_and_a_stuck_one_is_not_waited_for(tmp_path: Path) -> None:
    mesh = await asyncio.to_thread(local.up, tmp_path / "data", port=0, is_open=True)
    parts = family(mesh)
    held = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"RIFF"
        await held.wait()

    async def wait_for_stuck(client: SonicaClient) -> None:
        with suppress(SonicaError):
            async for _ in client.recognize_stream(stuck()):
                pass

    async with SonicaClient(mesh.edge_address) as client:
        await client.register(music.recording(0))
        before = await edge_call_count(mesh)
        stream = asyncio.create_task(wait_for_stuck(client))
        calls = [asyncio.create_task(client.recognize(music.long_excerpt(0))) for _ in range(2)]
        async with asyncio.timeout(60):
            while await edge_call_count(mesh) < before + 3:  # noqa: ASYNC110 - Envoy has no event
                await asyncio.sleep(0.005)
        began = time.monotonic()
        await asyncio.to_thread(local.down, tmp_path / "data")
        took = time.monotonic() - began
        answers = await asyncio.gather(*calls)
        held.set()
        await stream
    print(f"\nstop with a stuck stream: {took:.2f} s")
    assert all(len(answer.matches) == 1 for answer in answers)
    # Far less than the ten minutes such a stream may last.
    assert took < 60
    assert not alive(parts)


def test_down_of_nothing_is_quiet(tmp_path: Path) -> None:
    local.down(tmp_path / "data")
    assert local.status(tmp_path / "data").state is local.MeshState.STOPPED
