"""Keeps the keys that sign access tokens: makes the next one in time, forgets the old ones.

A key is published some time before it signs, so that whoever caches the JWKS knows it by then, and
stays published until the last token it has signed has ended.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from mesh.runtime.errors import ServiceError
from user_svc.access_tokens import SKEW_SECONDS, AccessTokens
from user_svc.model import SigningKey
from user_svc.stores import signing_keys
from user_svc.stores.postgres import Database

_INTERVAL_SECONDS = 30.0
# Twenty looks of ours, and twice what a proxy usually caches a key set for.
_PUBLISHED_BEFORE_SECONDS = 600.0
_log = logging.getLogger(__name__)


class KeyKeeper:
    """Loads the keys into `tokens`, and makes the next one.

    Args:
        database: where they are kept.
        tokens: what uses them.
        signing_seconds: how long one key signs.
        token_seconds: how long a token is good.
    """

    def __init__(
        self,
        database: Database,
        tokens: AccessTokens,
        signing_seconds: float,
        token_seconds: float,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._signing = timedelta(seconds=signing_seconds)
        self._published_before = min(
            timedelta(seconds=_PUBLISHED_BEFORE_SECONDS), self._signing / 4
        )
        self._outlives = timedelta(seconds=token_seconds + 2 * SKEW_SECONDS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps them in the background while the context is open; on entry there is a key.

        Raises:
            StoreUnreachableError: PostgreSQL went away before there was one.
        """
        await self.look()
        task = asyncio.create_task(self._run(), name="key keeper")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def look(self) -> None:
        """Takes the keys as stored, after making the next one if its time has come."""
        async with self._database.transaction("keep_signing_keys") as connection:
            stored = await signing_keys.read(connection)
            if self._is_due(stored):
                await signing_keys.lock(connection)
                stored = await signing_keys.read(connection)
                if self._is_due(stored):
                    key = self._next(stored)
                    await signing_keys.succeed(connection, key, key.sign_time + self._outlives)
                    _log.info("made signing key %s", key.key_id)
                    stored = await signing_keys.read(connection)
        self._tokens.use(stored.keys)

    def _is_due(self, stored: signing_keys.Stored) -> bool:
        if not stored.keys:
            return True
        return stored.keys[-1].sign_time + self._signing - self._published_before <= stored.now

    def _next(self, stored: signing_keys.Stored) -> SigningKey:
        # The first has nobody to take over from, and nobody can have cached a set without it.
        wait = self._published_before if stored.keys else timedelta()
        return SigningKey(secrets.token_hex(8), secrets.token_bytes(32), stored.now + wait, None)

    async def _run(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            try:
                await self.look()
            except ServiceError as error:
                if not failing:
                    _log.warning("cannot look at the signing keys for now: %s", error)
                failing = True
            except Exception:  # noqa: BLE001 - who stops looking refuses the tokens of others
                _log.exception("cannot look at the signing keys for now")
                failing = True
            else:
                failing = False
