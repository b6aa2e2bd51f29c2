"""Argon2id in a bounded pool of threads.

A hash costs tens of megabytes and tens of milliseconds by design, so how many are computed at once
bounds the memory, and how many may wait bounds the time. The hash lets go of the interpreter.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from user_svc.errors import HashingBusyError

T = TypeVar("T")


class Passwords:
    """Hashes and compares; made by `open_passwords`.

    Args:
        hasher: with the parameters of new hashes.
        executor: its threads are the hashes computed at once.
        thread_count: of the executor.
        waiting_max: hashes that may wait for a thread.
    """

    def __init__(
        self,
        hasher: PasswordHasher,
        executor: ThreadPoolExecutor,
        thread_count: int,
        waiting_max: int,
    ) -> None:
        self._hasher = hasher
        self._executor = executor
        self._waiting_max = waiting_max
        self._under_way_max = thread_count + waiting_max
        self._under_way = 0
        # What a password for nobody is compared with: the same work, and it never fits.
        self._nobodys = hasher.hash(secrets.token_urlsafe(32))

    async def hash(self, password: str) -> str:
        """Returns a new hash, with its salt and parameters.

        Raises:
            HashingBusyError.
        """
        normal = _normal(password)
        return await self._run(lambda: self._hasher.hash(normal))

    async def fits(self, password: str, stored: str | None) -> bool:
        """Compares a password with a stored hash; None, for no account, takes the same time.

        Raises:
            HashingBusyError.
        """
        normal = _normal(password)
        return await self._run(lambda: self._verify(normal, stored))

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than those of new ones."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, password: str, stored: str | None) -> bool:
        try:
            fits = self._hasher.verify(stored or self._nobodys, password)
        except (VerifyMismatchError, InvalidHashError):
            return False  # any other failure, as of memory, says nothing about the password
        return fits and stored is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._under_way_max:
            raise HashingBusyError(
                f"{self._waiting_max} passwords wait to be hashed already; try again later",
                max_waiting_hashes=str(self._waiting_max),
            )
        self._under_way += 1
        loop = asyncio.get_running_loop()
        future = self._executor.submit(work)
        # A caller who goes away does not stop a hash that runs: it counts until it has ended.
        future.add_done_callback(lambda _: _tell(loop, self._ended))
        return await asyncio.wrap_future(future)

    def _ended(self) -> None:
        self._under_way -= 1


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody counts any more
        loop.call_soon_threadsafe(what)


def _normal(password: str) -> str:
    """Returns the password as every keyboard writes it: an accent is one character or two."""
    return unicodedata.normalize("NFKC", password)


@contextmanager
def open_passwords(
    hasher: PasswordHasher, thread_count: int, waiting_max: int
) -> Iterator[Passwords]:
    """Yields the pool; on exit what runs may end and the rest is dropped."""
    executor = ThreadPoolExecutor(thread_count, thread_name_prefix="password")
    try:
        yield Passwords(hasher, executor, thread_count, waiting_max)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
