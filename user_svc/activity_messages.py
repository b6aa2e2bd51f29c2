"""Reads reported activities."""

from __future__ import annotations

from datetime import datetime

from sonica.user.v1 import activity_pb2, history_pb2

from user_svc import messages
from user_svc.activity import Activity, ImportFinished, RecognitionDone, TrackReady
from user_svc.messages import seconds_from
from user_svc.recognition import RecognizedTrack

_OPERATOR = "operator"


def activity_from(reported: activity_pb2.Activity) -> Activity:
    """Reads one activity.

    Raises:
        InvalidRequestError: its time is none of the years 1 to 9999.
    """
    occur_time = messages.time_from(reported, "occur_time")
    assert isinstance(occur_time, datetime)  # noqa: S101 - its contract requires it
    return Activity(
        activity_id=messages.uuid_from(reported.activity_id),
        user_id=None if reported.user == _OPERATOR else messages.user_from(reported.user),
        key_id=reported.api_key_id,
        trace_id=reported.trace_id,
        occur_time=occur_time,
        detail=_detail_from(reported),
    )


def _detail_from(
    reported: activity_pb2.Activity,
) -> RecognitionDone | TrackReady | ImportFinished:
    kind = reported.WhichOneof("detail")
    if kind == "recognition":
        recognition = reported.recognition
        return RecognitionDone(
            seconds_from(recognition.clip_duration), tuple(map(_track_from, recognition.matches))
        )
    if kind == "track_ready":
        track = reported.track_ready
        return TrackReady(
            track_id=track.track_id,
            external_id=track.external_id,
            title=track.title,
            artist=track.artist,
            album=track.album,
            isrc=track.isrc,
            duration_seconds=seconds_from(track.duration),
        )
    ended = reported.import_finished
    return ImportFinished(
        registered_count=ended.registered_count,
        already_registered_count=ended.already_registered_count,
        failed_count=ended.failed_count,
        interrupted=ended.interrupted,
    )


def _track_from(match: history_pb2.RecognizedTrack) -> RecognizedTrack:
    return RecognizedTrack(
        track_id=match.track_id,
        title=match.title,
        artist=match.artist,
        album=match.album,
        isrc=match.isrc,
        score=match.score,
        track_offset_seconds=seconds_from(match.track_offset),
        clip_offset_seconds=seconds_from(match.clip_offset),
        ambiguous=match.ambiguous,
    )
