"""`sonica search`: registered recordings by the words of title, artists and album."""

from __future__ import annotations

import json as json_format
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    from sonica_client import TrackSearchResult

_PAGE = 100


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("search")(search)


def search(
    text: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="Words, or the beginnings of words.")
    ],
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=500, help="Most recordings shown.")
    ] = 20,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Finds registered recordings by title, artists and album, best first.

    Case and accents do not count, and small misspellings are forgiven. Finding nothing is an
    answer, not a failure: exit code 0.
    """
    from sonica_cli.answers import seconds, track_json
    from sonica_cli.edge import client_at
    from sonica_cli.running import run
    from sonica_cli.screen import clock, note, say, show_table

    async def read() -> tuple[list[TrackSearchResult], bool]:
        found: list[TrackSearchResult] = []
        token = ""
        async with client_at(edge_of(address, data)) as client:
            while len(found) < limit:
                page = await client.search_tracks(
                    " ".join(text), page_size=min(limit - len(found), _PAGE), page_token=token
                )
                found += page.results
                token = page.next_page_token
                if not token:
                    break
        return found, bool(token)

    found, more = run(read())
    shown = [(each.track, each.relevance) for each in found if each.track is not None]
    if json:
        for track, relevance in shown:
            described = track_json(track) | {"relevance": round(relevance, 3)}
            say(json_format.dumps(described, ensure_ascii=False))
        return
    if not shown:
        say("Nothing is called so.")
        return
    rows = [(t.track_id, t.title, t.artist, t.album, clock(seconds(t.duration))) for t, _ in shown]
    show_table(("Id", "Title", "Artist", "Album", "Length"), rows, right=("Length",))
    if more:
        note("There are more; --limit shows them.")
