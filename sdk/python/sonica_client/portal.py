"""An event loop in a thread of its own, through which programs without one make their calls."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from .errors import CLIENT_DOMAIN, SonicaError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

ResultT = TypeVar("ResultT")
# What a call that was given up may take to clean up after itself.
_CLEANING_SECONDS_MAX = 10.0


class Portal:
    """Runs coroutines for any number of threads; ends with `close`, or with the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=_run, args=(self._loop,), name="sonica-client", daemon=True
        )
        self._thread.start()
        # Also when nobody closes it: gRPC must not outlive the interpreter's loop.
        self._end = weakref.finalize(self, _stop, self._loop, self._thread)

    @property
    def open(self) -> bool:
        """Whether calls can be made."""
        return self._end.alive

    def make(self, maker: Callable[[], ResultT]) -> ResultT:
        """Returns what `maker` makes, called in the loop."""

        async def made() -> ResultT:
            return maker()

        return self.call(made())

    def call(self, coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Returns or raises what the coroutine does; Ctrl-C cancels it.

        Raises:
            RuntimeError: the portal is closed, or this is its own thread.
        """
        if not self.open or threading.current_thread() is self._thread:
            coroutine.close()
            why = "is closed" if not self.open else "waits for this very callback"
            raise RuntimeError(f"the client {why}; no call can be made")
        done: concurrent.futures.Future[ResultT] = concurrent.futures.Future()
        tasks: list[asyncio.Task[ResultT]] = []

        def begin() -> None:
            tasks.append(self._loop.create_task(coroutine))
            tasks[0].add_done_callback(lambda task: _hand_over(task, done))

        def give_up() -> None:
            tasks[0].cancel()

        self._loop.call_soon_threadsafe(begin)
        try:
            return done.result()
        except BaseException:
            if not done.done():
                self._loop.call_soon_threadsafe(give_up)
                concurrent.futures.wait([done], _CLEANING_SECONDS_MAX)
            raise

    def iterate(self, items: AsyncGenerator[ResultT, None]) -> Generator[ResultT, None, None]:
        """Yields what the asynchronous generator does; leaving it early closes that."""
        try:
            while True:
                try:
                    item = self.call(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if self.open:
                self.call(items.aclose())

    def close(self) -> None:
        """Ends what still runs, and the thread."""
        self._end()


async def _next(items: AsyncGenerator[ResultT, None]) -> ResultT:
    return await anext(items)


def _hand_over(task: asyncio.Task[ResultT], done: concurrent.futures.Future[ResultT]) -> None:
    if task.cancelled():
        message = "the client was closed during the call"
        code = grpc.StatusCode.CANCELLED
        done.set_exception(SonicaError(code, message, "CALL_CANCELLED", CLIENT_DOMAIN))
    elif (error := task.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(task.result())


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(loop.stop)
    if threading.current_thread() is not thread:
        thread.join(_CLEANING_SECONDS_MAX)
