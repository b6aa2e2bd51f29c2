"""An import as its operation tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._messages.sonica.catalog.v1 import ImportMetadata, ImportSummary
from .errors import from_status_bytes

if TYPE_CHECKING:
    from ._messages.google.longrunning import Operation
    from .errors import SonicaError


@dataclass(frozen=True, slots=True)
class Import:
    """An import as it stands.

    Attributes:
        import_id: its id.
        done: whether it has ended.
        progress: counts, times, and the first 100 items that failed.
        summary: what it has come to, once every item has its result.
        error: why it ended before that: OPERATION_CANCELLED or IMPORT_ABANDONED.
    """

    import_id: str
    done: bool
    progress: ImportMetadata
    summary: ImportSummary | None = None
    error: SonicaError | None = None


def import_of(operation: Operation) -> Import:
    """Reads an operation."""
    metadata = ImportMetadata.parse(operation.metadata.value if operation.metadata else b"")
    return Import(
        operation.name.rpartition("/")[2],
        operation.done,
        metadata,
        ImportSummary.parse(operation.response.value) if operation.response else None,
        from_status_bytes(bytes(operation.error)) if operation.error else None,
    )
