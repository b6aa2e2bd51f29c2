"""`sonica history`: what the account that is logged in has recognised."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonica_cli.failures import MISUSED, CliError
from sonica_cli.options import Address, DataDir, Json, edge_of
from sonica_cli.times import Since, Until, moment

if TYPE_CHECKING:
    from sonica_client import Recognition, RecognitionFilter, SonicaClient

    from sonica_cli.edge import Edge

_PAGE = 200


class Format(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSONL = "jsonl"


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("history")(history)


def history(
    since: Since = None,
    until: Until = None,
    matched: Annotated[
        bool | None,
        typer.Option(
            "--matched/--unmatched",
            help="Only clips that were recognised, or only the others.",
            show_default=False,
        ),
    ] = None,
    track: Annotated[
        str, typer.Option("--track", metavar="ID", help="Only clips of this track.")
    ] = "",
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="Most clips shown, the newest first; 0 = all.")
    ] = 50,
    export: Annotated[
        Format | None,
        typer.Option(
            "--export", metavar="csv|jsonl", help="Write all of them as a file; to --out."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where --export goes. [default: standard output]"
        ),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove all of it for good, after asking.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --clear: do not ask.")] = False,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Shows what the account that is logged in has recognised, the newest first."""
    from sonica_client import RecognitionFilter, RecognitionOutcome

    if out is not None and export is None:
        raise CliError("--out goes with --export", exit_code=MISUSED)
    outcome = RecognitionOutcome.UNSPECIFIED
    if matched is not None:
        outcome = RecognitionOutcome.MATCHED if matched else RecognitionOutcome.UNMATCHED
    start, end = moment(since), moment(until)
    which = RecognitionFilter(start_time=start, end_time=end, outcome=outcome, track_id=track)
    edge = edge_of(address, data)
    if clear:
        if which != RecognitionFilter() or export is not None:
            raise CliError("--clear removes all of it, and takes no filter", exit_code=MISUSED)
        _clear(edge, ask=not yes, json=json)
    elif export is not None:
        _export(edge, export, which, out)
    else:
        _list(edge, which, limit, json=json)


def _list(edge: Edge, which: RecognitionFilter, limit: int, *, json: bool) -> None:
    from sonica_cli.identity import as_person
    from sonica_cli.screen import note, say, show_table

    shown: list[Recognition] = []

    async def read(client: SonicaClient) -> bool:
        """Returns whether there are more than the limit."""
        wanted = min(limit or _PAGE, _PAGE)
        async for recognition in client.history.all(which, page_size=wanted):
            if limit and len(shown) == limit:
                return True
            shown.append(recognition)
            if json:
                say(recognition.to_json())
        return False

    more = as_person(edge, read)
    if json:
        return
    if not shown:
        say("There is nothing.")
        return
    columns = ("Time", "Recording", "Offset", "Score", "Clip")
    show_table(columns, [_row(each) for each in shown], right=("Offset", "Score", "Clip"))
    if more:
        note(f"The newest {limit}; --limit 0 shows all.")


def _row(recognition: Recognition) -> tuple[Any, ...]:
    from rich.text import Text

    from sonica_cli.answers import seconds
    from sonica_cli.screen import clock
    from sonica_cli.times import shown

    length = f"{seconds(recognition.clip_duration):.1f} s"
    if not recognition.matches:
        return shown(recognition.create_time), Text("no match", style="yellow"), "", "", length
    best = recognition.matches[0]
    name = f"{best.title} - {best.artist}" if best.title and best.artist else best.title
    return (
        shown(recognition.create_time),
        Text(name or best.artist or best.track_id, style="green"),
        clock(seconds(best.track_offset)),
        f"{best.score:.2f}",
        length,
    )


def _export(edge: Edge, form: Format, which: RecognitionFilter, out: Path | None) -> None:
    from sonica_client import ExportFormat

    from sonica_cli.identity import as_person
    from sonica_cli.saving import save
    from sonica_cli.screen import note

    chosen = ExportFormat.CSV if form is Format.CSV else ExportFormat.JSON_LINES
    count = as_person(edge, lambda client: save(client.history.export(chosen, which), out))
    if out is not None:
        note(f"{count} bytes in {out}")


def _clear(edge: Edge, *, ask: bool, json: bool) -> None:
    import json as json_format

    from sonica_cli.identity import as_person
    from sonica_cli.screen import say

    if ask and not typer.confirm("Remove the whole history for good?"):
        return
    count = as_person(edge, lambda client: client.history.clear())
    if json:
        say(json_format.dumps({"recognition_count": count}))
    else:
        say(f"Removed {count} recognition{'s' if count != 1 else ''}.")
