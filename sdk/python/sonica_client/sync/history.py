"""History for programs without an event loop. Made by `make gen`; not to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica_client._messages.sonica.user.v1 import ExportFormat
from sonica_client.history import History
from sonica_client.portal import Portal

if TYPE_CHECKING:
    from collections.abc import Generator

    from sonica_client._messages.sonica.user.v1 import (
        ListRecognitionsResponse,
        Recognition,
        RecognitionFilter,
    )


class SyncHistory:
    """Part of a `SonicaSyncClient`: `client.history`, the recognitions of the own account.

    All methods raise SonicaError.
    """

    def __init__(self, portal: Portal, inner: History) -> None:
        self._portal = portal
        self._inner = inner

    def list(
        self, which: RecognitionFilter | None = None, *, page_size: int = 0, page_token: str = ""
    ) -> ListRecognitionsResponse:
        """Returns one page of recognitions, the newest first; 0 means 50 a page.

        Args:
            which: by time, outcome and track; None means all.
            page_size: most of them; 200 at the utmost.
            page_token: `next_page_token` of the page before.
        """
        return self._portal.call(
            self._inner.list(which, page_size=page_size, page_token=page_token)
        )

    def all(
        self, which: RecognitionFilter | None = None, *, page_size: int = 200
    ) -> Generator[Recognition, None, None]:
        """Yields every recognition, page by page, the newest first."""
        return self._portal.iterate(self._inner.all(which, page_size=page_size))

    def export(
        self,
        export_format: ExportFormat = ExportFormat.JSON_LINES,
        which: RecognitionFilter | None = None,
    ) -> Generator[bytes, None, None]:
        """Yields the parts of one file with all recognitions.

        Args:
            export_format: JSON_LINES, or CSV.
            which: by time, outcome and track; None means all.
        """
        return self._portal.iterate(self._inner.export(export_format, which))

    def delete(self, name: str) -> None:
        """Removes one recognition for good, by its resource name."""
        return self._portal.call(self._inner.delete(name))

    def clear(self) -> int:
        """Removes all recognitions for good; returns how many there were."""
        return self._portal.call(self._inner.clear())
