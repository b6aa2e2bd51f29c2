"""`sonica index`: registers recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import FAILED, INTERRUPTED, MISUSED, CliError
from sonica_cli.options import Address, DataDir, edge_of

if TYPE_CHECKING:
    from sonica_cli.importing import Tally
    from sonica_cli.recordings import Problem, Recording

_PROBLEMS_SHOWN = 200


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("index")(index)


def index(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Audio files, and folders to search for them."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="FILE.csv",
            help="A CSV file instead: column `file` (relative to the CSV), and any of "
            "external_id, title, artist, album, isrc, language, genre, year.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", metavar="N", min=1, max=64, help="Files at once. [default: number of cores]"
        ),
    ] = None,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Registers recordings, so that clips of them are recognised.

    Titles and the like come from the manifest, else from the tags of the files. What is registered
    already is skipped, so the command can be interrupted and run again at any time. Ends with a
    table of the files that failed, and exit code 1 if there are any.
    """
    from sonica_cli import recordings as sources

    if bool(paths) == bool(manifest):
        raise CliError(
            "name files or folders, or a --manifest, but not both"
            if paths
            else "nothing to register: name files or folders, or a --manifest",
            exit_code=MISUSED,
        )
    if manifest is not None:
        found, problems = sources.from_manifest(manifest)
    else:
        found, problems = sources.below(paths or ())
    if not found and not problems:
        raise CliError("there are no audio files below " + ", ".join(map(str, paths or ())))
    raise typer.Exit(_register(found, problems, edge_of(address, data), jobs))


def _register(
    recordings: list[Recording], problems: list[Problem], address: str, jobs: int | None
) -> int:
    import os
    import time

    from sonica_client import SonicaClient

    from sonica_cli.importing import Import, Tally
    from sonica_cli.running import Interruption, run
    from sonica_cli.screen import gauge, note

    began = time.monotonic()
    tally = Tally()

    async def work() -> bool:
        nonlocal tally
        with gauge("Registering") as bar:

            def show(now: Tally) -> None:
                bar.show(now.done_bytes, now.total_bytes or None, _pace(now, began))

            async with SonicaClient(address) as client:
                running = Import(
                    client, recordings, jobs=jobs or os.cpu_count() or 1, on_change=show
                )
                tally = running.tally

                def stop() -> None:
                    running.stop()
                    note(f"Finishing {running.under_way} under way; Ctrl-C again stops at once.")

                with Interruption(stop) as interruption:
                    await running.run()
                return interruption.asked.is_set()

    interrupted = False
    try:
        interrupted = bool(recordings) and run(work())
    except KeyboardInterrupt:
        interrupted = True
    finally:
        _report(tally, problems, began)
    if interrupted:
        note("Interrupted. Run the same command again to go on; nothing is done twice.")
        return INTERRUPTED
    return FAILED if problems or tally.problems else 0


def _pace(tally: Tally, began: float) -> str:
    import time

    seconds = max(time.monotonic() - began, 1e-3)
    return (
        f"{tally.done}/{tally.total} tracks, {tally.done / seconds:.1f} a second, "
        f"{tally.audio_seconds / seconds:.0f} x real time"
    )


def _report(tally: Tally, problems: list[Problem], began: float) -> None:
    import sys
    import time

    from sonica_cli.screen import note, say, show_table

    failed = [*problems, *tally.problems]
    if failed:
        rows = [(p.name, p.message, p.advice) for p in failed[:_PROBLEMS_SHOWN]]
        show_table(("Not registered", "Why", "What to do"), rows, stream=sys.stderr)
        if len(failed) > _PROBLEMS_SHOWN:
            note(f"... and {len(failed) - _PROBLEMS_SHOWN} more")
    seconds = max(time.monotonic() - began, 1e-3)
    say(
        f"{tally.registered} registered ({tally.audio_seconds / 60:.1f} min of audio), "
        f"{tally.known} known before, {len(failed)} failed, in {seconds:.1f} s "
        f"({tally.done / seconds:.1f} tracks a second, "
        f"{tally.audio_seconds / seconds:.0f} x real time)"
    )
