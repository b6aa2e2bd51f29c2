"""Secrets of webhooks and what is signed with them, as Standard Webhooks describes.

`webhook-signature` has one `v1,<base64 of HMAC-SHA256>` for each secret that is good, with spaces
between them, over `<webhook-id>.<webhook-timestamp>.<body>`. The timestamp is of the attempt, so a
receiver can refuse what somebody has recorded and sends again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> bytes:
    """Makes the key of a webhook, 256 random bits."""
    return secrets.token_bytes(_SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """Returns a secret as its owner is shown it."""
    return PREFIX + base64.b64encode(secret).decode()


def headers(event_id: str, time_seconds: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Returns the three headers of one attempt.

    Args:
        event_id: the same on each attempt.
        time_seconds: of this attempt, since 1970.
        body: as it is sent.
        keys: the secrets that are good, the newest first.
    """
    signed = f"{event_id}.{time_seconds}.".encode() + body
    digests = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(time_seconds),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(d).decode()}" for d in digests),
    }
