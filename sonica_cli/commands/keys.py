"""`sonica keys create | list | rotate | revoke`: credentials for programs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    import datetime as dt

    from sonica_client import ApiKey, SonicaClient

app = typer.Typer(no_args_is_help=True, help="Makes, lists, renews and ends API keys.")


class ScopeName(StrEnum):
    """Scopes as they are written on the command line."""

    RECOGNIZE = "recognize"
    CATALOG_READ = "catalog.read"
    CATALOG_WRITE = "catalog.write"
    ACCOUNT_READ = "account.read"


Key = Annotated[str, typer.Argument(metavar="KEY", help="Name of the key, or the last part of it.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the key.")],
    scope: Annotated[
        list[ScopeName] | None,
        typer.Option(
            metavar="SCOPE",
            help="What it may be used for: recognize, catalog.read, catalog.write, account.read; "
            "may be repeated. [default: recognize]",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(metavar="N", min=0, max=36_500, help="Days it is good; 0 = for ever.")
    ] = 0,
    daily: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Most recognitions with it a day (UTC); 0 = the account's."
        ),
    ] = 0,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Makes an API key and shows it, this once."""
    import datetime as dt

    from sonica_client import Scope

    from sonica_cli.identity import as_person

    scopes = [Scope[each.name] for each in scope or [ScopeName.RECOGNIZE]]
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days) if days else None

    async def work(client: SonicaClient) -> tuple[ApiKey, str]:
        return await client.accounts.create_api_key(
            name, scopes, expire_time=end, daily_recognition_limit=daily
        )

    _show_once(*as_person(edge_of(address, data), work), json=json)


@app.command("list")
def list_(json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Lists the API keys of the account, the newest first."""
    from sonica_cli.identity import as_person
    from sonica_cli.screen import say, show_table

    keys = as_person(edge_of(address, data), lambda client: client.accounts.list_api_keys())
    if json:
        say(*(key.to_json() for key in keys))
        return
    if not keys:
        say("There are no keys.")
        return
    rows = [
        (
            key.name.rpartition("/")[2],
            key.display_name,
            _scopes(key),
            _day(key.create_time),
            _day(key.last_use_time) or "never",
            _state(key),
        )
        for key in keys
    ]
    show_table(("Key", "Name", "Scopes", "Made", "Last used", "State"), rows)


@app.command("rotate")
def rotate(key: Key, json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Gives an API key a new secret and shows it, this once; the old one ends at once."""
    from sonica_cli.identity import as_person

    made = as_person(
        edge_of(address, data), lambda client: client.accounts.rotate_api_key(_name(key))
    )
    _show_once(*made, json=json)


@app.command("revoke")
def revoke(key: Key, json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Ends an API key for good."""
    from sonica_cli.identity import as_person
    from sonica_cli.screen import say

    revoked = as_person(
        edge_of(address, data), lambda client: client.accounts.revoke_api_key(_name(key))
    )
    say(revoked.to_json() if json else f"Revoked {revoked.name} ({revoked.display_name}).")


def _show_once(key: ApiKey, text: str, *, json: bool) -> None:
    import json as json_format

    from sonica_cli.screen import note, say

    if json:
        say(json_format.dumps(key.to_dict() | {"key_text": text}, ensure_ascii=False))
        return
    say(text)
    note(f"{key.name} ({key.display_name}; {_scopes(key)}). It is shown only now.")


def _name(key: str) -> str:
    return key if "/" in key else f"users/me/apiKeys/{key}"


def _scopes(key: ApiKey) -> str:
    return ", ".join(ScopeName[scope.name or ""].value for scope in key.scopes)


def _state(key: ApiKey) -> str:
    import datetime as dt

    if key.revoke_time is not None:
        return "revoked"
    if key.expire_time is None:
        return "good"
    return (
        "ended" if key.expire_time <= dt.datetime.now(dt.UTC) else f"till {_day(key.expire_time)}"
    )


def _day(time: dt.datetime | None) -> str:
    return f"{time:%Y-%m-%d}" if time is not None else ""
