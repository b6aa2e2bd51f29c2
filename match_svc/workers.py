"""Threads for computation, so that no call waits for another's arithmetic.

The core lets go of the interpreter while it computes, so threads are enough. The queue before them
is as long as there are calls, and those are bounded by the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Workers:
    """A bounded pool of threads; made by `open_workers`."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs `work` in a thread; use it for what takes more than about a millisecond."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: work(*args, **kwargs))


@contextmanager
def open_workers(thread_count: int) -> Iterator[Workers]:
    """Yields a pool of threads; on exit, what runs may end and the rest is dropped."""
    executor = ThreadPoolExecutor(thread_count, thread_name_prefix="match-worker")
    try:
        yield Workers(executor)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
