"""Where a provider may send people to: what the operator has listed, and loopback for programs.

A program on the person's own machine listens on whatever port is free (RFC 8252, 7.3), so the port
of a loopback address is not compared; a name like `localhost` is none, others may answer to it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from user_svc.social.errors import RedirectUriRefusedError

_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,4}/callback", re.ASCII)


class Redirects:
    """Tells which addresses are allowed.

    Args:
        listed: compared as they are, character by character.
    """

    def __init__(self, listed: Collection[str]) -> None:
        self._listed = frozenset(listed)

    def check(self, uri: str) -> None:
        """Refuses an address that is not allowed.

        Raises:
            RedirectUriRefusedError: see there.
        """
        if uri not in self._listed and not _LOOPBACK.fullmatch(uri):
            raise RedirectUriRefusedError(
                "redirect_uri is not among those the operator has allowed, nor "
                "http://127.0.0.1:{port}/callback"
            )
