"""How often a password may be wrong before its guesser has to wait."""

from __future__ import annotations

import hashlib

from user_svc.errors import AttemptsExhaustedError
from user_svc.stores.attempts import Attempts


class AttemptLimit:
    """Counts failures and refuses.

    Counted for one account from one address, so that nobody can lock an account of another.

    Args:
        attempts: where it is counted.
        failed_max: in one window.
        window_seconds: how long they count.
    """

    def __init__(self, attempts: Attempts, failed_max: int, window_seconds: int) -> None:
        self._attempts = attempts
        self._failed_max = failed_max
        self._window_seconds = window_seconds

    async def begin(self, account: str, address: str) -> None:
        """Counts an attempt before it is made.

        Raises:
            AttemptsExhaustedError.
        """
        count = await self._attempts.begin(_key(account, address), self._window_seconds)
        if count.attempts > self._failed_max:
            raise AttemptsExhaustedError(count.seconds_left)

    async def succeeded(self, account: str, address: str) -> None:
        """Forgets the failures."""
        await self._attempts.forget(_key(account, address))


def _key(account: str, address: str) -> str:
    # Hashed: an address has no business in a cache's memory or log.
    return hashlib.sha256(f"{account}\0{address}".encode()).hexdigest()
