"""`sonica tracks list | show | delete`: what is registered."""

from __future__ import annotations

import json as json_format
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import FAILED
from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    from sonica_client import Track

app = typer.Typer(no_args_is_help=True, help="Lists, shows and deletes registered recordings.")

Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="Track ids, or `external:` and your own id."),
]


@app.command("list")
def list_(
    limit: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Most tracks shown, in the order of registration; 0 = all."
        ),
    ] = 50,
    track_filter: Annotated[
        str,
        typer.Option(
            "--filter", metavar="FILTER", help="Only those, e.g. `genre = raga AND year >= 1970`."
        ),
    ] = "",
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Lists registered recordings in the order of registration."""
    from sonica_cli.answers import seconds, track_json
    from sonica_cli.edge import client_at
    from sonica_cli.running import run
    from sonica_cli.screen import clock, note, say, show_table

    async def read() -> tuple[list[Track], int]:
        tracks: list[Track] = []
        token, total = "", 0
        async with client_at(edge_of(address, data)) as client:
            while not limit or len(tracks) < limit:
                wanted = min(limit - len(tracks), 500) if limit else 500
                page = await client.list_tracks(
                    page_size=wanted,
                    page_token=token,
                    track_filter=track_filter,
                    order_by="create_time desc" if newest else "",
                )
                total, token = page.total_count, page.next_page_token
                if json:
                    say(*(json_format.dumps(_whole(t), ensure_ascii=False) for t in page.tracks))
                tracks += page.tracks
                if not token:
                    break
        return tracks, total

    def _whole(track: Track) -> dict[str, object]:
        return track_json(track) | {"duration_s": round(seconds(track.duration), 3)}

    tracks, total = run(read())
    if json:
        return
    if not tracks and track_filter:
        say("Nothing passes the filter.")
        return
    if not tracks:
        say("Nothing is registered yet.")
        note("`sonica index ~/Music` registers music.")
        return
    rows = [
        (t.track_id, t.external_id, t.title, t.artist, clock(seconds(t.duration)), _state(t))
        for t in tracks
    ]
    columns = ("Id", "External id", "Title", "Artist", "Length", "State")
    show_table(columns, rows, right=("Length",))
    if total > len(tracks) and not track_filter:
        note(f"{len(tracks)} of {total}; --limit 0 shows all.")


def _state(track: Track) -> str:
    return (track.state.name or "unknown").removeprefix("TRACK_STATE_").lower()


@app.command("show")
def show(ids: Ids, json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Shows everything that is stored about recordings."""
    from sonica_cli.answers import seconds
    from sonica_cli.edge import client_at
    from sonica_cli.running import run
    from sonica_cli.screen import clock, say

    async def read() -> list[Track]:
        async with client_at(edge_of(address, data)) as client:
            return [await client.get_track(track_id) for track_id in ids]

    for track in run(read()):
        if json:
            say(track.to_json())
            continue
        created = track.create_time
        for name, value in (
            ("id", track.track_id),
            ("external id", track.external_id),
            ("title", track.title),
            ("artist", track.artist),
            ("artists", "; ".join(track.artists) if track.artists != [track.artist] else ""),
            ("album", track.album),
            ("label", track.label),
            ("isrc", track.isrc),
            ("language", track.language),
            ("genre", track.genre),
            ("year", str(track.year or "")),
            ("released", track.release_date),
            ("ids", ", ".join(f"{name} {value}" for name, value in track.external_ids.items())),
            ("source", track.source_uri),
            ("length", clock(seconds(track.duration))),
            ("state", _state(track)),
            ("extractor", f"version {track.algorithm_version}"),
            ("stored", ", ".join(f"version {v}" for v in track.algorithm_versions)),
            ("registered", created.isoformat(timespec="seconds") if created else ""),
            ("sha-256", track.content_sha256.hex()),
            ("etag", track.etag),
        ):
            if value:
                say(f"{name:<12} {value}")
        say("")


@app.command("delete")
def delete(
    ids: Ids,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Removes recordings, their fingerprints and their vectors for good."""
    from sonica_client import SonicaError

    from sonica_cli.answers import name_of
    from sonica_cli.edge import admin_at
    from sonica_cli.failures import describe
    from sonica_cli.running import run
    from sonica_cli.screen import say, say_failure

    edge = edge_of(address, data)

    async def find(track_id: str) -> Track:
        async with admin_at(edge) as client:
            return await client.get_track(track_id)

    async def remove(track_id: str) -> None:
        async with admin_at(edge) as client:
            await client.delete_track(track_id)

    failed = False
    for track_id in ids:
        try:
            track = run(find(track_id))
            # Asked outside of any event loop, so that Ctrl-C ends the question.
            if not yes and not typer.confirm(f"Delete {name_of(track)} for good?"):
                continue
            run(remove(track.track_id))
        except SonicaError as error:
            failure = describe(error)
            say_failure(failure.message, failure.advice)
            failed = True
            continue
        say(f"Deleted {track.track_id} ({name_of(track)}).")
    if failed:
        raise typer.Exit(FAILED)
