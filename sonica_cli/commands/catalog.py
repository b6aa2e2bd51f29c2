"""`sonica rebuild-index`: makes the vector index anew from the stored fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica_cli.options import Address, DataDir, edge_of

if TYPE_CHECKING:
    import typer


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("rebuild-index")(rebuild_index)


def rebuild_index(address: Address = None, data: DataDir = None) -> None:
    """Makes the vector index anew from the stored fingerprints.

    The old one answers until the new one is complete. Needed only after the index was lost or
    damaged; fingerprints in the database are the truth.
    """
    import time

    from sonica_client import SonicaClient

    from sonica_cli.failures import CliError
    from sonica_cli.running import run
    from sonica_cli.screen import gauge, say

    began = time.monotonic()

    async def work() -> int | None:
        with gauge("Rebuilding the index") as bar:
            async with SonicaClient(edge_of(address, data)) as client:
                async for step in client.rebuild_index():
                    if step.done:
                        return step.track_count
                    text = f"{step.track_count}/{step.total_track_count} tracks"
                    bar.show(step.track_count, step.total_track_count or None, text)
        return None

    count = run(work())
    if count is None:
        raise CliError("the rebuild ended without saying that it is done", "Run it again.")
    say(f"The index is new: {count} tracks in {time.monotonic() - began:.1f} s.")
