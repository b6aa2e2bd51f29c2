"""Registers many recordings over one stream, a little ahead of the results.

An item whose file cannot be read, before or in mid-item, gets its own failed result; items that
were under way then are sent again on a new stream, which is harmless because the same bytes never
register twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._messages.sonica.recognition.v1 import (
    EndOfItem,
    ImportItem,
    ImportProgress,
    ImportResult,
    ImportTracksRequest,
    ImportTracksResponse,
)
from .errors import SonicaError, from_status_bytes
from .sources import ImportSource, chunks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from ._messages.sonica.catalog.v1 import RegistrationOutcome, Track

# One being analysed, one on its way.
LOOK_AHEAD = 2


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """How one item of an import ended.

    Attributes:
        item_id: the caller's name for it.
        track: as stored; None on failure.
        outcome: new, or registered before; None on failure.
        error: why it failed; None on success.
    """

    item_id: str
    track: Track | None = None
    outcome: RegistrationOutcome | None = None
    error: SonicaError | None = None


class _ItemBroke(Exception):  # noqa: N818 - a signal from sender to reader, never seen outside
    def __init__(self, item_id: str, error: SonicaError) -> None:
        super().__init__(item_id)
        self.item_id = item_id
        self.error = error


class TrackImport:
    """One import: what is still to send, what is on its way, what failed before it was sent."""

    def __init__(self, sources: AsyncIterator[ImportSource]) -> None:
        self._sources = sources
        self._again: deque[ImportSource] = deque()
        self._under_way: dict[str, ImportSource] = {}
        self._unsent: deque[ImportOutcome] = deque()
        self._slots = asyncio.Semaphore(LOOK_AHEAD)

    async def run(
        self,
        converse: Callable[
            [AsyncGenerator[ImportTracksRequest, None]], AsyncGenerator[ImportTracksResponse, None]
        ],
    ) -> AsyncGenerator[ImportOutcome | ImportProgress, None]:
        """Yields progress and, for every source, exactly one outcome.

        Args:
            converse: opens a call that sends the requests and yields the responses.
        """
        while True:
            responses = converse(self._requests())
            try:
                async for response in responses:
                    if response.progress is not None:
                        yield response.progress
                    if response.result is not None:
                        yield self._finished(response.result)
                    while self._unsent:
                        yield self._unsent.popleft()
            except _ItemBroke as broken:
                del self._under_way[broken.item_id]
                yield ImportOutcome(broken.item_id, error=broken.error)
                self._again.extend(self._under_way.values())
                self._under_way.clear()
                self._slots = asyncio.Semaphore(LOOK_AHEAD)
                continue
            finally:
                await responses.aclose()
            while self._unsent:
                yield self._unsent.popleft()
            return

    def _finished(self, result: ImportResult) -> ImportOutcome:
        if self._under_way.pop(result.item_id, None) is not None:
            self._slots.release()
        if result.error is not None:
            return ImportOutcome(result.item_id, error=from_status_bytes(bytes(result.error)))
        return ImportOutcome(result.item_id, track=result.track, outcome=result.outcome)

    async def _next(self) -> ImportSource | None:
        if self._again:
            return self._again.popleft()
        return await anext(self._sources, None)

    async def _requests(self) -> AsyncGenerator[ImportTracksRequest, None]:
        while True:
            await self._slots.acquire()
            source = await self._next()
            if source is None:
                return
            parts = chunks(source.audio)
            try:
                first = await anext(parts)
            except SonicaError as error:
                self._unsent.append(ImportOutcome(source.item_id, error=error))
                self._slots.release()
                continue
            self._under_way[source.item_id] = source
            yield ImportTracksRequest(item=_item(source))
            yield ImportTracksRequest(chunk=first)
            try:
                async for chunk in parts:
                    yield ImportTracksRequest(chunk=chunk)
            except SonicaError as error:
                raise _ItemBroke(source.item_id, error) from None
            yield ImportTracksRequest(end_of_item=EndOfItem())


def _item(source: ImportSource) -> ImportItem:
    return ImportItem(
        item_id=source.item_id,
        track=source.track,
        format=source.format,
        request_id=source.request_id,
        algorithm_version=source.algorithm_version,
    )
