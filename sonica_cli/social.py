"""Logging in at another provider: the browser is sent there, and waited for."""

from __future__ import annotations

import sys
import webbrowser
from typing import TYPE_CHECKING

from sonica_client import SocialLogIn

from sonica_cli.edge import session_at
from sonica_cli.loopback import open_loopback
from sonica_cli.screen import note

if TYPE_CHECKING:
    from sonica_cli.edge import Edge


async def sent_there_and_back(edge: Edge, provider: str) -> SocialLogIn:
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
        code = await loopback.code(begun.state)
        return SocialLogIn(state=begun.state, code=code, flow_token=begun.flow_token)
