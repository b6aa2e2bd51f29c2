"""`sonica admin users | audit | grant`: the accounts of a mesh, and what was done to them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import CliError
from sonica_cli.options import Address, DataDir, Json, edge_of
from sonica_cli.times import Since, Until, moment

if TYPE_CHECKING:
    from sonica_client import Account, AuditAction, AuditEvent, SonicaClient

app = typer.Typer(
    no_args_is_help=True,
    help="Shows accounts and what was done to them, and gives roles. For admins, and for whoever "
    "runs the mesh of this machine.",
)


class RoleName(StrEnum):
    """Roles as they are written on the command line."""

    FREE = "free"
    PREMIUM = "premium"
    ADMIN = "admin"


Limit = Annotated[
    int, typer.Option(metavar="N", min=0, help="Most shown, the newest first; 0 = all.")
]
_PAGE_SIZE = 500


@app.command("users")
def users(
    email: Annotated[
        str, typer.Option(metavar="PREFIX", help="Only accounts whose email begins so.")
    ] = "",
    role: Annotated[
        RoleName | None,
        typer.Option(metavar="free|premium|admin", help="Only accounts of this role."),
    ] = None,
    limit: Limit = 50,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Lists accounts, the newest first."""
    from sonica_client import Role

    from sonica_cli.identity import as_admin
    from sonica_cli.screen import say, show_table
    from sonica_cli.times import shown

    wanted = Role.UNSPECIFIED if role is None else Role[role.name]

    async def read(client: SonicaClient) -> list[Account]:
        found: list[Account] = []
        token = ""
        while not limit or len(found) < limit:
            page = await client.administration.list_accounts(
                email_prefix=email,
                role=wanted,
                page_size=min(limit - len(found), _PAGE_SIZE) if limit else _PAGE_SIZE,
                page_token=token,
            )
            found += page.accounts
            token = page.next_page_token
            if not token:
                break
        return found

    found = as_admin(edge_of(address, data), read)
    if json:
        say(*(each.to_json() for each in found))
        return
    if not found:
        say("There are none.")
        return
    rows = [
        (each.name, each.email, each.display_name, _role(each), shown(each.create_time))
        for each in found
    ]
    show_table(("Name", "Email", "Called", "Role", "Registered"), rows)


@app.command("audit")
def audit(
    user: Annotated[
        str,
        typer.Option(metavar="EMAIL", help="Only what was done to this account; also users/ID."),
    ] = "",
    action: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACTION", help="Only this, e.g. role_changed, login_refused; may be repeated."
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Lists what was done to accounts, the newest first."""
    from sonica_cli.identity import as_admin
    from sonica_cli.screen import say, show_table

    actions = [_action(name) for name in action or ()]
    start, end = moment(since), moment(until)

    async def read(client: SonicaClient) -> list[AuditEvent]:
        found: list[AuditEvent] = []
        name = await _name(client, user) if user else ""
        token = ""
        while not limit or len(found) < limit:
            page = await client.administration.audit_events(
                name,
                actions=actions,
                start_time=start,
                end_time=end,
                page_size=min(limit - len(found), _PAGE_SIZE) if limit else _PAGE_SIZE,
                page_token=token,
            )
            found += page.events
            token = page.next_page_token
            if not token:
                break
        return found

    found = as_admin(edge_of(address, data), read)
    if json:
        say(*(each.to_json() for each in found))
        return
    if not found:
        say("There is nothing.")
        return
    show_table(("Time", "Action", "By", "To", "What"), [_row(each) for each in found])


@app.command("grant")
def grant(
    user: Annotated[str, typer.Argument(metavar="EMAIL", help="Of the account; also users/ID.")],
    role: Annotated[
        RoleName, typer.Argument(metavar="ROLE", help="free, premium or admin.", show_default=False)
    ],
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Gives an account a role, which counts from its next access token on."""
    from sonica_client import Role

    from sonica_cli.identity import as_admin
    from sonica_cli.screen import say

    async def give(client: SonicaClient) -> Account:
        name = await _name(client, user)
        return await client.administration.set_role(name, Role[role.name])

    changed = as_admin(edge_of(address, data), give)
    say(changed.to_json() if json else f"{changed.email} is {_role(changed)} now.")


async def _name(client: SonicaClient, user: str) -> str:
    """Returns the resource name of an account.

    Raises:
        CliError: no account has this email.
    """
    if user.startswith("users/"):
        return user
    token = ""
    while True:
        page = await client.administration.list_accounts(
            email_prefix=user, page_size=_PAGE_SIZE, page_token=token
        )
        for account in page.accounts:
            if account.email.lower() == user.lower():
                return account.name
        token = page.next_page_token
        if not token:
            raise CliError(f"no account has the email {user}", "`sonica admin users` lists them.")


def _action(name: str) -> AuditAction:
    from sonica_client import AuditAction

    from sonica_cli.failures import MISUSED

    known = [each for each in AuditAction if each is not AuditAction.UNSPECIFIED]
    for each in known:
        if each.name == name.upper():
            return each
    names = ", ".join((each.name or "").lower() for each in known)
    raise CliError(f"{name!r} is no action", f"One of: {names}.", exit_code=MISUSED)


def _row(event: AuditEvent) -> tuple[str, ...]:
    from sonica_client import Role

    from sonica_cli.times import shown

    what = event.resource if event.resource != event.user else ""
    if event.new_role is not Role.UNSPECIFIED:
        what = f"{(event.old_role.name or '').lower()} -> {(event.new_role.name or '').lower()}"
    if event.occurrence_count > 1:
        what = f"{what} {event.occurrence_count} times".strip()
    action = (event.action.name or str(int(event.action))).lower()
    return shown(event.create_time), action, event.actor or "-", event.user or "-", what


def _role(account: Account) -> str:
    return (account.role.name or "unknown").lower()
