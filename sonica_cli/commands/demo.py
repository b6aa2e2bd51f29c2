"""`sonica demo`: the whole of Sonica in a minute, with music of its own or yours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonica_cli.failures import FAILED


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    music: Annotated[
        Path | None,
        typer.Option(
            "--music", metavar="FOLDER", help="Your music instead of the composed catalogue."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Another catalogue, other clips.")
    ] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the mesh's data and the music afterwards.")
    ] = False,
) -> None:
    """Starts a mesh, registers music, recognises noisy clips of it, and stops everything.

    Without --music it composes a small catalogue, so it needs no files and no network. Some clips
    are of pieces that were never registered: they must come back empty. Exit code 1 means that
    something was clearly wrong.
    """
    from sonica_cli.demo.demonstration import Demonstration
    from sonica_cli.running import run

    if not run(Demonstration(music, seed, keep=keep).run()):
        raise typer.Exit(FAILED)
