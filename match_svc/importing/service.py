"""Imports: begun with what is known of the items, ended when each has its result.

All that is known of an import is in PostgreSQL: any replica answers for any, and a restart ends
none. Nothing is reserved for an upload: two of one item at once register it once, by its request
id, and the first result that is a track stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from uuid import UUID

from match_svc.errors import (
    ImportEndedError,
    ImportItemNotFoundError,
    OperationNotFoundError,
    TooManyImportsError,
)
from match_svc.importing.model import Import, ImportState, Item, ItemState, NewItem, OpenItem
from match_svc.stores import imports
from match_svc.stores.postgres import Connection, Database
from mesh.runtime.errors import ServiceError

OPEN_MAX, OPEN_OF_ONE_MAX = 100, 10
FAILURES_MAX = 100
_FORGOTTEN_AT_ONCE = 100
_LOOK_SECONDS_MIN, _LOOK_SECONDS_MAX = 0.1, 1.0
_log = logging.getLogger(__name__)


class Imports:
    """Use cases of ImportService and OperationService.

    Args:
        database: where they are kept.
        idle_seconds: an import in which nothing has happened for so long is ended.
        kept_seconds: how long an ended import can be asked about.
        sweep_interval_seconds: between two looks for such imports.
    """

    def __init__(
        self,
        database: Database,
        idle_seconds: float,
        kept_seconds: float,
        sweep_interval_seconds: float,
    ) -> None:
        self._database = database
        self._idle_seconds = idle_seconds
        self._kept_seconds = kept_seconds
        self._sweep_interval_seconds = sweep_interval_seconds

    async def begin(self, owner: str, items: Sequence[NewItem], request_id: UUID | None) -> Import:
        """Begins an import; the same request begins it once.

        Args:
            owner: whose it is; empty for nobody's.
            items: with names that differ.
            request_id: of the caller's, if any.

        Raises:
            TooManyImportsError, StoreUnreachableError, StorageFullError.
        """
        async with self._database.transaction("begin_import") as connection:
            await imports.lock_beginning(connection)
            if request_id is not None:
                begun = await imports.find_request(connection, request_id)
                if begun is not None:
                    return begun
            of_one, of_all = await imports.count_open(connection, owner)
            if of_one >= OPEN_OF_ONE_MAX or of_all >= OPEN_MAX:
                raise TooManyImportsError(of_one, OPEN_OF_ONE_MAX, of_all, OPEN_MAX)
            import_id = await imports.insert(connection, owner, items, request_id)
            return await _known(connection, import_id)

    async def get(self, import_id: UUID) -> tuple[Import, list[Item]]:
        """Returns an import and the first of its items that have failed.

        Raises:
            OperationNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("get_import") as connection:
            found = await _known(connection, import_id)
            return found, await imports.failures(connection, found.number, FAILURES_MAX)

    async def page(self, before: int, size: int) -> list[Import]:
        """Returns up to `size` imports before number `before`, the newest first."""
        async with self._database.connection("list_imports") as connection:
            return await imports.page(connection, before, size)

    async def items(self, import_id: UUID, after: int, size: int) -> list[Item]:
        """Returns up to `size` items of an import after position `after`.

        Raises:
            OperationNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("list_import_items") as connection:
            found = await _known(connection, import_id)
            return await imports.items(connection, found.number, after, size)

    async def wait(self, import_id: UUID, seconds: float) -> tuple[Import, list[Item]]:
        """Returns an import when it has ended, or as it is after so long.

        Raises:
            OperationNotFoundError, StoreUnreachableError.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        pause = _LOOK_SECONDS_MIN
        while True:
            found, failed = await self.get(import_id)
            left = deadline - loop.time()
            if found.state is not ImportState.OPEN or left <= 0:
                return found, failed
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, _LOOK_SECONDS_MAX)

    async def cancel(self, import_id: UUID) -> None:
        """Ends an import that is open; nothing happens to another.

        Raises:
            OperationNotFoundError, StoreUnreachableError.
        """
        async with self._database.transaction("cancel_import") as connection:
            number, state = await _locked(connection, import_id)
            if state is ImportState.OPEN:
                await imports.end(connection, number, ImportState.CANCELLED)

    async def open_item(self, import_id: UUID, item_id: str) -> OpenItem:
        """Returns what an upload of an item needs; one that has succeeded needs none.

        Raises:
            OperationNotFoundError, ImportItemNotFoundError, ImportEndedError,
            StoreUnreachableError.
        """
        async with self._database.connection("open_import_item") as connection:
            found = await _known(connection, import_id)
            item = await _item(connection, found.number, import_id, item_id)
        if item.item.state is not ItemState.SUCCEEDED and found.state is not ImportState.OPEN:
            raise _ended(import_id, found.state)
        return item

    async def finish_item(self, import_id: UUID, result: Item) -> tuple[Item, Import | None]:
        """Stores the result of an item, unless it has succeeded before; the last ends the import.

        Args:
            import_id: of the import.
            result: its position is not read.

        Returns:
            The item as stored, and the import if this has ended it.

        Raises:
            OperationNotFoundError, ImportItemNotFoundError, ImportEndedError,
            StoreUnreachableError, StorageFullError.
        """
        async with self._database.transaction("finish_import_item") as connection:
            number, state = await _locked(connection, import_id)
            stored = (await _item(connection, number, import_id, result.item_id)).item
            if stored.state is ItemState.SUCCEEDED:
                return stored, None
            if state is not ImportState.OPEN:
                raise _ended(import_id, state)
            result = replace(result, position=stored.position)
            if not await imports.write_item(connection, number, result):
                return result, None
            await imports.end(connection, number, ImportState.DONE)
            return result, await _known(connection, import_id)

    async def sweep(self) -> None:
        """Ends what was left alone, and forgets what ended long ago.

        Raises:
            StoreUnreachableError.
        """
        async with self._database.transaction("sweep_imports") as connection:
            count = await imports.abandon(connection, self._idle_seconds)
            await imports.forget(connection, self._kept_seconds, _FORGOTTEN_AT_ONCE)
        if count:
            _log.info("ended %d imports that were left alone", count)

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        """Sweeps again and again in the background while the context is open."""
        task = asyncio.create_task(self._sweep_on(), name="import sweeper")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _sweep_on(self) -> None:
        while True:
            try:
                await self.sweep()
            except ServiceError as error:
                _log.warning("cannot look after imports for now: %s", error)
            except Exception:  # noqa: BLE001 - a fault here must not end sweeping for good
                _log.exception("looking after imports failed")
            await asyncio.sleep(self._sweep_interval_seconds)


async def _known(connection: Connection, import_id: UUID) -> Import:
    found = await imports.find(connection, import_id)
    if found is None:
        raise _not_found(import_id)
    return found


async def _locked(connection: Connection, import_id: UUID) -> tuple[int, ImportState]:
    found = await imports.lock(connection, import_id)
    if found is None:
        raise _not_found(import_id)
    return found


async def _item(connection: Connection, number: int, import_id: UUID, item_id: str) -> OpenItem:
    item = await imports.find_item(connection, number, item_id)
    if item is None:
        raise ImportItemNotFoundError(
            f"import {import_id} has no item {item_id!r}",
            import_id=str(import_id),
            item_id=item_id,
        )
    return item


def _not_found(import_id: UUID) -> OperationNotFoundError:
    return OperationNotFoundError(
        f"there is no operation operations/{import_id}; it may have ended long ago",
        name=f"operations/{import_id}",
    )


def _ended(import_id: UUID, state: ImportState) -> ImportEndedError:
    return ImportEndedError(
        f"import {import_id} is {state.value.lower()}; begin another one for what is left",
        import_id=str(import_id),
        state=state.value,
    )
