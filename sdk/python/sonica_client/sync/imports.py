"""Imports for programs without an event loop. Made by `make gen`; not to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica_client.imports import WAIT_SECONDS_MAX, Imports
from sonica_client.portal import Portal

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from sonica_client._messages.sonica.catalog.v1 import NewImportItem, StoredImportItem
    from sonica_client.feed import Items
    from sonica_client.operation import Import


class SyncImports:
    """Part of a `SonicaSyncClient`: `client.imports`, for admins.

    All methods raise SonicaError.
    """

    def __init__(self, portal: Portal, inner: Imports) -> None:
        self._portal = portal
        self._inner = inner

    def begin(self, items: Sequence[NewImportItem], *, request_id: str = "") -> Import:
        """Begins an import.

        Args:
            items: what is going to be uploaded, 1 to 1,000, each `item_id` once.
            request_id: a UUID of the caller's; the same id never begins a second import.
        """
        return self._portal.call(self._inner.begin(items, request_id=request_id))

    def upload(
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
        return self._portal.call(self._inner.upload(import_id, item_id, audio))

    def get(self, import_id: str) -> Import:
        """Returns how far an import has come."""
        return self._portal.call(self._inner.get(import_id))

    def wait(self, import_id: str, timeout_seconds: float = WAIT_SECONDS_MAX) -> Import:
        """Returns an import when it has ended, or as it is after so long.

        Args:
            import_id: of the import.
            timeout_seconds: longest wait, at most 60.
        """
        return self._portal.call(self._inner.wait(import_id, timeout_seconds))

    def cancel(self, import_id: str) -> None:
        """Ends an import that is open; what it has registered stays."""
        return self._portal.call(self._inner.cancel(import_id))

    def all(self) -> Generator[Import, None, None]:
        """Yields every import that is not forgotten, page by page, the newest first."""
        return self._portal.iterate(self._inner.all())

    def items(self, import_id: str) -> Generator[StoredImportItem, None, None]:
        """Yields every item of an import, page by page, in the order they were given."""
        return self._portal.iterate(self._inner.items(import_id))
