"""Who makes a call, as the edge has verified it; nothing here verifies again."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_USER_HEADER, _KEY_HEADER = "x-sonica-user", "x-sonica-key"
_USER = re.compile(r"operator|users/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{16}", re.ASCII)


class Caller(NamedTuple):
    """Who makes a call.

    Attributes:
        user: `users/{user}`, or `operator`.
        api_key_id: of the key that was used; empty when there was none.
    """

    user: str
    api_key_id: str


def caller_of(context: Any) -> Caller | None:
    """Returns who makes a call; None when nobody is known to."""
    metadata = dict(context.invocation_metadata() or ())
    user, key = metadata.get(_USER_HEADER, ""), metadata.get(_KEY_HEADER, "")
    if not isinstance(user, str) or not _USER.fullmatch(user):
        return None
    return Caller(user, key if isinstance(key, str) and _KEY.fullmatch(key) else "")
