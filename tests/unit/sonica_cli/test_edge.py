"""Aim: each command makes its calls in the right name, and no key goes to another mesh.

Method: the keys and sessions there are, taken away one after the other; who makes the calls is read
off the metadata that a client would send.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from sonica_client import Session, SonicaClient, SonicaError

from sonica_cli.edge import Edge, admin_at, client_at, person_at, session_at
from sonica_cli.options import edge_of
from sonica_cli.sessions import KeptSession
from tests.mesh.command import Command
from tests.unit.sonica_client.certificates import certificate
from tests.unit.sonica_client.edge import edge_server

EDGE = Edge("127.0.0.1:1")
NAMES = {"key": "x-api-key: sk_given", "operator": "x-api-key: op_key", "session": "Bearer access"}
At = Callable[[Edge], SonicaClient]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SONICA_API_KEY", raising=False)


async def shown_by(at: At, edge: Edge) -> str:
    async with at(edge) as client:
        metadata = client._caller._metadata(client.accounts.session)
    return ", ".join(f"{key}: {value}" for key, value in metadata)


@pytest.mark.parametrize(
    ("at", "here", "order"),
    [
        (client_at, True, ["key", "session", "operator"]),
        (client_at, False, ["key", "session"]),
        (admin_at, True, ["key", "operator", "session"]),
        (admin_at, False, ["key", "session"]),
        (person_at, True, ["key", "session"]),
        (session_at, True, ["session"]),
    ],
)
@pytest.mark.usefixtures("home")
async def test_what_goes_before_what(
    at: At, here: bool, order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = Edge(EDGE.address, operator_key="op_key" if here else "")
    monkeypatch.setenv("SONICA_API_KEY", "sk_given")
    KeptSession(EDGE.address).write(Session("access", "refresh"))
    taken_away: dict[str, Callable[[], None]] = {
        "key": lambda: monkeypatch.delenv("SONICA_API_KEY"),
        "session": lambda: KeptSession(EDGE.address).write(None),
    }
    for who in order:
        assert NAMES[who] in await shown_by(at, edge)
        if who == "operator":
            edge = EDGE
        else:
            taken_away[who]()
    assert await shown_by(at, edge) == ""


@pytest.mark.usefixtures("home")
async def test_a_session_stays_at_its_mesh() -> None:
    KeptSession("127.0.0.1:2").write(Session("access", "refresh"))
    assert await shown_by(client_at, EDGE) == ""


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("tls", [False, True])
def test_the_key_of_the_own_mesh_is_for_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> None:
    mesh = SimpleNamespace(
        edge_address="0.0.0.0:8080",
        data_dir=tmp_path,
        has_tls=tls,
        ca_certificate=tmp_path / "ca.pem" if tls else None,
    )
    monkeypatch.setattr("mesh.local.state.read_status", lambda _layout: SimpleNamespace(mesh=mesh))
    monkeypatch.setattr(
        "mesh.local.operator_key.operator_key",
        lambda _data, address: "op_own" if address == mesh.edge_address else None,
    )
    for address in (None, mesh.edge_address, f"https://{mesh.edge_address}"):
        own = edge_of(address, tmp_path)
        assert own == Edge("127.0.0.1:8080", tls, mesh.ca_certificate, "op_own")
        assert "op_own" not in repr(own)
    other = edge_of("sonica.example.org:8080", tmp_path)
    assert other == Edge("sonica.example.org:8080")


@pytest.mark.usefixtures("home")
async def test_nothing_secret_goes_to_another_machine_in_plain_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SONICA_API_KEY", "sk_given")
    with pytest.raises(SonicaError, match="not encrypted"):
        client_at(Edge("sonica.example.org:8080"))


async def test_the_command_goes_through_tls(tmp_path: Path, home: None) -> None:
    pair = certificate()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(pair[1])
    async with edge_server(grpc.ssl_server_credentials([pair])) as (address, edge):
        ran = {}
        for trusted in ("", str(ca_file)):
            environment = os.environ | {"SONICA_API_KEY": "sk_given", "SONICA_CA_FILE": trusted}
            ran[trusted] = await asyncio.to_thread(
                subprocess.run,
                Command.line("tracks", "list", "--address", f"https://{address}"),
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
            )
    assert ran[""].returncode == 1
    assert "SONICA_CA_FILE" in ran[""].stderr
    assert ran[str(ca_file)].returncode == 0
    assert "Nothing is registered" in ran[str(ca_file)].stdout
    assert edge.credentials == ["sk_given"]
