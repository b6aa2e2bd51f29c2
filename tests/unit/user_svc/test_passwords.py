"""Aim: hashing is bounded, and whoever waits in vain is told at once.

Method: a hasher that stays where it is until it is let go.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Literal

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from user_svc.errors import HashingBusyError
from user_svc.passwords import Passwords, open_passwords


class HeldHasher(PasswordHasher):
    """Hashes when it is let go; counts how many do at once."""

    def __init__(self) -> None:
        super().__init__(1, 8, 1)
        self.go = threading.Event()
        self.go.set()
        self.running = 0
        self.running_max = 0
        self._lock = threading.Lock()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self._lock:
            self.running += 1
            self.running_max = max(self.running_max, self.running)
        self.go.wait(60)
        with self._lock:
            self.running -= 1
        return super().hash(password, salt=salt)


async def until_taken(passwords: Passwords, count: int) -> None:
    async with asyncio.timeout(60):
        while passwords._under_way != count:  # noqa: ASYNC110 - threads have no event here
            await asyncio.sleep(0.005)


async def test_no_more_at_once_and_in_wait_than_set() -> None:
    hasher = HeldHasher()
    with open_passwords(hasher, 2, 3) as passwords:
        hasher.go.clear()
        tasks = [asyncio.create_task(passwords.hash("x")) for _ in range(5)]
        await until_taken(passwords, 5)
        with pytest.raises(HashingBusyError):
            await passwords.hash("x")
        hasher.go.set()
        assert len(set(await asyncio.gather(*tasks))) == 5, "each has its own salt"
        assert hasher.running_max == 2
        await until_taken(passwords, 0)
        assert await passwords.fits("x", await passwords.hash("x"))


async def test_who_goes_away_gives_the_place_back_only_when_the_hash_has_ended() -> None:
    hasher = HeldHasher()
    with open_passwords(hasher, 1, 1) as passwords:
        hasher.go.clear()
        tasks = [asyncio.create_task(passwords.hash("x")) for _ in range(2)]
        await until_taken(passwords, 2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # One was waiting and is dropped, the other cannot be stopped.
        await until_taken(passwords, 1)
        hasher.go.set()
        await until_taken(passwords, 0)


async def test_only_the_same_password_fits() -> None:
    with open_passwords(PasswordHasher(1, 8, 1), 1, 8) as passwords:
        stored = await passwords.hash("pa\u0301ssword")
        assert await passwords.fits("p\u00e1ssword", stored), "one accent, written in two ways"
        for wrong in ("password", "", "p\u00e1ssword "):
            assert not await passwords.fits(wrong, stored)
        assert not await passwords.fits("p\u00e1ssword", None)
        assert not await passwords.fits("p\u00e1ssword", "no hash at all")
        assert not passwords.is_outdated(stored)
        assert stored.startswith("$argon2id$")


class ExhaustedHasher(PasswordHasher):
    """Has no memory to verify with."""

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        raise VerificationError("Memory allocation error")


async def test_a_hash_that_fails_is_not_a_wrong_password() -> None:
    with open_passwords(ExhaustedHasher(1, 8, 1), 1, 8) as passwords:
        stored = await passwords.hash("x")
        with pytest.raises(VerificationError, match="Memory allocation"):
            await passwords.fits("x", stored)
