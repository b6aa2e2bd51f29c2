"""The nouns of what other services report. Times are UTC, lengths are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from user_svc.recognition import Recognition, RecognizedTrack


@dataclass(frozen=True, slots=True)
class RecognitionDone:
    """A clip was recognised, or was not known."""

    clip_seconds: float
    matches: tuple[RecognizedTrack, ...]


@dataclass(frozen=True, slots=True)
class TrackReady:
    """A recording was registered and can be recognised."""

    track_id: str
    external_id: str
    title: str
    artist: str
    album: str
    isrc: str
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class ImportFinished:
    """An import has ended; `interrupted` when its stream broke off."""

    registered_count: int
    already_registered_count: int
    failed_count: int
    interrupted: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that was done for a caller.

    Attributes:
        activity_id: made by the reporter; the same one may come again.
        user_id: for whom; None for the operator, who has no account.
        key_id: of the API key that was used; empty when there was none.
        trace_id: of the call.
        occur_time: when it was done.
        detail: what was done.
    """

    activity_id: UUID
    user_id: UUID | None
    key_id: str
    trace_id: str
    occur_time: datetime
    detail: RecognitionDone | TrackReady | ImportFinished


def recognition_of(activity: Activity) -> Recognition | None:
    """Returns the recognition of an activity; None when it is another one, or the operator's."""
    detail = activity.detail
    if activity.user_id is None or not isinstance(detail, RecognitionDone):
        return None
    return Recognition(
        recognition_id=activity.activity_id,
        user_id=activity.user_id,
        create_time=activity.occur_time,
        clip_seconds=detail.clip_seconds,
        matches=detail.matches,
        key_id=activity.key_id,
        trace_id=activity.trace_id,
    )
