"""`sonica register`, `login`, `logout`, `account`: who one is at a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import MISUSED, CliError
from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    from sonica_client import Account, Accounts

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Address to log in with.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (register, login, logout, account):
        app.command(command.__name__)(command)


def register(
    email: Email,
    name: Annotated[
        str, typer.Option("--name", metavar="TEXT", help="How the account is called.")
    ] = "",
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Makes an account and logs in.

    The password is asked for, or read from standard input when something is piped into it.
    """
    from sonica_cli.identity import ask_password, with_accounts
    from sonica_cli.screen import say

    password = ask_password(twice=True)

    async def work(accounts: Accounts) -> Account:
        made = await accounts.register(email, password, display_name=name)
        await accounts.log_in(email, password)
        return made

    made = with_accounts(edge_of(address, data), work)
    say(made.to_json() if json else f"Registered {made.email} as {made.name}, and logged in.")


def login(
    email: Annotated[
        str | None, typer.Argument(metavar="EMAIL", help="Address to log in with.")
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option("--provider", metavar="NAME", help="Log in there, with a browser."),
    ] = None,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Logs in; commands use the session until `sonica logout`.

    The password is asked for, or read from standard input when something is piped into it. With
    --provider there is none: a browser is sent to the provider, and waited for.
    """
    from sonica_cli.identity import ask_password, with_accounts
    from sonica_cli.running import run
    from sonica_cli.screen import say
    from sonica_cli.social import sent_there_and_back

    edge = edge_of(address, data)
    if provider is not None and email is None:
        returned = run(sent_there_and_back(edge, provider))

        async def work(accounts: Accounts) -> Account:
            await accounts.complete_social_log_in(*returned)
            return await accounts.get()
    elif email is not None and provider is None:
        password = ask_password()

        async def work(accounts: Accounts) -> Account:
            await accounts.log_in(email, password)
            return await accounts.get()
    else:
        raise CliError("name either EMAIL or --provider NAME", exit_code=MISUSED)

    mine = with_accounts(edge, work)
    say(mine.to_json() if json else f"Logged in as {mine.email}.")


def logout(
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="End all sessions of the account, not only this.")
    ] = False,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Ends the session."""
    import json as json_format

    from sonica_cli.identity import with_accounts
    from sonica_cli.screen import say

    async def work(accounts: Accounts) -> int:
        if everywhere:
            return await accounts.log_out_everywhere()
        await accounts.log_out()
        return 1

    count = with_accounts(edge_of(address, data), work)
    if json:
        say(json_format.dumps({"session_count": count}))
    else:
        say(f"Logged out of {count} session{'s' if count != 1 else ''}.")


def account(json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Shows the account that is logged in."""
    from sonica_cli.identity import with_accounts
    from sonica_cli.screen import say

    mine = with_accounts(edge_of(address, data), lambda accounts: accounts.get())
    if json:
        say(mine.to_json())
        return
    preferences = mine.preferences
    for title, value in (
        ("name", mine.name),
        ("email", mine.email),
        ("called", mine.display_name),
        ("role", (mine.role.name or "").removeprefix("ROLE_").lower()),
        ("languages", ", ".join(preferences.languages) if preferences else ""),
        ("genres", ", ".join(preferences.genres) if preferences else ""),
        ("history", "off" if preferences and preferences.history_disabled else "on"),
        ("registered", mine.create_time.isoformat(timespec="seconds") if mine.create_time else ""),
    ):
        if value:
            say(f"{title:<12} {value}")
