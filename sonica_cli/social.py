"""Logging in at another provider: the browser is sent there, and waited for."""

from __future__ import annotations

import sys
import webbrowser
from typing import TYPE_CHECKING, NamedTuple

from sonica_cli.edge import session_at
from sonica_cli.loopback import open_loopback
from sonica_cli.screen import note

if TYPE_CHECKING:
    from sonica_cli.edge import Edge


class Returned(NamedTuple):
    """What a log-in at a provider is ended with."""

    state: str
    code: str
    flow_token: str

    def __repr__(self) -> str:
        return "Returned(...)"


async def sent_there_and_back(edge: Edge, provider: str) -> Returned:
    """Sends the person to a provider and returns what their browser brings back.

    No session is held meanwhile, so other commands go on.

    Raises:
        SonicaError, CliError.
    """
    async with open_loopback() as loopback:
        async with session_at(edge) as client:
            begun = await client.accounts.begin_social_log_in(provider, loopback.redirect_uri)
        note(f"Log in at {provider} with a browser on this machine:\n{begun.authorization_url}")
        if sys.stderr.isatty():
            webbrowser.open(begun.authorization_url)
        return Returned(begun.state, await loopback.code(begun.state), begun.flow_token)
