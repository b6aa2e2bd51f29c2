"""`sonica up`, `down`, `status`, `doctor`: the mesh on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import FAILED
from sonica_cli.options import DataDir, Json

if TYPE_CHECKING:
    from sonica_client import GetCatalogStatisticsResponse

    from mesh.local import LocalMesh, MeshStatus, PartStatus

Host = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for everybody.")
]
Port = Annotated[
    int,
    typer.Option(
        metavar="N", min=0, max=65535, help="Port for gRPC, gRPC-Web and REST; 0 takes a free one."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (up, down, status, doctor):
        app.command(command.__name__)(command)


def up(
    data: DataDir = None,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay here until Ctrl-C instead of going on alone.")
    ] = False,
    open_to_all: Annotated[
        bool,
        typer.Option(
            "--open",
            help="Ask nobody for credentials and limit nothing; for private networks and tests.",
        ),
    ] = False,
    tls: Annotated[
        bool,
        typer.Option("--tls", help="Encrypt, with a certificate made here unless one is set."),
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Serve other machines in clear, passwords too.")
    ] = False,
) -> None:
    """Starts the mesh and prints where it is.

    Everything it stores lies in the data folder; the next `sonica up` finds it there again.
    """
    import asyncio
    import time

    from mesh import local
    from sonica_cli.running import run
    from sonica_cli.screen import note, say

    began = time.monotonic()
    edge = local.EdgeOptions(tls=tls, insecure=insecure)
    telling: set[asyncio.Task[None]] = set()

    def progress(part: str, state: str) -> None:
        if state in {"ready", "failed"}:
            note(f"  {part:<16} {state:<8} {time.monotonic() - began:5.1f} s")

    def ready(mesh: local.LocalMesh) -> None:
        encrypted = ", encrypted" if mesh.has_tls else ""
        certificate = (
            [f"  CA     {mesh.ca_certificate}   (curl --cacert, SonicaClient(ca_file=...))"]
            if mesh.ca_certificate
            else []
        )
        say(
            f"Sonica is up after {time.monotonic() - began:.1f} s: {mesh.edge_address} "
            f"(gRPC, gRPC-Web, REST{encrypted})",
            *certificate,
            f"  data   {mesh.data_dir}",
            f"  logs   {mesh.logs_dir}",
            "  next   sonica index ~/Music   sonica recognize clip.m4a   sonica down",
        )
        if mesh.is_open and not _is_private(mesh.edge_address):
            note(
                "Whoever reaches this address may read, add and delete recordings: "
                "the mesh was started open."
            )

    def ready_here(mesh: local.LocalMesh) -> None:
        ready(mesh)
        telling.add(asyncio.ensure_future(_tell_version(mesh)))

    if foreground:
        local.run(
            data,
            edge_host=host,
            edge_port=port,
            is_open=open_to_all,
            edge=edge,
            on_progress=progress,
            on_ready=ready_here,
        )
        return
    mesh = local.up(
        data, host=host, port=port, is_open=open_to_all, edge=edge, on_progress=progress
    )
    ready(mesh)
    run(_tell_version(mesh))


async def _tell_version(mesh: LocalMesh) -> None:
    """Says how to move a catalogue that an older version of the extractor made."""
    from sonica_cli.catalogue import advice, ask
    from sonica_cli.edge import Edge
    from sonica_cli.screen import note

    now = await ask(Edge.of(mesh))
    if now is not None and advice(now):
        note(f"The catalogue is searched by version {now.algorithm_version}. {advice(now)}")


def _is_private(edge_address: str) -> bool:
    """Returns whether only this machine can connect to an address, numeric host:port."""
    import ipaddress

    return ipaddress.ip_address(edge_address.rpartition(":")[0].strip("[]")).is_loopback


def down(data: DataDir = None) -> None:
    """Stops the mesh: calls in flight end first; what is stored stays."""
    from mesh import local
    from sonica_cli.screen import say

    before = local.status(data)
    local.down(data)
    say("It was not running." if before.mesh is None else f"Stopped {before.mesh.edge_address}.")


def status(data: DataDir = None, json: Json = False) -> None:
    """Shows the parts of the mesh; exit code 1 when not all are ready."""
    import dataclasses
    import json as json_format
    import os

    from mesh import local
    from sonica_cli.catalogue import as_json, summary
    from sonica_cli.screen import note, say, show_table

    now = local.status(data)
    catalogue = _catalogue(now)
    if json:
        shown = dataclasses.asdict(now)
        shown["catalogue"] = None if catalogue is None else as_json(catalogue)
        say(json_format.dumps(shown, default=os.fspath))
    elif now.mesh is None:
        say(f"The mesh is {now.state}.")
        note("Start it with `sonica up`.")
    else:
        say(f"The mesh at {now.mesh.edge_address} is {now.state}.")
        rows = [_row(part) for part in now.parts]
        columns = ("Part", "State", "Up", "Restarts", "Memory", "Process", "Address", "Problem")
        show_table(columns, rows, right=("Up", "Restarts", "Memory", "Process"))
        if catalogue is not None:
            say(f"catalogue {summary(catalogue)}")
        say(f"data {now.mesh.data_dir}", f"logs {now.mesh.logs_dir}")
    if now.state != local.MeshState.READY:
        raise typer.Exit(FAILED)


def _catalogue(now: MeshStatus) -> GetCatalogStatisticsResponse | None:
    """Returns what a running mesh says of its catalogue; None when it says nothing."""
    from sonica_cli.catalogue import ask
    from sonica_cli.edge import Edge
    from sonica_cli.running import run

    mesh = now.mesh
    return None if mesh is None else run(ask(Edge.of(mesh)))


def _row(part: PartStatus) -> tuple[str, ...]:
    up_seconds = part.uptime_seconds
    return (
        part.name,
        str(part.state),
        "" if up_seconds is None else _span(up_seconds),
        str(part.restart_count),
        "" if part.rss_bytes is None else f"{part.rss_bytes / 1e6:.0f} MB",
        "" if part.pid is None else str(part.pid),
        part.address,
        part.problem,
    )


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def doctor(data: DataDir = None, json: Json = False) -> None:
    """Checks what the mesh needs on this machine and says what to do where it is missing."""
    import dataclasses
    import json as json_format

    from rich.text import Text

    from mesh import local
    from sonica_cli.catalogue import advice, summary
    from sonica_cli.screen import say, show_table

    findings = local.doctor(data)
    catalogue = _catalogue(local.status(data))
    if catalogue is not None:
        todo = advice(catalogue)
        verdict = local.Verdict.WARN if todo else local.Verdict.OK
        findings.append(local.Finding("catalogue", verdict, summary(catalogue), todo))
    if json:
        say(*(json_format.dumps(dataclasses.asdict(finding)) for finding in findings))
    else:
        colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
        rows = [
            (
                finding.check,
                Text(str(finding.verdict), style=colours[str(finding.verdict)]),
                finding.detail,
                finding.advice,
            )
            for finding in findings
        ]
        show_table(("Check", "Is", "Found", "What to do"), rows)
    if any(finding.verdict is local.Verdict.FAIL for finding in findings):
        raise typer.Exit(FAILED)
