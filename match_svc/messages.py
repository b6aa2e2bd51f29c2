"""Between the messages of the contracts and the nouns of the model."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from sonica.catalog.v1 import catalog_service_pb2, track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2
from sonica.matching.v1 import match_pb2

from match_svc.descriptions import describe, description_from
from match_svc.errors import FingerprintMalformedError
from match_svc.model import Fingerprint, Match, Registration, Track


def fingerprint_from(
    message: fingerprint_pb2.Fingerprint, purpose: fingerprint_pb2.FingerprintPurpose
) -> Fingerprint:
    """Reads a fingerprint that has to be of a purpose.

    Raises:
        FingerprintMalformedError: it is of another.
    """
    if message.purpose != purpose:
        names = fingerprint_pb2.FingerprintPurpose
        raise FingerprintMalformedError(
            f"the fingerprint has purpose {names.Name(message.purpose)}; "
            f"this call takes {names.Name(purpose)}",
            fault="PURPOSE",
        )
    return Fingerprint(
        algorithm_version=message.algorithm_version,
        vectors_f16le=message.vectors_f16le,
        active_windows=message.active_windows,
        landmarks=message.landmarks,
        duration=message.duration.ToMicroseconds(),
    )


def fingerprint_to(fingerprint: Fingerprint) -> fingerprint_pb2.Fingerprint:
    """Writes a stored fingerprint."""
    return fingerprint_pb2.Fingerprint(
        algorithm_version=fingerprint.algorithm_version,
        purpose=fingerprint_pb2.FINGERPRINT_PURPOSE_REFERENCE,
        vectors_f16le=fingerprint.vectors_f16le,
        active_windows=fingerprint.active_windows,
        landmarks=fingerprint.landmarks,
        duration=microseconds_to(fingerprint.duration),
    )


def registration_from(request: catalog_service_pb2.CreateTrackRequest) -> Registration:
    """Reads a registration.

    Raises:
        InvalidRequestError: as `description_from`.
        FingerprintMalformedError: the fingerprint is not of purpose REFERENCE.
    """
    return Registration(
        description=description_from(request.track),
        fingerprint=fingerprint_from(
            request.fingerprint, fingerprint_pb2.FINGERPRINT_PURPOSE_REFERENCE
        ),
        content_sha256=request.content_sha256,
        request_id=UUID(request.request_id) if request.request_id else None,
    )


def track_to(track: Track) -> track_pb2.Track:
    """Writes a track."""
    message = track_pb2.Track(
        track_id=str(track.track_id),
        duration=microseconds_to(track.duration),
        state=f"TRACK_STATE_{track.state}",
        algorithm_version=track.algorithm_version,
        algorithm_versions=track.algorithm_versions,
        create_time=time_to(track.create_time),
        content_sha256=track.content_sha256,
        update_time=time_to(track.update_time),
        etag=track.etag,
    )
    describe(message, track.description)
    return message


def match_to(match: Match) -> match_pb2.Match:
    """Writes a match."""
    clip_begin = match.clip_offset_seconds
    clip_end = clip_begin + match.matched_duration_seconds
    length = match.track.duration / 1e6

    def in_track(clip_seconds: float) -> Duration:
        at = match.track_offset_seconds + match.speed_factor * clip_seconds
        return seconds_to(min(max(at, 0.0), length))

    return match_pb2.Match(
        track=track_to(match.track),
        track_offset=seconds_to(match.track_offset_seconds),
        clip_offset=seconds_to(clip_begin),
        clip_end_offset=seconds_to(clip_end),
        track_begin_offset=in_track(clip_begin),
        track_end_offset=in_track(clip_end),
        matched_duration=seconds_to(match.matched_duration_seconds),
        speed_factor=match.speed_factor,
        score=match.score,
        ambiguous=match.ambiguous,
        evidence=match_pb2.Evidence(
            mean_cosine=match.mean_cosine,
            cosine_margin=match.cosine_margin,
            aligned_landmark_count=match.aligned_landmark_count,
            clip_landmark_count=match.clip_landmark_count,
        ),
    )


def time_to(time: datetime) -> Timestamp:
    """Writes a time."""
    message = Timestamp()
    message.FromDatetime(time)
    return message


def microseconds_to(microseconds: int) -> Duration:
    """Writes a length of time."""
    duration = Duration()
    duration.FromMicroseconds(microseconds)
    return duration


def seconds_to(seconds: float) -> Duration:
    """Writes a length of time, to the microsecond."""
    return microseconds_to(round(seconds * 1e6))
