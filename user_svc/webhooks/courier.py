"""Posts what waits, in any number of replicas: at least once, until it is taken or given up.

A replica leases a webhook, takes what is due of it, posts it, and stores what came of it; only then
the lease ends. So one receiver is served by one replica at a time, one that is slow holds up only
itself, and whatever a dead replica held is due again when its lease is over.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from mesh.runtime.errors import ServiceError
from user_svc.model import AuditAction
from user_svc.secret_box import SecretBox, SecretUnreadableError
from user_svc.stores import audit, webhook_deliveries, webhooks
from user_svc.stores.postgres import Database
from user_svc.stores.webhook_deliveries import Attempt
from user_svc.stores.webhooks import Leased
from user_svc.webhooks.errors import WebhookUrlRefusedError
from user_svc.webhooks.model import Outcome
from user_svc.webhooks.poster import Poster, Round
from user_svc.webhooks.receiver import Receivers
from user_svc.webhooks.signature import headers

#: Waits before the second and all later attempts; after the last of them it is given up.
WAITS_SECONDS = (5.0, 60.0, 300.0, 1800.0, 7200.0, 21_600.0, 43_200.0)
# What found no room here comes back soon.
_PUT_OFF_SECONDS = 5.0
# So that what has failed together does not come back together.
_JITTER = 0.2
_POLL_SECONDS = 1.0
_SWEEP_SECONDS = 300.0
_AT_ONCE_EACH = 10
_STORING_SECONDS = 20.0
_FAREWELL_SECONDS = 2.0
_KEPT_EACH = 10_000
_log = logging.getLogger(__name__)


class Limits(NamedTuple):
    """What the courier may do.

    Attributes:
        webhooks_at_once: served at the same time by this replica.
        timeout_seconds: of one attempt.
        disable_seconds: how long a receiver may take nothing before it is disabled.
        kept_seconds: how long what is over is kept.
    """

    webhooks_at_once: int
    timeout_seconds: float
    disable_seconds: float
    kept_seconds: float


class Courier:
    """Posts in the background.

    Args:
        database: of webhooks and deliveries.
        poster: makes the attempts.
        receivers: reads addresses.
        box: of the secrets.
        limits: see there.
    """

    def __init__(
        self,
        database: Database,
        poster: Poster,
        receivers: Receivers,
        box: SecretBox,
        limits: Limits,
    ) -> None:
        self._database = database
        self._poster = poster
        self._receivers = receivers
        self._box = box
        self._limits = limits
        self._lease_seconds = limits.timeout_seconds + _STORING_SECONDS
        self._rounds: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Says that something may be due; without it that is found within a second."""
        self._woken.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Posts while the context is open; attempts under way may end, for some seconds."""
        tasks = [
            asyncio.create_task(self._serve(), name="webhook courier"),
            asyncio.create_task(self._sweep(), name="webhook sweeper"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            if self._rounds:
                await asyncio.wait(self._rounds, timeout=_FAREWELL_SECONDS)
            for task in self._rounds:
                task.cancel()
            await asyncio.gather(*tasks, *self._rounds, return_exceptions=True)

    async def _serve(self) -> None:
        failing = False
        while True:
            self._woken.clear()
            more = False
            try:
                more = await self._begin_rounds()
            except ServiceError as error:
                if not failing:
                    _log.warning("cannot look for events to post for now: %s", error)
                failing = True
            except Exception:  # noqa: BLE001 - who stops looking posts nothing ever again
                _log.exception("cannot look for events to post for now")
                failing = True
            else:
                failing = False
            if not more:
                # Not wait_for: before Python 3.12 that may lose a cancellation.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._woken.wait()

    async def _begin_rounds(self) -> bool:
        """Leases what is due and begins to post it; returns whether more may be due."""
        free = self._limits.webhooks_at_once - len(self._rounds)
        if free <= 0:
            return False
        async with self._database.transaction("lease_webhooks") as connection:
            leases = await webhooks.lease(connection, free, self._lease_seconds)
            taken = [
                (
                    leased,
                    await webhook_deliveries.begin(
                        connection, leased.webhook_number, _AT_ONCE_EACH, self._lease_seconds
                    ),
                )
                for leased in leases
            ]
        for leased, attempts in taken:
            task = asyncio.create_task(self._round(leased, attempts), name="webhook round")
            self._rounds.add(task)
            task.add_done_callback(self._ended)
        return len(leases) == free

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._rounds.discard(task)
        self.wake()

    async def _round(self, leased: Leased, attempts: Sequence[Attempt]) -> None:
        """Posts what is due of one webhook, all at once, and stores what came of it."""
        try:
            async with self._poster.round() as posting:
                outcomes = await asyncio.gather(
                    *(self._post(posting, leased, attempt) for attempt in attempts)
                )
            await self._store(leased, list(zip(attempts, outcomes, strict=True)))
        except ServiceError as error:
            # Not stored: the lease runs out and they are posted again, as promised.
            _log.warning("cannot store what came of events: %s", error)
        except Exception:  # noqa: BLE001 - one webhook must not end the others
            _log.exception("could not post the events of a webhook")

    async def _post(self, posting: Round, leased: Leased, attempt: Attempt) -> Outcome:
        try:
            receiver = self._receivers.read(leased.url)
            keys = [self._box.open(sealed) for sealed in leased.sealed_secrets]
        except WebhookUrlRefusedError as error:
            return Outcome(0, f"not sent: {error.message}")
        except SecretUnreadableError:
            _log.error("no key of the key file opens the secret of %s", leased.name)
            return Outcome(0, "not sent: its secret cannot be read any more; rotate it")
        body = attempt.body.encode()
        signed = headers(attempt.event_id, int(time.time()), body, keys)
        try:
            return await posting.post(receiver, signed, body)
        except Exception:  # noqa: BLE001 - a fault of ours with one event must not hold up others
            _log.exception("could not post an event")
            return Outcome(0, "not sent: an internal failure")

    async def _store(self, leased: Leased, ended: Sequence[tuple[Attempt, Outcome]]) -> None:
        outcomes = [outcome for _, outcome in ended if not outcome.is_ours]
        async with self._database.transaction("store_outcomes") as connection:
            if not await webhooks.lock(connection, leased.webhook_number):
                return
            for attempt, outcome in ended:
                if outcome.is_ours:
                    wait = _spread(_PUT_OFF_SECONDS)
                    await webhook_deliveries.put_off(connection, attempt, outcome, wait)
                else:
                    next_wait = wait_seconds(attempt.attempt_count)
                    await webhook_deliveries.end(connection, attempt, outcome, next_wait)
            taken = any(outcome.is_taken for outcome in outcomes) if outcomes else None
            too_long = await webhooks.give_back(
                connection, leased, taken=taken, disable_seconds=self._limits.disable_seconds
            )
            reason = ""
            if any(outcome.is_gone for outcome in outcomes):
                reason = "the receiver answered 410 Gone"
            elif too_long:
                days = self._limits.disable_seconds / 86_400
                reason = f"the receiver has taken nothing for {days:g} days"
            if reason and await webhooks.disable(connection, leased.webhook_number, reason):
                await webhook_deliveries.give_up_waiting(
                    connection, leased.webhook_number, f"the webhook was disabled: {reason}"
                )
                await audit.record(
                    connection,
                    AuditAction.WEBHOOK_DISABLED,
                    user_id=leased.user_id,
                    resource=leased.name,
                )

    async def _sweep(self) -> None:
        while True:
            try:
                async with self._database.transaction("sweep_deliveries") as connection:
                    await webhook_deliveries.sweep(
                        connection, self._limits.kept_seconds, _KEPT_EACH
                    )
            except ServiceError as error:
                _log.warning("cannot forget old deliveries for now: %s", error)
            except Exception:  # noqa: BLE001 - who stops sweeping fills the disk
                _log.exception("cannot forget old deliveries for now")
            await asyncio.sleep(_SWEEP_SECONDS)


def wait_seconds(attempt_count: int) -> float | None:
    """Returns how long to wait after so many attempts; None when that was the last one."""
    if attempt_count > len(WAITS_SECONDS):
        return None
    return _spread(WAITS_SECONDS[attempt_count - 1])


def _spread(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - hides nothing
