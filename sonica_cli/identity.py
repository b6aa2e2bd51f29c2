"""Who uses the command: passwords are asked for, sessions are used and kept."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from sonica_cli.failures import MISUSED, CliError
from sonica_cli.running import run
from sonica_cli.sessions import locked_sessions

if TYPE_CHECKING:
    from sonica_client import Accounts

T = TypeVar("T")


def ask_password(*, twice: bool = False) -> str:
    """Asks for a password without showing it; takes a line of standard input when it is piped.

    Args:
        twice: ask again, so that a slip does not become the password.

    Raises:
        CliError: nothing was given, or two different ones.
    """
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("Password: ")
        if twice and getpass.getpass("The same again: ") != password:
            raise CliError("the two passwords differ", exit_code=MISUSED)
    if not password:
        raise CliError("no password was given", exit_code=MISUSED)
    return password


def with_accounts(edge: str, work: Callable[[Accounts], Awaitable[T]]) -> T:
    """Runs `work` with the session kept for a mesh, and keeps what becomes of it.

    Raises:
        SonicaError, CliError.
    """
    from sonica_client import SonicaClient

    with locked_sessions() as kept:

        async def main() -> T:
            async with SonicaClient(edge) as client:
                client.accounts.session = kept.read(edge)
                client.accounts.on_change = lambda session: kept.write(edge, session)
                return await work(client.accounts)

        return run(main())
