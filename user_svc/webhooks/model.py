"""The nouns of webhooks. Times are UTC; what is secret is never shown by `repr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Event(StrEnum):
    """What an account can be told of; as in the contract."""

    RECOGNITION_MATCHED = "RECOGNITION_MATCHED"
    TRACK_READY = "TRACK_READY"
    IMPORT_FINISHED = "IMPORT_FINISHED"
    TEST = "TEST"

    @property
    def type_name(self) -> str:
        """How the body of an event calls it."""
        return _TYPE_NAMES[self]

    @property
    def is_for_admins(self) -> bool:
        """Whether it tells of the catalogue, which belongs to all, and not of one account."""
        return self in (Event.TRACK_READY, Event.IMPORT_FINISHED)


_TYPE_NAMES = {
    Event.RECOGNITION_MATCHED: "recognition.matched",
    Event.TRACK_READY: "track.ready",
    Event.IMPORT_FINISHED: "import.finished",
    Event.TEST: "webhook.test",
}


class State(StrEnum):
    """How a delivery stands; as in the contract."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    GIVEN_UP = "GIVEN_UP"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events of an account are posted to, without its secret.

    Attributes:
        webhook_number: order of making; never used twice.
        webhook_id: 16 hexadecimal digits.
        fail_time: since when no attempt went well; None while they do.
        dropped_count: events that found too many waiting.
    """

    webhook_number: int
    webhook_id: str
    user_id: UUID
    display_name: str
    url: str = field(repr=False)
    events: tuple[Event, ...]
    disabled: bool
    disable_reason: str
    create_time: datetime
    update_time: datetime
    fail_time: datetime | None
    dropped_count: int

    @property
    def name(self) -> str:
        """Resource name."""
        return f"users/{self.user_id}/webhooks/{self.webhook_id}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook, or what became of it.

    Attributes:
        attempt_time: when it is tried next; None when it is over.
    """

    delivery_number: int
    event_id: str
    event: Event
    body: str = field(repr=False)
    state: State
    attempt_count: int
    create_time: datetime
    attempt_time: datetime | None
    last_attempt_time: datetime | None
    last_status_code: int
    last_error: str
    response_excerpt: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened, which webhooks may be told of.

    Attributes:
        event_id: `evt_` and 32 hexadecimal digits; the same happening always has the same.
        event: what kind it is.
        user_id: whose it is; None for what is of the catalogue.
        time: when it happened.
        data: of the event, what JSON can say.
    """

    event_id: str
    event: Event
    user_id: UUID | None
    time: datetime
    data: dict[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt.

    Attributes:
        status_code: of the answer; 0 when none came.
        error: why it failed; empty when it went well.
        excerpt: first 1,024 bytes of the answer, as text.
        is_ours: whether it failed for want of room here: the receiver was not tried.
    """

    status_code: int
    error: str
    excerpt: str = field(default="", repr=False)
    is_ours: bool = False

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has the event now."""
        return not self.error

    @property
    def is_gone(self) -> bool:
        """Whether the receiver says that it wants no events any more."""
        return self.status_code == 410
