"""Who uses the command: passwords are asked for, sessions are used and kept."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from sonica_cli.edge import admin_at, person_at, session_at
from sonica_cli.failures import MISUSED, CliError
from sonica_cli.running import run

if TYPE_CHECKING:
    from sonica_client import SonicaClient

    from sonica_cli.edge import Edge

T = TypeVar("T")


def ask_password(prompt: str = "Password: ", *, twice: bool = False) -> str:
    """Asks for a password without showing it; takes a line of standard input when it is piped.

    Args:
        prompt: what to ask with.
        twice: ask again, so that a slip does not become the password.

    Raises:
        CliError: nothing was given, or two different ones.
    """
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(prompt)
        if twice and getpass.getpass("The same again: ") != password:
            raise CliError("the two passwords differ", exit_code=MISUSED)
    if not password:
        raise CliError("no password was given", exit_code=MISUSED)
    return password


def as_person(edge: Edge, work: Callable[[SonicaClient], Awaitable[T]]) -> T:
    """Runs `work` for whoever is logged in at a mesh; see `sonica_cli.edge`.

    Raises:
        SonicaError, CliError.
    """
    return _run(person_at, edge, work)


def with_session(edge: Edge, work: Callable[[SonicaClient], Awaitable[T]]) -> T:
    """Runs `work`, which begins or ends a session at a mesh.

    Raises:
        SonicaError, CliError.
    """
    return _run(session_at, edge, work)


def as_admin(edge: Edge, work: Callable[[SonicaClient], Awaitable[T]]) -> T:
    """Runs `work` for the operator of a mesh, or an admin who is logged in there.

    Raises:
        SonicaError, CliError.
    """
    return _run(admin_at, edge, work)


def _run(
    client_at: Callable[[Edge], SonicaClient],
    edge: Edge,
    work: Callable[[SonicaClient], Awaitable[T]],
) -> T:
    async def main() -> T:
        async with client_at(edge) as client:
            return await work(client)

    return run(main())
