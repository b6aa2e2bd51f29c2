"""Between the messages of HistoryService and the nouns of the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sonica.user.v1 import history_pb2

from user_svc import messages, pages
from user_svc.errors import PageTokenInvalidError
from user_svc.messages import duration_to, time_from, time_to, user_name
from user_svc.recognition import Outcome, Place, Recognition, RecognitionQuery, RecognizedTrack

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def query_from(wanted: history_pb2.RecognitionFilter) -> RecognitionQuery:
    """Reads a filter.

    Raises:
        InvalidRequestError: a time is none of the years 1 to 9999.
    """
    outcome = history_pb2.RecognitionOutcome.Name(wanted.outcome)
    return RecognitionQuery(
        start_time=time_from(wanted, "start_time"),
        end_time=time_from(wanted, "end_time"),
        outcome=Outcome(outcome.removeprefix("RECOGNITION_OUTCOME_")) if wanted.outcome else None,
        track_id=wanted.track_id.replace("\0", " "),  # PostgreSQL takes no NUL, and no id has one
    )


def recognition_from(name: str) -> tuple[UUID | None, UUID]:
    """Reads `users/{user}/recognitions/{recognition}`."""
    return messages.user_from(name), UUID(name.rsplit("/", 1)[-1])


def recognition_to(recognition: Recognition) -> history_pb2.Recognition:
    """Writes a recognition."""
    return history_pb2.Recognition(
        name=f"{user_name(recognition.user_id)}/recognitions/{recognition.recognition_id}",
        create_time=time_to(recognition.create_time),
        clip_duration=duration_to(recognition.clip_seconds),
        matches=map(_track_to, recognition.matches),
        api_key_id=recognition.key_id,
        trace_id=recognition.trace_id,
    )


def place_token(place: Place, *question: object) -> str:
    """Returns the token of the page after a place; `question` as of `pages.token`."""
    microseconds = (place.create_time - _EPOCH) // _MICROSECOND
    return pages.token(place.recognition_number, *question, time=microseconds)


def page_start(token: str, *question: object) -> Place | None:
    """Returns the place a page begins after; None for the first page.

    Raises:
        PageTokenInvalidError: `place_token` did not make it, or of another question.
    """
    found = pages.place(token, *question)
    if found is None:
        return None
    microseconds, number = found
    try:
        return Place(_EPOCH + microseconds * _MICROSECOND, number)
    except OverflowError:
        raise PageTokenInvalidError from None


def _track_to(match: RecognizedTrack) -> history_pb2.RecognizedTrack:
    return history_pb2.RecognizedTrack(
        track_id=match.track_id,
        title=match.title,
        artist=match.artist,
        album=match.album,
        isrc=match.isrc,
        score=match.score,
        track_offset=duration_to(match.track_offset_seconds),
        clip_offset=duration_to(match.clip_offset_seconds),
        ambiguous=match.ambiguous,
    )
