"""`sonica update`: other words about a registered recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonica_cli.failures import MISUSED, CliError
from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    from sonica_client import Track

_TEXTS = (
    "external_id", "title", "artist", "album", "isrc", "language", "genre", "source_uri", "label",
    "release_date",
)  # fmt: skip
_OF_EXTERNAL_ID = "external_ids."


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("update")(update)


def update(
    track_id: Annotated[
        str, typer.Argument(metavar="ID", help="Track id, or `external:` and your own id.")
    ],
    changes: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="What to change; may be repeated. Fields: artists (parted by `;`), year, "
            "external_ids.NAME, " + ", ".join(_TEXTS) + ". An empty value removes.",
        ),
    ],
    etag: Annotated[
        str, typer.Option(metavar="ETAG", help="Only if the recording still has this etag.")
    ] = "",
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Changes what is stored about a recording; how it is recognised stays."""
    from sonica_client import Track

    from sonica_cli.answers import name_of
    from sonica_cli.edge import admin_at
    from sonica_cli.running import run
    from sonica_cli.screen import say

    wanted = Track(track_id=track_id, etag=etag)
    paths = [_set(wanted, change) for change in changes]

    async def write() -> Track:
        async with admin_at(edge_of(address, data)) as client:
            return await client.update_track(wanted, paths=paths)

    track = run(write())
    say(track.to_json() if json else f"Changed {track.track_id} ({name_of(track)}).")


def _set(track: Track, change: str) -> str:
    """Puts one change into a track; returns the path of it."""
    field, separator, value = change.partition("=")
    field, value = field.strip(), value.strip()
    values: dict[str, Any] = dict.fromkeys(_TEXTS, value)
    values["artists"] = [name for part in value.split(";") if (name := part.strip())]
    if not separator:
        raise CliError(f"--set takes FIELD=VALUE, not {change!r}", exit_code=MISUSED)
    if field.startswith(_OF_EXTERNAL_ID):
        if value:
            track.external_ids[field.removeprefix(_OF_EXTERNAL_ID)] = value
    elif field == "year":
        if value and not value.isdecimal():
            raise CliError(f"year is a number, not {value!r}", exit_code=MISUSED)
        track.year = int(value or 0)
    elif field in values:
        setattr(track, field, values[field])
    else:
        known = ", ".join(("artists", "year", "external_ids.NAME", *_TEXTS))
        raise CliError(f"there is no field {field!r}", f"Fields: {known}.", exit_code=MISUSED)
    return field
