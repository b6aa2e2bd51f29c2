"""Aim: which registered track a registration means, when several could be meant."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from match_svc.errors import ExternalIdTakenError, RequestIdReusedError
from match_svc.model import Description, Fingerprint, Registration, Track, TrackState
from match_svc.service import meant_track
from match_svc.stores.tracks import Claim

REQUEST = uuid4()
CONTENT, OTHER = b"c" * 32, b"o" * 32


def _claim(content: bytes, request_id: UUID | None = None, external_id: str = "") -> Claim:
    track = Track(
        track_number=1,
        track_id=uuid4(),
        description=Description(external_id=external_id),
        duration=0,
        state=TrackState.ACTIVE,
        algorithm_version=1,
        algorithm_versions=(1,),
        create_time=datetime.now(UTC),
        content_sha256=content,
        revision=1,
        update_time=datetime.now(UTC),
    )
    return Claim(track, request_id)


def _registration(request_id: UUID | None = REQUEST) -> Registration:
    fingerprint = Fingerprint(1, b"", b"", b"", 0)
    return Registration(Description(external_id="x"), fingerprint, CONTENT, request_id)


def test_nothing_claims_it() -> None:
    assert meant_track(_registration(), []) is None


def test_the_same_request_means_its_track() -> None:
    claim = _claim(CONTENT, REQUEST)
    assert meant_track(_registration(), [_claim(OTHER, None, "x"), claim]) == claim.track


def test_the_same_request_for_other_audio_is_refused_before_all_else() -> None:
    with pytest.raises(RequestIdReusedError):
        meant_track(_registration(), [_claim(CONTENT), _claim(OTHER, REQUEST)])


def test_the_same_audio_means_its_track_whatever_its_names() -> None:
    claim = _claim(CONTENT, uuid4(), "y")
    assert meant_track(_registration(), [claim]) == claim.track
    assert meant_track(_registration(None), [_claim(OTHER, None, "x"), claim]) == claim.track


def test_a_name_of_other_audio_is_refused() -> None:
    with pytest.raises(ExternalIdTakenError) as caught:
        meant_track(_registration(None), [_claim(OTHER, None, "x")])
    assert caught.value.metadata["external_id"] == "x"
