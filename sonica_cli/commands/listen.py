"""`sonica listen`: says what is playing, while it plays."""

from __future__ import annotations

import enum
import os
import stat
import sys
from typing import Annotated

import typer

from sonica_cli.failures import INTERRUPTED, MISUSED, CliError
from sonica_cli.options import Address, DataDir, Json, edge_of


class RawLayout(enum.StrEnum):
    """How raw samples on standard input are laid out."""

    S16LE = "s16le"
    F32LE = "f32le"


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("listen")(listen)


def listen(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[-]",
            help="`-` listens to standard input, a file or an endless stream of any container. "
            "[default: standard input when something is piped into it, else the microphone]",
            show_default=False,
        ),
    ] = None,
    raw: Annotated[
        RawLayout | None,
        typer.Option(
            "--raw", metavar="s16le|f32le", help="Standard input holds samples without a header."
        ),
    ] = None,
    rate: Annotated[
        int, typer.Option(metavar="HZ", min=4000, max=192_000, help="Samples a second of --raw.")
    ] = 44_100,
    channels: Annotated[
        int, typer.Option(metavar="N", min=1, max=8, help="Channels of --raw.")
    ] = 1,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Microphone, by a part of its name.")
    ] = None,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Says what is playing, while it plays: one line whenever the answer changes.

    Examples: `sonica listen`; `curl -s RADIO | sonica listen`;
    `arecord -f S16_LE -r 44100 | sonica listen --raw s16le`. Ends with the stream, or by Ctrl-C.
    """
    if source not in {None, "-"}:
        raise CliError(
            f"{source!r} is neither nothing nor `-`",
            f"For a file: `sonica recognize {source}`, or `sonica listen - < {source}`.",
            exit_code=MISUSED,
        )
    if source is None and device is None and _is_piped():
        source = "-"
    if raw is not None and source is None:
        raise CliError(
            "--raw is about standard input, and the microphone is used",
            "Pipe the samples in, without --device.",
            exit_code=MISUSED,
        )

    from sonica_client import microphone

    from sonica_cli.edge import client_at
    from sonica_cli.listening import RATE_HZ, Listener, standard_input
    from sonica_cli.running import run
    from sonica_cli.screen import note

    layout = None if raw is None else (raw.value, rate, channels)
    sound = microphone(RATE_HZ, device) if source is None else standard_input(layout)
    note("Listening; Ctrl-C ends.")

    async def work() -> None:
        async with client_at(edge_of(address, data)) as client:
            await Listener(client, json=json).follow(sound)

    try:
        run(work())
    except KeyboardInterrupt:
        note("")
        raise typer.Exit(0 if source is None else INTERRUPTED) from None


def _is_piped() -> bool:
    """Returns whether standard input is a pipe or a file: no terminal, no /dev/null."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False  # closed
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
