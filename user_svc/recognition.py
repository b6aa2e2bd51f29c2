"""The nouns of the history. Times are UTC, offsets and lengths are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RecognizedTrack:
    """A recording as it was when it was recognised."""

    track_id: str
    title: str
    artist: str
    album: str
    isrc: str
    score: float
    track_offset_seconds: float
    clip_offset_seconds: float
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Recognition:
    """What an account asked and was told.

    Attributes:
        recognition_id: of the report that told of it.
        user_id: of the account.
        create_time: when it was answered.
        clip_seconds: length of the audio that was analysed.
        matches: the surest first; empty when nothing was recognised.
        key_id: of the API key that asked; empty when it was an access token.
        trace_id: of the call.
    """

    recognition_id: UUID
    user_id: UUID
    create_time: datetime
    clip_seconds: float
    matches: tuple[RecognizedTrack, ...]
    key_id: str
    trace_id: str


class Place(NamedTuple):
    """Where a recognition stands in the order of its account, the newest first."""

    create_time: datetime
    recognition_number: int


class Outcome(StrEnum):
    """What a recognition found; as in the contract."""

    MATCHED = "MATCHED"
    UNMATCHED = "UNMATCHED"


@dataclass(frozen=True, slots=True)
class RecognitionQuery:
    """Which recognitions are meant; None and an empty text exclude none."""

    start_time: datetime | None = None
    end_time: datetime | None = None
    outcome: Outcome | None = None
    track_id: str = ""
