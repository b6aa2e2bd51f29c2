"""Items of any iterator, asynchronous or not, for an event loop.

An iterator that is not asynchronous may block, as a microphone or a pipe does: it runs in a thread
of its own, which ends with it and never keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ItemT = TypeVar("ItemT")
# What a caller may give where items are wanted one after the other.
Items = AsyncIterable[ItemT] | Iterable[ItemT]
_AHEAD = 2
_END = object()


class Feed(Generic[ItemT]):
    """Takes items ahead, at most two; made by `feed`.

    A wait for the next item may be given up without losing it, unlike that of a generator.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._slots = threading.Semaphore(_AHEAD)
        self._closed = threading.Event()
        self._room = asyncio.Semaphore(_AHEAD)

    async def next(self) -> ItemT | None:
        """Returns the next item, None at the end; raises what the iterator raised."""
        kind, item = await self._queue.get()
        if kind is _END:
            self._queue.put_nowait((kind, item))
            if item is not None:
                raise item
            return None
        self._slots.release()
        self._room.release()
        taken: ItemT = item
        return taken

    async def read(self, items: AsyncIterable[ItemT]) -> None:
        """Takes the items of an asynchronous iterator."""
        iterator = aiter(items)
        try:
            async for item in iterator:
                await self._room.acquire()
                self._queue.put_nowait((None, item))
        except Exception as error:  # noqa: BLE001 - raised again where the items are read
            self._queue.put_nowait((_END, error))
        else:
            self._queue.put_nowait((_END, None))
        finally:
            if isinstance(iterator, AsyncGenerator):
                await iterator.aclose()

    def run(self, items: Iterable[ItemT]) -> None:
        """Takes the items of a blocking iterator, in the thread this is called in."""
        iterator = iter(items)
        end: BaseException | None = None
        try:
            for item in iterator:
                self._slots.acquire()
                if self._closed.is_set():
                    return
                self._put((None, item))
        except Exception as error:  # noqa: BLE001 - raised again where the items are read
            end = error
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
        self._put((_END, end))

    def close(self) -> None:
        """Tells a thread that nobody reads any more."""
        self._closed.set()
        self._slots.release()

    def _put(self, entry: tuple[Any, Any]) -> None:
        # The loop may have ended, with whoever read.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, entry)


@asynccontextmanager
async def feed(items: Items[ItemT]) -> AsyncIterator[Feed[ItemT]]:
    """Reads items ahead until it is left."""
    feeding: Feed[ItemT] = Feed()
    if isinstance(items, AsyncIterable):
        reader = asyncio.create_task(feeding.read(items))
        try:
            yield feeding
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
        return
    threading.Thread(target=feeding.run, args=(items,), name="sonica-feed", daemon=True).start()
    try:
        yield feeding
    finally:
        feeding.close()


async def each(items: Items[ItemT]) -> AsyncGenerator[ItemT, None]:
    """Yields items as they are wanted; those of a blocking iterator from a thread."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
        return
    async with feed(items) as feeding:
        while (taken := await feeding.next()) is not None:
            yield taken
