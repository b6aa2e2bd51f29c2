"""`sonica register`, `login`, `logout`, `account`: who one is at a mesh, and what it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import FAILED, MISUSED, CliError
from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    from sonica_client import Account, SonicaClient, Usage

account_app = typer.Typer(help="Shows the account that is logged in; exports and erases it.")
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Address to log in with.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (register, login, logout):
        app.command(command.__name__)(command)
    app.add_typer(account_app, name="account")


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
    from sonica_cli.identity import ask_password, with_session
    from sonica_cli.screen import say

    password = ask_password(twice=True)

    async def work(client: SonicaClient) -> Account:
        made = await client.accounts.register(email, password, display_name=name)
        await client.accounts.log_in(email, password)
        return made

    made = with_session(edge_of(address, data), work)
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
    from sonica_cli.identity import ask_password, with_session
    from sonica_cli.running import run
    from sonica_cli.screen import say
    from sonica_cli.social import sent_there_and_back

    edge = edge_of(address, data)
    if provider is not None and email is None:
        back = run(sent_there_and_back(edge, provider))

        async def work(client: SonicaClient) -> Account:
            await client.accounts.complete_social_log_in(back.state, back.code, back.flow_token)
            return await client.accounts.get()
    elif email is not None and provider is None:
        password = ask_password()

        async def work(client: SonicaClient) -> Account:
            await client.accounts.log_in(email, password)
            return await client.accounts.get()
    else:
        raise CliError("name either EMAIL or --provider NAME", exit_code=MISUSED)

    mine = with_session(edge, work)
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

    from sonica_cli.identity import with_session
    from sonica_cli.screen import say

    async def work(client: SonicaClient) -> int:
        if everywhere:
            return await client.accounts.log_out_everywhere()
        await client.accounts.log_out()
        return 1

    count = with_session(edge_of(address, data), work)
    if json:
        say(json_format.dumps({"session_count": count}))
    else:
        say(f"Logged out of {count} session{'s' if count != 1 else ''}.")


@account_app.callback(invoke_without_command=True)
def account(
    context: typer.Context, json: Json = False, address: Address = None, data: DataDir = None
) -> None:
    """Shows the account that is logged in."""
    import json as json_format

    from sonica_client import SonicaError

    from sonica_cli.identity import as_person
    from sonica_cli.screen import say

    if context.invoked_subcommand is not None:
        return

    async def read(client: SonicaClient) -> tuple[Account, Usage | None]:
        mine = await client.accounts.get()
        try:
            return mine, await client.accounts.usage()
        except SonicaError as error:
            if error.code.name != "UNAVAILABLE":
                raise
            return mine, None  # whoever one is does not depend on what counts the calls

    mine, usage = as_person(edge_of(address, data), read)
    if json:
        counted = {"usage": usage.to_dict()} if usage is not None else {}
        say(json_format.dumps(mine.to_dict() | counted, ensure_ascii=False))
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
    for title, allowance in (
        ("this minute", usage.requests if usage else None),
        ("today", usage.recognitions if usage else None),
        ("key, today", usage.key_recognitions if usage else None),
    ):
        if allowance is not None and not allowance.unlimited:
            what = "calls" if title == "this minute" else "recognitions"
            say(f"{title:<12} {allowance.used} of {allowance.limit} {what}")


@account_app.command("export")
def export(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where it goes. [default: standard output]"
        ),
    ] = None,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Writes all that is kept about the account as one JSON document."""
    import json as json_format

    from sonica_cli.identity import as_person
    from sonica_cli.saving import save
    from sonica_cli.screen import note, say

    count = as_person(edge_of(address, data), lambda client: save(client.accounts.export(), out))
    if out is None:
        return
    if json:
        say(json_format.dumps({"file": str(out), "byte_count": count}))
    else:
        note(f"{count} bytes in {out}")


@account_app.command("erase")
def erase(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether.")] = False,
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            metavar="NAME",
            help="Log in there instead of giving the password, for an account made by that.",
        ),
    ] = None,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Forgets the account for good, with all that names it.

    The password is asked for, or read from standard input when something is piped into it.
    """
    import json as json_format

    from sonica_cli.identity import as_person, ask_password
    from sonica_cli.running import run
    from sonica_cli.screen import say
    from sonica_cli.social import sent_there_and_back

    edge = edge_of(address, data)
    mine = as_person(edge, lambda client: client.accounts.get())
    if not yes:
        if not typer.confirm(f"Erase {mine.email}, its history and its keys for good?"):
            raise typer.Exit(FAILED)
        if typer.prompt("Type the email to be sure") != mine.email:
            raise CliError("that is another email; nothing was erased")
    password = "" if provider else ask_password()
    log_in = run(sent_there_and_back(edge, provider)) if provider else None
    as_person(edge, lambda client: client.accounts.erase(password, log_in=log_in))
    say(json_format.dumps({"erased": mine.name}) if json else f"Erased {mine.email}.")
