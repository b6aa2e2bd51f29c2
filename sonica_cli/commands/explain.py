"""`sonica explain`: a picture of why a clip is, or is not, a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonica_cli.failures import FAILED, CliError
from sonica_cli.options import Address, DataDir, edge_of


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("explain")(explain)


def explain(
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="The clip; `-` reads it from stdin.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="PICTURE.png", help="Where the picture goes.")
    ],
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            metavar="FILE",
            help="The recording's audio, when it is no longer where it was registered from.",
        ),
    ] = None,
    start: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="Where in the file the clip begins.")
    ] = 0.0,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Draws the clip beside the passage it was matched with.

    Two spectrograms with the landmarks that agree, and below them every pair of landmarks that
    might: those of a true match lie on one line. Without a match the best candidate is drawn.
    """
    from sonica_cli import clip as clips
    from sonica_cli.answers import name_of, seconds
    from sonica_cli.edge import admin_at
    from sonica_cli.explanation import Explanation, explain_match
    from sonica_cli.picture import draw
    from sonica_cli.running import run
    from sonica_cli.screen import clock, say

    if out.suffix.lower() != ".png":
        raise CliError(f"{out}: the picture is a PNG", "Name it --out something.png.")

    piped = clips.from_stdin(start) if clip == clips.STDIN else None

    async def work() -> Explanation | None:
        loaded = piped or await clips.load(clip, start)
        async with admin_at(edge_of(address, data)) as client:
            return await explain_match(client, loaded, reference)

    found = run(work())
    if found is None:
        say("No match, and no candidate that comes near: there is nothing to draw.")
        raise typer.Exit(FAILED)
    draw(found, out)
    match = found.match
    verdict = "is" if found.accepted else "was not accepted as"
    say(
        f"The clip {verdict} {name_of(match.track)} at {clock(seconds(match.track_offset))}, "
        f"score {match.score:.2f}.",
        f"{found.agreeing.shape[0]} landmarks agree. The picture: {out}",
    )
