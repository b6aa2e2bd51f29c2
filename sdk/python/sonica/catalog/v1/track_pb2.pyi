import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TrackState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACK_STATE_UNSPECIFIED: _ClassVar[TrackState]
    TRACK_STATE_PENDING: _ClassVar[TrackState]
    TRACK_STATE_ACTIVE: _ClassVar[TrackState]
    TRACK_STATE_DELETING: _ClassVar[TrackState]

class RegistrationOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REGISTRATION_OUTCOME_UNSPECIFIED: _ClassVar[RegistrationOutcome]
    REGISTRATION_OUTCOME_REGISTERED: _ClassVar[RegistrationOutcome]
    REGISTRATION_OUTCOME_ALREADY_REGISTERED: _ClassVar[RegistrationOutcome]
TRACK_STATE_UNSPECIFIED: TrackState
TRACK_STATE_PENDING: TrackState
TRACK_STATE_ACTIVE: TrackState
TRACK_STATE_DELETING: TrackState
REGISTRATION_OUTCOME_UNSPECIFIED: RegistrationOutcome
REGISTRATION_OUTCOME_REGISTERED: RegistrationOutcome
REGISTRATION_OUTCOME_ALREADY_REGISTERED: RegistrationOutcome

class Track(_message.Message):
    __slots__ = ("track_id", "external_id", "title", "artist", "album", "isrc", "language", "genre", "year", "source_uri", "duration", "state", "algorithm_version", "create_time", "content_sha256", "algorithm_versions", "artists", "external_ids", "label", "release_date", "update_time", "etag")
    class ExternalIdsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    ALBUM_FIELD_NUMBER: _ClassVar[int]
    ISRC_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    GENRE_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_URI_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_IDS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    RELEASE_DATE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    external_id: str
    title: str
    artist: str
    album: str
    isrc: str
    language: str
    genre: str
    year: int
    source_uri: str
    duration: _duration_pb2.Duration
    state: TrackState
    algorithm_version: int
    create_time: _timestamp_pb2.Timestamp
    content_sha256: bytes
    algorithm_versions: _containers.RepeatedScalarFieldContainer[int]
    artists: _containers.RepeatedScalarFieldContainer[str]
    external_ids: _containers.ScalarMap[str, str]
    label: str
    release_date: str
    update_time: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, track_id: _Optional[str] = ..., external_id: _Optional[str] = ..., title: _Optional[str] = ..., artist: _Optional[str] = ..., album: _Optional[str] = ..., isrc: _Optional[str] = ..., language: _Optional[str] = ..., genre: _Optional[str] = ..., year: _Optional[int] = ..., source_uri: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., state: _Optional[_Union[TrackState, str]] = ..., algorithm_version: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., content_sha256: _Optional[bytes] = ..., algorithm_versions: _Optional[_Iterable[int]] = ..., artists: _Optional[_Iterable[str]] = ..., external_ids: _Optional[_Mapping[str, str]] = ..., label: _Optional[str] = ..., release_date: _Optional[str] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...
