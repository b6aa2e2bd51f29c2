"""Options that several commands share, and what they mean when they are not given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonica_cli.edge import Edge

Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="SONICA_ADDRESS",
        metavar="HOST:PORT",
        help="Edge of the mesh, or its URL: https:// means TLS. [default: that of the mesh running "
        "on --data, else 127.0.0.1:8080]",
        show_default=False,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="SONICA_DATA_DIR",
        metavar="FOLDER",
        help="Where the mesh of this machine keeps everything. [default: the platform's usual "
        "place]",
        show_default=False,
    ),
]
Manifest = Annotated[
    Path | None,
    typer.Option(
        "--manifest",
        metavar="FILE.csv",
        help="A CSV file instead: column `file` (relative to the CSV), and any of "
        "external_id, title, artist, album, isrc, language, genre, year.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", metavar="N", min=1, max=64, help="Files at once. [default: number of cores]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, one object a line.")]


def edge_of(address: str | None, data_dir: Path | None) -> Edge:
    """Returns the edge to call.

    Args:
        address: as given; goes before everything.
        data_dir: of the mesh on this machine whose edge is meant otherwise, or by its address.
    """
    from sonica_client import DEFAULT_ADDRESS

    from mesh.local.layout import Layout
    from mesh.local.settings import LocalSettings
    from mesh.local.state import read_status

    mesh = read_status(Layout.of(LocalSettings.from_environment(data_dir).data_dir)).mesh
    if mesh is not None and address in {None, mesh.edge_address, f"https://{mesh.edge_address}"}:
        return Edge.of(mesh)
    return Edge(address or DEFAULT_ADDRESS)
