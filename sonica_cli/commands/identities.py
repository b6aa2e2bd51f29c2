"""`sonica account identities | link | unlink | password`: the ways into an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    from sonica_client import Identity, SonicaClient


def add_to(account: typer.Typer) -> None:
    """Adds the commands to those of the account."""
    for command in (identities, link, unlink, password):
        account.command(command.__name__)(command)


def identities(json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Lists who the owner of the account is at other providers."""
    from sonica_cli.identity import as_person
    from sonica_cli.screen import say, show_table
    from sonica_cli.times import shown

    found = as_person(edge_of(address, data), lambda client: client.accounts.list_identities())
    if json:
        say(*(each.to_json() for each in found))
        return
    if not found:
        say("There are none.")
        return
    rows = [
        (
            each.name.rpartition("/")[2],
            each.provider,
            each.subject,
            shown(each.create_time),
            shown(each.last_use_time) or "never",
        )
        for each in found
    ]
    show_table(("Identity", "Provider", "Subject", "Linked", "Last used"), rows)


def link(
    provider: Annotated[
        str, typer.Argument(metavar="PROVIDER", help="Log in there, with a browser.")
    ],
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Links a provider to the account, so that one may log in there."""
    from sonica_cli.identity import as_person
    from sonica_cli.running import run
    from sonica_cli.screen import say
    from sonica_cli.social import sent_there_and_back

    edge = edge_of(address, data)
    log_in = run(sent_there_and_back(edge, provider))

    async def work(client: SonicaClient) -> Identity:
        return await client.accounts.link_identity(log_in)

    linked = as_person(edge, work)
    say(linked.to_json() if json else f"Linked {linked.subject} of {linked.provider}.")


def unlink(
    identity: Annotated[
        str, typer.Argument(metavar="IDENTITY", help="Its name, or the last part of it.")
    ],
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Removes an identity from the account."""
    import json as json_format

    from sonica_cli.identity import as_person
    from sonica_cli.screen import say

    name = identity if "/" in identity else f"users/me/identities/{identity}"
    as_person(edge_of(address, data), lambda client: client.accounts.unlink_identity(name))
    say(json_format.dumps({"unlinked": name}) if json else f"Unlinked {name}.")


def password(
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            metavar="NAME",
            help="Log in there instead of giving the old one, for an account made by that.",
        ),
    ] = None,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Changes the password, or sets a first one, and ends all other sessions.

    Both are asked for, or read from standard input, a line each, when something is piped into it.
    """
    import json as json_format

    from sonica_cli.identity import as_person, ask_password
    from sonica_cli.running import run
    from sonica_cli.screen import say
    from sonica_cli.social import sent_there_and_back

    edge = edge_of(address, data)
    if provider is None:
        current = ask_password("Old password: ")
        wanted = ask_password("New password: ", twice=True)

        async def work(client: SonicaClient) -> None:
            await client.accounts.change_password(current, wanted)
    else:
        wanted = ask_password("New password: ", twice=True)
        log_in = run(sent_there_and_back(edge, provider))

        async def work(client: SonicaClient) -> None:
            await client.accounts.set_password(wanted, log_in)

    as_person(edge, work)
    say(json_format.dumps({"changed": True}) if json else "Changed; other sessions have ended.")
