"""Imports that outlive a connection, as a part of the client: each recording is a call of its own.

Where one stream may last as long as it takes, `SonicaClient.import_tracks` needs no more than one
call; these go on after a restart of either side.
"""

from __future__ import annotations

import datetime as dt
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from . import methods
from ._messages.google.api import HttpBody
from ._messages.sonica.catalog.v1 import (
    CancelOperationRequest,
    CreateImportRequest,
    GetOperationRequest,
    ListImportItemsRequest,
    ListOperationsRequest,
    NewImportItem,
    StoredImportItem,
    WaitOperationRequest,
)
from ._messages.sonica.recognition.v1 import UploadImportItemRequest
from .feed import Items, each
from .operation import Import, import_of
from .sources import CHUNK_BYTES, chunks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from .caller import Caller

WAIT_SECONDS_MAX = 60.0
# After the last chunk a recording of hours is still analysed for a while.
_SILENCE_SECONDS = 3600.0


class Imports:
    """Part of a `SonicaClient`: `client.imports`, for admins.

    All methods raise SonicaError.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def begin(self, items: Sequence[NewImportItem], *, request_id: str = "") -> Import:
        """Begins an import.

        Args:
            items: what is going to be uploaded, 1 to 1,000, each `item_id` once.
            request_id: a UUID of the caller's; the same id never begins a second import.
        """
        request = CreateImportRequest(items=[*items], request_id=request_id)
        return import_of(await self._caller.unary(methods.CREATE_IMPORT, request))

    async def upload(
        self, import_id: str, item_id: str, audio: bytes | Path | Items[bytes]
    ) -> StoredImportItem:
        """Uploads one recording of any size; it can be recognised when this returns.

        What is wrong with the recording stands in the item's `error`; it may be uploaded again.
        What has succeeded is never registered twice.

        Args:
            import_id: of the import.
            item_id: as it was named at the begin.
            audio: the file, its path, or its parts in their order, from an iterator that may be
                asynchronous.
        """

        async def requests() -> AsyncGenerator[UploadImportItemRequest, None]:
            request = UploadImportItemRequest(import_id=import_id, item_id=item_id)
            async with aclosing(_parts(audio)) as parts:
                async for part in parts:
                    request.upload = HttpBody(data=part)
                    yield request
                    request = UploadImportItemRequest()

        item = StoredImportItem()
        responses = self._caller.converse(
            methods.UPLOAD_IMPORT_ITEM, requests(), silence_seconds=_SILENCE_SECONDS
        )
        async with aclosing(responses):
            async for response in responses:
                item = response.item or item
        return item

    async def get(self, import_id: str) -> Import:
        """Returns how far an import has come."""
        request = GetOperationRequest(name=_name(import_id))
        return import_of(await self._caller.unary(methods.GET_OPERATION, request))

    async def wait(self, import_id: str, timeout_seconds: float = WAIT_SECONDS_MAX) -> Import:
        """Returns an import when it has ended, or as it is after so long.

        Args:
            import_id: of the import.
            timeout_seconds: longest wait, at most 60.
        """
        timeout = dt.timedelta(seconds=timeout_seconds)
        request = WaitOperationRequest(name=_name(import_id), timeout=timeout)
        return import_of(await self._caller.unary(methods.WAIT_OPERATION, request))

    async def cancel(self, import_id: str) -> None:
        """Ends an import that is open; what it has registered stays."""
        request = CancelOperationRequest(name=_name(import_id))
        await self._caller.unary(methods.CANCEL_OPERATION, request)

    async def all(self) -> AsyncGenerator[Import, None]:
        """Yields every import that is not forgotten, page by page, the newest first."""
        token = ""
        while True:
            request = ListOperationsRequest(page_size=100, page_token=token)
            page = await self._caller.unary(methods.LIST_OPERATIONS, request)
            for operation in page.operations:
                yield import_of(operation)
            token = page.next_page_token
            if not token:
                return

    async def items(self, import_id: str) -> AsyncGenerator[StoredImportItem, None]:
        """Yields every item of an import, page by page, in the order they were given."""
        token = ""
        while True:
            request = ListImportItemsRequest(import_id=import_id, page_size=500, page_token=token)
            page = await self._caller.unary(methods.LIST_IMPORT_ITEMS, request)
            for item in page.items:
                yield item
            token = page.next_page_token
            if not token:
                return


def _name(import_id: str) -> str:
    return f"operations/{import_id}"


async def _parts(audio: bytes | Path | Items[bytes]) -> AsyncGenerator[bytes, None]:
    if isinstance(audio, bytes | Path):
        async with aclosing(chunks(audio)) as parts:
            async for part in parts:
                yield part
        return
    async with aclosing(each(audio)) as parts:
        async for part in parts:
            for begin in range(0, len(part), CHUNK_BYTES):
                yield part[begin : begin + CHUNK_BYTES]
