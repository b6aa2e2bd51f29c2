"""Aim: what a message says is what the model means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from match_svc.messages import match_to, microseconds_to, seconds_to, track_to
from match_svc.model import Description, Match, Track, TrackState


def test_times_keep_their_sign() -> None:
    assert seconds_to(-1.25).ToMicroseconds() == -1_250_000
    assert seconds_to(-0.25).ToMicroseconds() == -250_000
    assert microseconds_to(86_400_000_000).seconds == 86_400


NOW = datetime(2026, 11, 21, tzinfo=UTC)
TRACK = Track(
    track_number=1,
    track_id=UUID(int=1),
    description=Description(title="Yaman"),
    duration=60_000_000,
    state=TrackState.ACTIVE,
    algorithm_version=1,
    algorithm_versions=(),
    create_time=NOW,
    content_sha256=b"",
    revision=3,
    update_time=NOW,
)


def matched(offset: float, clip_offset: float, length: float, speed: float) -> tuple[float, ...]:
    """Returns where the passage ends in the clip, begins and ends in the track."""
    match = Match(TRACK, offset, clip_offset, length, speed, 1, False, 1, 1, 1, 1)
    message = match_to(match)
    ends = (message.clip_end_offset, message.track_begin_offset, message.track_end_offset)
    return tuple(end.ToMicroseconds() / 1e6 for end in ends)


def test_a_passage_has_both_ends_in_clip_and_track() -> None:
    assert matched(10.0, 0.5, 4.0, 1.0) == (4.5, 10.5, 14.5)
    assert matched(10.0, 1.0, 4.0, 1.05) == (5.0, 11.05, 15.25)


def test_a_passage_stays_inside_its_track() -> None:
    assert matched(-2.0, 1.9, 4.0, 1.0) == (5.9, 0.0, 3.9)
    assert matched(57.0, 0.0, 4.0, 1.0) == (4.0, 57.0, 60.0)


def artists(artist: str, *names: str) -> tuple[str, list[str]]:
    about = Description(artist=artist, artists=names)
    message = track_to(replace(TRACK, description=about))
    return message.artist, list(message.artists)


def test_one_form_of_the_artists_stands_for_the_other() -> None:
    assert artists("") == ("", [])
    assert artists("Earth, Wind & Fire") == ("Earth, Wind & Fire", ["Earth, Wind & Fire"])
    assert artists("", "Lata", "Kishore") == ("Lata, Kishore", ["Lata", "Kishore"])
    assert artists("L & K", "Lata", "Kishore") == ("L & K", ["Lata", "Kishore"])
