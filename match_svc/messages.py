"""Between the messages of the contracts and the nouns of the model."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import fields
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from sonica.catalog.v1 import catalog_service_pb2, track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2
from sonica.matching.v1 import match_pb2

from match_svc.errors import FingerprintMalformedError, PageTokenInvalidError
from match_svc.model import Description, Fingerprint, Match, Registration, Track
from mesh.runtime.errors import InvalidRequestError

_TOKEN = struct.Struct(">BQ")
_TOKEN_VERSION = 1
_TRACK_NUMBER_MAX = 2**43 - 1
_TEXTS = tuple(field.name for field in fields(Description) if field.name != "year")


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
        InvalidRequestError: a text holds a NUL character, which PostgreSQL cannot store.
        FingerprintMalformedError: the fingerprint is not of purpose REFERENCE.
    """
    track = request.track
    for name in _TEXTS:
        if "\0" in getattr(track, name):
            raise InvalidRequestError(
                "sonica.catalog", [(f"track.{name}", "NUL", "must not contain NUL characters")]
            )
    return Registration(
        description=Description(year=track.year, **{name: getattr(track, name) for name in _TEXTS}),
        fingerprint=fingerprint_from(
            request.fingerprint, fingerprint_pb2.FINGERPRINT_PURPOSE_REFERENCE
        ),
        content_sha256=request.content_sha256,
        request_id=UUID(request.request_id) if request.request_id else None,
    )


def track_to(track: Track) -> track_pb2.Track:
    """Writes a track."""
    create_time = Timestamp()
    create_time.FromDatetime(track.create_time)
    about = track.description
    return track_pb2.Track(
        track_id=str(track.track_id),
        duration=microseconds_to(track.duration),
        state=f"TRACK_STATE_{track.state}",
        algorithm_version=track.algorithm_version,
        algorithm_versions=track.algorithm_versions,
        create_time=create_time,
        content_sha256=track.content_sha256,
        year=about.year,
        **{name: getattr(about, name) for name in _TEXTS},
    )


def match_to(match: Match) -> match_pb2.Match:
    """Writes a match."""
    return match_pb2.Match(
        track=track_to(match.track),
        track_offset=seconds_to(match.track_offset_seconds),
        clip_offset=seconds_to(match.clip_offset_seconds),
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


def microseconds_to(microseconds: int) -> Duration:
    """Writes a length of time."""
    duration = Duration()
    duration.FromMicroseconds(microseconds)
    return duration


def seconds_to(seconds: float) -> Duration:
    """Writes a length of time, to the microsecond."""
    return microseconds_to(round(seconds * 1e6))


def page_token(track_number: int) -> str:
    """Returns the token of the page after a track."""
    return base64.urlsafe_b64encode(_TOKEN.pack(_TOKEN_VERSION, track_number)).decode()


def page_start(token: str) -> int:
    """Returns the track number a page begins after; 0 for the first page.

    Raises:
        PageTokenInvalidError: `page_token` did not make it.
    """
    if not token:
        return 0
    try:
        version, number = _TOKEN.unpack(base64.b64decode(token, b"-_", validate=True))
    except (binascii.Error, ValueError, struct.error):
        version, number = 0, 0
    if version != _TOKEN_VERSION or not 0 < number <= _TRACK_NUMBER_MAX:
        raise PageTokenInvalidError(
            "page_token is not one of ours; send next_page_token as it was, or nothing"
        )
    return int(number)
