"""What an account has recognised, as a part of the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import methods
from ._messages.sonica.user.v1 import (
    ClearHistoryRequest,
    DeleteRecognitionRequest,
    ExportFormat,
    ExportRecognitionsRequest,
    ListRecognitionsRequest,
    ListRecognitionsResponse,
    Recognition,
    RecognitionFilter,
)
from .accounts import ME

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .caller import Caller


class History:
    """Part of a `SonicaClient`: `client.history`, the recognitions of the own account.

    All methods raise SonicaError.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def list(
        self,
        which: RecognitionFilter | None = None,
        *,
        page_size: int = 0,
        page_token: str = "",
    ) -> ListRecognitionsResponse:
        """Returns one page of recognitions, the newest first; 0 means 50 a page.

        Args:
            which: by time, outcome and track; None means all.
            page_size: most of them; 200 at the utmost.
            page_token: `next_page_token` of the page before.
        """
        request = ListRecognitionsRequest(
            parent=ME, page_size=page_size, page_token=page_token, filter=which
        )
        return await self._caller.own(methods.LIST_RECOGNITIONS, request)

    async def all(
        self, which: RecognitionFilter | None = None, *, page_size: int = 200
    ) -> AsyncGenerator[Recognition, None]:
        """Yields every recognition, page by page, the newest first."""
        token = ""
        while True:
            page = await self.list(which, page_size=page_size, page_token=token)
            for recognition in page.recognitions:
                yield recognition
            token = page.next_page_token
            if not token:
                return

    async def export(
        self,
        export_format: ExportFormat = ExportFormat.JSON_LINES,
        which: RecognitionFilter | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yields the parts of one file with all recognitions.

        Args:
            export_format: JSON_LINES, or CSV.
            which: by time, outcome and track; None means all.
        """
        request = ExportRecognitionsRequest(parent=ME, format=export_format, filter=which)
        async for part in self._caller.own_stream(methods.EXPORT_RECOGNITIONS, request):
            if part.content is not None:
                yield part.content.data

    async def delete(self, name: str) -> None:
        """Removes one recognition for good, by its resource name."""
        await self._caller.own(methods.DELETE_RECOGNITION, DeleteRecognitionRequest(name=name))

    async def clear(self) -> int:
        """Removes all recognitions for good; returns how many there were."""
        request = ClearHistoryRequest(parent=ME)
        response = await self._caller.own(methods.CLEAR_HISTORY, request)
        return response.recognition_count
