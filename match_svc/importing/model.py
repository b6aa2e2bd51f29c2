"""The nouns of imports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from match_svc.model import Outcome


class ImportState(StrEnum):
    """Where an import stands; all but OPEN are its end."""

    OPEN = "OPEN"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    ABANDONED = "ABANDONED"


class ItemState(StrEnum):
    """Where an item stands; of an open import, FAILED may still become SUCCEEDED."""

    WAITING = "WAITING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item that is going to be uploaded; `track` is a serialised Track."""

    item_id: str
    track: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """An item and what became of it.

    Attributes:
        position: in its import, from 1.
        item_id: the caller's name for it.
        state: where it stands.
        track_id: of its track, when it has SUCCEEDED.
        outcome: whether that is new.
        error: a serialised Status, when it has FAILED.
    """

    position: int
    item_id: str
    state: ItemState
    track_id: UUID | None = None
    outcome: Outcome | None = None
    error: bytes | None = None


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An item with what an upload of it needs; `track` is a serialised Track."""

    item: Item
    track: bytes
    request_id: UUID


@dataclass(frozen=True, slots=True)
class Import:
    """An import and its items in numbers, which are counted when it is read."""

    number: int
    import_id: UUID
    state: ImportState
    item_count: int
    waiting_count: int
    registered_count: int
    already_registered_count: int
    failed_count: int
    create_time: datetime
    update_time: datetime
    end_time: datetime | None
