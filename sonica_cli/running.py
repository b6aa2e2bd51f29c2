"""Runs coroutines from commands, and lets Ctrl-C ask before it cuts."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

ResultT = TypeVar("ResultT")


def run(main: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Runs `main` to its end.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, after `main` has been cancelled and has cleaned up.
    """

    async def ended_by_sigterm_too() -> ResultT:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await main

    try:
        return asyncio.run(ended_by_sigterm_too())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


class Interruption:
    """Ctrl-C or SIGTERM: the first sets `asked`, the second cancels the task.

    Use it inside a coroutine: `with Interruption(on_first) as stop: ... stop.asked ...`.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.asked = asyncio.Event()
        self._on_first = on_first
        self._task = asyncio.current_task()

    def __enter__(self) -> Interruption:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    def _signalled(self) -> None:
        if self.asked.is_set():
            if self._task is not None:
                self._task.cancel()
            return
        self.asked.set()
        self._on_first()
