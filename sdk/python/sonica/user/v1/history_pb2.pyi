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

class RecognitionOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECOGNITION_OUTCOME_UNSPECIFIED: _ClassVar[RecognitionOutcome]
    RECOGNITION_OUTCOME_MATCHED: _ClassVar[RecognitionOutcome]
    RECOGNITION_OUTCOME_UNMATCHED: _ClassVar[RecognitionOutcome]
RECOGNITION_OUTCOME_UNSPECIFIED: RecognitionOutcome
RECOGNITION_OUTCOME_MATCHED: RecognitionOutcome
RECOGNITION_OUTCOME_UNMATCHED: RecognitionOutcome

class Recognition(_message.Message):
    __slots__ = ("name", "create_time", "clip_duration", "matches", "api_key_id", "trace_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CLIP_DURATION_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    API_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    create_time: _timestamp_pb2.Timestamp
    clip_duration: _duration_pb2.Duration
    matches: _containers.RepeatedCompositeFieldContainer[RecognizedTrack]
    api_key_id: str
    trace_id: str
    def __init__(self, name: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., clip_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., matches: _Optional[_Iterable[_Union[RecognizedTrack, _Mapping]]] = ..., api_key_id: _Optional[str] = ..., trace_id: _Optional[str] = ...) -> None: ...

class RecognizedTrack(_message.Message):
    __slots__ = ("track_id", "title", "artist", "album", "isrc", "score", "track_offset", "clip_offset", "ambiguous")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    ALBUM_FIELD_NUMBER: _ClassVar[int]
    ISRC_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    TRACK_OFFSET_FIELD_NUMBER: _ClassVar[int]
    CLIP_OFFSET_FIELD_NUMBER: _ClassVar[int]
    AMBIGUOUS_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    title: str
    artist: str
    album: str
    isrc: str
    score: float
    track_offset: _duration_pb2.Duration
    clip_offset: _duration_pb2.Duration
    ambiguous: bool
    def __init__(self, track_id: _Optional[str] = ..., title: _Optional[str] = ..., artist: _Optional[str] = ..., album: _Optional[str] = ..., isrc: _Optional[str] = ..., score: _Optional[float] = ..., track_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., clip_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ambiguous: _Optional[bool] = ...) -> None: ...

class RecognitionFilter(_message.Message):
    __slots__ = ("start_time", "end_time", "outcome", "track_id")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    outcome: RecognitionOutcome
    track_id: str
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcome: _Optional[_Union[RecognitionOutcome, str]] = ..., track_id: _Optional[str] = ...) -> None: ...
