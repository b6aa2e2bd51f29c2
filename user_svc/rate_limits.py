"""How many calls an account may make in a minute, and how often it may recognise on a day.

A call is counted before it is made, so callers at once cannot pass together where one may. Who is
refused is refused without having been counted as a recognition. Where it cannot be counted the
call passes: limits protect the mesh, and must not be what stops it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING

from mesh.runtime.errors import ServiceError
from user_svc.errors import QuotaExhaustedError, RateLimitedError
from user_svc.model import Caller, Role
from user_svc.stores import api_keys
from user_svc.stores.counts import Counts
from user_svc.stores.postgres import Database

if TYPE_CHECKING:
    from user_svc.settings import Settings

MINUTE_SECONDS, DAY_SECONDS = 60, 86_400
_KEYS_MAX = 10_000
_COMPLAINT_SECONDS = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that asks to be let through, as the proxy has verified it.

    Attributes:
        user: `users/{user}`.
        role: of the account.
        key_id: of the API key; empty when there was none.
        is_recognition: whether it counts for the day.
    """

    user: str
    role: Role
    key_id: str
    is_recognition: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it stands now.

    Attributes:
        name: `requests`, `recognitions` or `key-recognitions`.
        subject: whose it is: `users/{user}`, or a key of one.
        amount: the most in a window; 0 is no limit.
        window_seconds: `MINUTE_SECONDS` or `DAY_SECONDS`.
        used: in this window.
        reset_time: when the next window begins, seconds since 1970.
        seconds_left: until then, at least 1.
    """

    name: str
    subject: str
    amount: int
    window_seconds: int
    used: int
    reset_time: int
    seconds_left: int

    @property
    def remaining(self) -> int:
        """What is left in this window."""
        return max(0, self.amount - self.used)

    @property
    def refusal(self) -> ServiceError | None:
        """The error of a call that has made `used` what it is; None when it may pass."""
        if self.used <= self.amount:
            return None
        if self.window_seconds == MINUTE_SECONDS:
            return RateLimitedError(self.subject, self.amount, self.seconds_left)
        reset = datetime.fromtimestamp(self.reset_time, UTC)
        return QuotaExhaustedError(self.subject, self.amount, self.seconds_left, reset)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may pass, and what its caller is told.

    Attributes:
        refusal: None when it may.
        limits: those that it was counted for.
    """

    refusal: ServiceError | None
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """The limits of an account; `key_recognitions` is None without a key that has its own."""

    requests: Limit
    recognitions: Limit
    key_recognitions: Limit | None


class RateLimits:
    """Counts calls and refuses those beyond a limit.

    Args:
        counts: where calls are counted.
        database: of the limits of keys.
        settings: the limits of each role.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        counts: Counts,
        database: Database,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._counts = counts
        self._database = database
        self._requests = {
            Role.FREE: settings.free_requests_per_minute,
            Role.PREMIUM: settings.premium_requests_per_minute,
            Role.ADMIN: 0,
        }
        self._recognitions = {
            Role.FREE: settings.free_recognitions_per_day,
            Role.PREMIUM: settings.premium_recognitions_per_day,
            Role.ADMIN: 0,
        }
        self._clock = clock
        # The limit of a key is set when it is made and never changes.
        self._key_limits: OrderedDict[str, int] = OrderedDict()
        self._complained = -_COMPLAINT_SECONDS

    async def admit(self, call: Call) -> Verdict:
        """Counts a call and tells whether it may pass; it may when it cannot be counted."""
        try:
            return await self._admit(call)
        except ServiceError as error:
            now = time.monotonic()
            if now - self._complained >= _COMPLAINT_SECONDS:
                self._complained = now
                _log.warning("calls pass without being counted: %s", error)
            return Verdict(None, ())

    async def usage(self, caller: Caller) -> Usage:
        """Returns the limits of a caller, counting nothing.

        Raises:
            CountsUnreachableError, StoreUnreachableError.
        """
        now = self._clock()
        user = f"users/{caller.user_id}"
        limits = {
            limit.name: await self._read(limit, now)
            for limit in await self._limits(user, caller.role, caller.key_id, now)
        }
        return Usage(limits["requests"], limits["recognitions"], limits.get("key-recognitions"))

    async def _admit(self, call: Call) -> Verdict:
        now = self._clock()
        passed: list[Limit] = []
        for limit in await self._limits(call.user, call.role, call.key_id, now):
            daily = limit.window_seconds == DAY_SECONDS
            if not limit.amount or (daily and not call.is_recognition):
                continue
            used = await self._counts.add(limit.subject, limit.window_seconds, now)
            counted = replace(limit, used=used)
            if counted.refusal is not None:
                await self._take_back(passed, now)
                return Verdict(counted.refusal, (*passed, counted))
            passed.append(counted)
        return Verdict(None, tuple(passed))

    async def _limits(self, user: str, role: Role, key_id: str, now: float) -> list[Limit]:
        """Returns the limits of a caller, in the order in which they are looked at.

        A key's comes before its account's: one that is used up costs the account nothing.
        """
        limits = [_limit("requests", user, self._requests[role], MINUTE_SECONDS, now)]
        amount = await self._key_limit(key_id) if key_id else 0
        if amount:
            subject = f"{user}/apiKeys/{key_id}"
            limits.append(_limit("key-recognitions", subject, amount, DAY_SECONDS, now))
        amount = self._recognitions[role]
        return [*limits, _limit("recognitions", user, amount, DAY_SECONDS, now)]

    async def _read(self, limit: Limit, now: float) -> Limit:
        if not limit.amount:
            return limit
        used = await self._counts.read(limit.subject, limit.window_seconds, now)
        return replace(limit, used=min(used, limit.amount))

    async def _take_back(self, passed: list[Limit], now: float) -> None:
        """Counts recognitions no more that came to nothing; the call itself was made."""
        for limit in passed:
            if limit.window_seconds == DAY_SECONDS:
                await self._counts.take_back(limit.subject, limit.window_seconds, now)

    async def _key_limit(self, key_id: str) -> int:
        known = self._key_limits.get(key_id)
        if known is None:
            async with self._database.connection("find_key_limit") as connection:
                known = await api_keys.daily_recognition_limit(connection, key_id)
            self._key_limits[key_id] = known
            if len(self._key_limits) > _KEYS_MAX:
                self._key_limits.popitem(last=False)
        return known


def _limit(name: str, subject: str, amount: int, window_seconds: int, now: float) -> Limit:
    reset = (int(now // window_seconds) + 1) * window_seconds
    return Limit(name, subject, amount, window_seconds, 0, reset, max(1, ceil(reset - now)))
