"""The nouns of the catalogue. Times are microseconds unless the name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import NamedTuple
from uuid import UUID


class TrackState(StrEnum):
    """Where a track stands between PostgreSQL and the index; only ACTIVE ones are recognised."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    DELETING = "DELETING"


class Outcome(Enum):
    """What became of a registration."""

    REGISTERED = "REGISTERED"
    ALREADY_REGISTERED = "ALREADY_REGISTERED"


@dataclass(frozen=True, slots=True)
class Description:
    """What a registrant says about a recording; empty text and year 0 mean unknown."""

    external_id: str = ""
    title: str = ""
    artist: str = ""
    album: str = ""
    isrc: str = ""
    language: str = ""
    genre: str = ""
    year: int = 0
    source_uri: str = ""
    artists: tuple[str, ...] = ()
    external_ids: dict[str, str] = field(default_factory=dict)
    label: str = ""
    release_date: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """A registered recording: it stays what it is; what is said of it may change.

    Attributes:
        revision: counts the changes of `description`.
        update_time: of the last of them, else `create_time`.
        algorithm_version: extractor the catalogue is searched by.
        algorithm_versions: extractors of its stored fingerprints, ascending; none in a `Match`.
    """

    track_number: int
    track_id: UUID
    description: Description
    duration: int
    state: TrackState
    algorithm_version: int
    algorithm_versions: tuple[int, ...]
    create_time: datetime
    content_sha256: bytes
    revision: int
    update_time: datetime

    @property
    def etag(self) -> str:
        """Names the state of `description`; opaque to callers."""
        return str(self.revision)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A fingerprint in the layout of `sonica.fingerprint.v1.Fingerprint`."""

    algorithm_version: int
    vectors_f16le: bytes
    active_windows: bytes
    landmarks: bytes
    duration: int


@dataclass(frozen=True, slots=True)
class Registration:
    """A recording to be registered."""

    description: Description
    fingerprint: Fingerprint
    content_sha256: bytes
    request_id: UUID | None


class Generation(NamedTuple):
    """One copy of all vectors of one extractor.

    Attributes:
        algorithm_version: of the vectors.
        number: never used twice in a catalogue, by whatever extractor.
    """

    algorithm_version: int
    number: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The one row every write passes through.

    Attributes:
        epoch: changes with every change of what an answer can say, and never returns.
        algorithm_version: extractor the catalogue is searched by; every ACTIVE track has a
            fingerprint of it.
        serving: generation of the index that answers, of that version; None before there is one.
        building: generation that is being built beside it, of any version.
        building_cursor: last track number copied into `building`.
        active_track_count: ACTIVE tracks.
        active_window_count: vectors those have in `serving`.
        active_duration: their length together.
    """

    epoch: UUID
    algorithm_version: int
    serving: Generation | None
    building: Generation | None
    building_cursor: int
    active_track_count: int
    active_window_count: int
    active_duration: int

    @property
    def generations(self) -> tuple[Generation, ...]:
        """The generations a write has to reach, as far as a track has their fingerprints."""
        return tuple(generation for generation in (self.serving, self.building) if generation)


@dataclass(frozen=True, slots=True)
class Match:
    """One recording a clip may have been taken from; fields as in `sonica.matching.v1.Match`."""

    track: Track
    track_offset_seconds: float
    clip_offset_seconds: float
    matched_duration_seconds: float
    speed_factor: float
    score: float
    ambiguous: bool
    mean_cosine: float
    cosine_margin: float
    aligned_landmark_count: int
    clip_landmark_count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Accepted matches and, if asked for, the best of the rest; both surest first."""

    matches: tuple[Match, ...]
    rejected: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild of the index is, in tracks, and what it deleted of other extractors."""

    track_count: int
    total_track_count: int
    done: bool = False
    dropped_fingerprint_count: int = 0
