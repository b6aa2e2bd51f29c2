import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sonica.user.v1 import history_pb2 as _history_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Activity(_message.Message):
    __slots__ = ("activity_id", "user", "api_key_id", "trace_id", "occur_time", "recognition", "track_ready", "import_finished")
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    API_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    OCCUR_TIME_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_FIELD_NUMBER: _ClassVar[int]
    TRACK_READY_FIELD_NUMBER: _ClassVar[int]
    IMPORT_FINISHED_FIELD_NUMBER: _ClassVar[int]
    activity_id: str
    user: str
    api_key_id: str
    trace_id: str
    occur_time: _timestamp_pb2.Timestamp
    recognition: RecognitionActivity
    track_ready: TrackReadyActivity
    import_finished: ImportFinishedActivity
    def __init__(self, activity_id: _Optional[str] = ..., user: _Optional[str] = ..., api_key_id: _Optional[str] = ..., trace_id: _Optional[str] = ..., occur_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recognition: _Optional[_Union[RecognitionActivity, _Mapping]] = ..., track_ready: _Optional[_Union[TrackReadyActivity, _Mapping]] = ..., import_finished: _Optional[_Union[ImportFinishedActivity, _Mapping]] = ...) -> None: ...

class RecognitionActivity(_message.Message):
    __slots__ = ("clip_duration", "matches")
    CLIP_DURATION_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    clip_duration: _duration_pb2.Duration
    matches: _containers.RepeatedCompositeFieldContainer[_history_pb2.RecognizedTrack]
    def __init__(self, clip_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., matches: _Optional[_Iterable[_Union[_history_pb2.RecognizedTrack, _Mapping]]] = ...) -> None: ...

class TrackReadyActivity(_message.Message):
    __slots__ = ("track_id", "external_id", "title", "artist", "album", "isrc", "duration")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    ALBUM_FIELD_NUMBER: _ClassVar[int]
    ISRC_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    external_id: str
    title: str
    artist: str
    album: str
    isrc: str
    duration: _duration_pb2.Duration
    def __init__(self, track_id: _Optional[str] = ..., external_id: _Optional[str] = ..., title: _Optional[str] = ..., artist: _Optional[str] = ..., album: _Optional[str] = ..., isrc: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ImportFinishedActivity(_message.Message):
    __slots__ = ("registered_count", "already_registered_count", "failed_count", "interrupted")
    REGISTERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    ALREADY_REGISTERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    INTERRUPTED_FIELD_NUMBER: _ClassVar[int]
    registered_count: int
    already_registered_count: int
    failed_count: int
    interrupted: bool
    def __init__(self, registered_count: _Optional[int] = ..., already_registered_count: _Optional[int] = ..., failed_count: _Optional[int] = ..., interrupted: _Optional[bool] = ...) -> None: ...
