"""The secrets of one log-in at another provider.

Two go out: the state, which travels through the browser's address bar, and the flow token, which
stays with who has begun. Only their hashes are stored. PKCE's verifier and the nonce are derived
from the flow token, so nothing that is stored here, and nothing that leaks from an address, is
enough to end the flow; and a code of another flow does not fit this one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from user_svc.credentials import sha256_of

_BYTES = 32
_STATE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_FLOW_TOKEN = re.compile(r"ft_[A-Za-z0-9_-]{43}", re.ASCII)


class FlowSecrets(NamedTuple):
    """What is known of a flow to who has begun it.

    Attributes:
        state: comes back with the browser.
        flow_token: stays with who has begun.
    """

    state: str
    flow_token: str

    def __repr__(self) -> str:
        return "FlowSecrets(...)"

    @property
    def state_sha256(self) -> bytes:
        """Under which the flow is stored."""
        return sha256_of(self.state)

    @property
    def flow_sha256(self) -> bytes:
        """What is stored of the flow token."""
        return sha256_of(self.flow_token)

    @property
    def nonce(self) -> str:
        """What the provider has to write into the ID token."""
        return self._derived(b"nonce")

    @property
    def code_verifier(self) -> str:
        """What the provider compares with the challenge it was given (RFC 7636)."""
        return self._derived(b"code_verifier")

    def _derived(self, purpose: bytes) -> str:
        digest = hmac.digest(self.flow_token.encode(), purpose, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_flow() -> FlowSecrets:
    """Makes the secrets of a flow."""
    return FlowSecrets(secrets.token_urlsafe(_BYTES), f"ft_{secrets.token_urlsafe(_BYTES)}")


def read_flow(state: str, flow_token: str) -> FlowSecrets | None:
    """Returns the secrets as presented; None when they have not the form of any."""
    if _STATE.fullmatch(state) and _FLOW_TOKEN.fullmatch(flow_token):
        return FlowSecrets(state, flow_token)
    return None
