"""`sonica index`: registers recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import FAILED, INTERRUPTED, MISUSED, CliError
from sonica_cli.options import Address, DataDir, Jobs, Manifest, edge_of

if TYPE_CHECKING:
    from sonica_cli.edge import Edge
    from sonica_cli.recordings import Problem, Recording
    from sonica_cli.sending import Sending


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("index")(index)


def index(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Audio files, and folders to search for them."),
    ] = None,
    manifest: Manifest = None,
    jobs: Jobs = None,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Registers recordings, so that clips of them are recognised.

    Titles and the like come from the manifest, else from the tags of the files. What is registered
    already is skipped, so the command can be interrupted and run again at any time. Ends with a
    table of the files that failed, and exit code 1 if there are any.
    """
    from sonica_cli.recordings import named

    if not paths and manifest is None:
        raise CliError(
            "nothing to register: name files or folders, or a --manifest", exit_code=MISUSED
        )
    found, problems = named(paths or (), manifest)
    raise typer.Exit(_register(found, problems, edge_of(address, data), jobs))


def _register(
    recordings: list[Recording], problems: list[Problem], edge: Edge, jobs: int | None
) -> int:
    import os

    from sonica_cli.importing import Import
    from sonica_cli.screen import note
    from sonica_cli.sending import Sending

    sending = Sending("Registering", edge)
    interrupted = False
    try:
        interrupted = bool(recordings) and sending.run(
            lambda client, show: Import(
                client, recordings, jobs=jobs or os.cpu_count() or 1, on_change=show
            )
        )
    finally:
        _report(sending, problems)
    if interrupted:
        note("Interrupted. Run the same command again to go on; nothing is done twice.")
        return INTERRUPTED
    return FAILED if problems or sending.tally.problems else 0


def _report(sending: Sending, problems: list[Problem]) -> None:
    from sonica_cli.screen import say
    from sonica_cli.sending import show_problems

    tally = sending.tally
    failed = [*problems, *tally.problems]
    show_problems("Not registered", failed)
    say(
        f"{tally.registered} registered ({tally.audio_seconds / 60:.1f} min of audio), "
        f"{tally.known} known before, {len(failed)} failed, {sending.rates()}"
    )
