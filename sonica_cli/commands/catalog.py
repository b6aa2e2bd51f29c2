"""`sonica rebuild-index`: a new vector index, of the same extractor or of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import INTERRUPTED, MISUSED, CliError
from sonica_cli.options import Address, DataDir, Jobs, Manifest, edge_of

if TYPE_CHECKING:
    from sonica_client import RebuildIndexResponse

    from sonica_cli.edge import Edge


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("rebuild-index")(rebuild_index)


def rebuild_index(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH...",
            help="With --algorithm: the recordings' files, and folders to search for them. "
            "[default: where they were registered from]",
            show_default=False,
        ),
    ] = None,
    algorithm: Annotated[
        int,
        typer.Option(
            "--algorithm",
            metavar="N",
            min=0,
            help="Move the catalogue to version N of the extractor; 0 = leave it where it is.",
        ),
    ] = 0,
    manifest: Manifest = None,
    drop_others: Annotated[
        bool,
        typer.Option(
            "--drop-others",
            help="Afterwards delete the fingerprints of all other versions: no way back but by "
            "the files.",
        ),
    ] = False,
    jobs: Jobs = None,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Makes the vector index anew from the stored fingerprints.

    The old one answers until the new one is complete. Needed after the index was lost or damaged;
    fingerprints in the database are the truth.

    With --algorithm it moves the catalogue to another version of the extractor, while it serves.
    For that the recordings' files are read again, from where they were registered, or from the
    files and folders named. Can be interrupted and run again: nothing is sent twice.
    """
    if (paths or manifest) and not algorithm:
        raise CliError("files are only needed with --algorithm", exit_code=MISUSED)
    edge = edge_of(address, data)
    if algorithm:
        from sonica_cli.moving import is_served, send_files
        from sonica_cli.screen import note, say

        if is_served(edge, algorithm):
            say(f"The catalogue is searched by version {algorithm} of the extractor already.")
            if not drop_others:
                return
        elif send_files(edge, algorithm, paths or [], manifest, jobs):
            note("Interrupted. Run the same command again to go on; nothing is done twice.")
            raise typer.Exit(INTERRUPTED)
    _rebuild(edge, algorithm, drop=drop_others)


def _rebuild(edge: Edge, version: int, *, drop: bool) -> None:
    import time

    from sonica_client import SonicaError

    from sonica_cli.edge import admin_at
    from sonica_cli.running import run
    from sonica_cli.screen import gauge, say

    began = time.monotonic()

    async def work() -> RebuildIndexResponse | None:
        with gauge("Rebuilding the index") as bar:
            async with admin_at(edge) as client:
                async for step in client.rebuild_index(version, drop_other_versions=drop):
                    if step.done:
                        return step
                    text = f"{step.track_count}/{step.total_track_count} tracks"
                    bar.show(step.track_count, step.total_track_count or None, text)
        return None

    try:
        done = run(work())
    except SonicaError as error:
        if error.reason == "FINGERPRINTS_MISSING":
            from sonica_cli.moving import missing

            raise missing(edge, version) from None
        raise
    if done is None:
        raise CliError("the rebuild ended without saying that it is done", "Run it again.")
    say(f"The index is new: {done.track_count} tracks in {time.monotonic() - began:.1f} s.")
    if version:
        say(f"The catalogue is searched by version {version} of the extractor.")
    if drop:
        say(f"{done.dropped_fingerprint_count} fingerprints of other versions are deleted.")
