import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.rpc import status_pb2 as _status_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.audio.v1 import audio_pb2 as _audio_pb2
from sonica.catalog.v1 import import_service_pb2 as _import_service_pb2
from sonica.catalog.v1 import track_pb2 as _track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2 as _fingerprint_pb2
from sonica.matching.v1 import match_pb2 as _match_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecognizeRequest(_message.Message):
    __slots__ = ("audio", "fingerprint", "upload", "max_match_count", "include_rejected", "start_offset")
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    MAX_MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_REJECTED_FIELD_NUMBER: _ClassVar[int]
    START_OFFSET_FIELD_NUMBER: _ClassVar[int]
    audio: _audio_pb2.Audio
    fingerprint: _fingerprint_pb2.Fingerprint
    upload: _httpbody_pb2.HttpBody
    max_match_count: int
    include_rejected: bool
    start_offset: _duration_pb2.Duration
    def __init__(self, audio: _Optional[_Union[_audio_pb2.Audio, _Mapping]] = ..., fingerprint: _Optional[_Union[_fingerprint_pb2.Fingerprint, _Mapping]] = ..., upload: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ..., max_match_count: _Optional[int] = ..., include_rejected: _Optional[bool] = ..., start_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class RecognizeResponse(_message.Message):
    __slots__ = ("matches", "rejected", "analysed_duration", "timing", "trace_id")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    ANALYSED_DURATION_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[_match_pb2.Match]
    rejected: _containers.RepeatedCompositeFieldContainer[_match_pb2.Match]
    analysed_duration: _duration_pb2.Duration
    timing: Timing
    trace_id: str
    def __init__(self, matches: _Optional[_Iterable[_Union[_match_pb2.Match, _Mapping]]] = ..., rejected: _Optional[_Iterable[_Union[_match_pb2.Match, _Mapping]]] = ..., analysed_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., timing: _Optional[_Union[Timing, _Mapping]] = ..., trace_id: _Optional[str] = ...) -> None: ...

class Timing(_message.Message):
    __slots__ = ("decode_duration", "extract_duration", "search_duration", "align_duration", "total_duration")
    DECODE_DURATION_FIELD_NUMBER: _ClassVar[int]
    EXTRACT_DURATION_FIELD_NUMBER: _ClassVar[int]
    SEARCH_DURATION_FIELD_NUMBER: _ClassVar[int]
    ALIGN_DURATION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DURATION_FIELD_NUMBER: _ClassVar[int]
    decode_duration: _duration_pb2.Duration
    extract_duration: _duration_pb2.Duration
    search_duration: _duration_pb2.Duration
    align_duration: _duration_pb2.Duration
    total_duration: _duration_pb2.Duration
    def __init__(self, decode_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., extract_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., search_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., align_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., total_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class StreamingRecognizeRequest(_message.Message):
    __slots__ = ("config", "chunk")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    config: StreamingRecognizeConfig
    chunk: bytes
    def __init__(self, config: _Optional[_Union[StreamingRecognizeConfig, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class StreamingRecognizeConfig(_message.Message):
    __slots__ = ("format", "max_match_count")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    MAX_MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    format: _audio_pb2.AudioFormat
    max_match_count: int
    def __init__(self, format: _Optional[_Union[_audio_pb2.AudioFormat, _Mapping]] = ..., max_match_count: _Optional[int] = ...) -> None: ...

class StreamingRecognizeResponse(_message.Message):
    __slots__ = ("matches", "analysed_duration", "final", "trace_id")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    ANALYSED_DURATION_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[_match_pb2.Match]
    analysed_duration: _duration_pb2.Duration
    final: bool
    trace_id: str
    def __init__(self, matches: _Optional[_Iterable[_Union[_match_pb2.Match, _Mapping]]] = ..., analysed_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., final: _Optional[bool] = ..., trace_id: _Optional[str] = ...) -> None: ...

class RecognizeUploadRequest(_message.Message):
    __slots__ = ("upload", "format", "max_match_count")
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    MAX_MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    upload: _httpbody_pb2.HttpBody
    format: _audio_pb2.AudioFormat
    max_match_count: int
    def __init__(self, upload: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ..., format: _Optional[_Union[_audio_pb2.AudioFormat, _Mapping]] = ..., max_match_count: _Optional[int] = ...) -> None: ...

class RecognizeUploadResponse(_message.Message):
    __slots__ = ("matches", "analysed_duration", "final", "trace_id")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    ANALYSED_DURATION_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[_match_pb2.Match]
    analysed_duration: _duration_pb2.Duration
    final: bool
    trace_id: str
    def __init__(self, matches: _Optional[_Iterable[_Union[_match_pb2.Match, _Mapping]]] = ..., analysed_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., final: _Optional[bool] = ..., trace_id: _Optional[str] = ...) -> None: ...

class RegisterTrackRequest(_message.Message):
    __slots__ = ("audio", "upload", "track", "request_id", "algorithm_version")
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    audio: _audio_pb2.Audio
    upload: _httpbody_pb2.HttpBody
    track: _track_pb2.Track
    request_id: str
    algorithm_version: int
    def __init__(self, audio: _Optional[_Union[_audio_pb2.Audio, _Mapping]] = ..., upload: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ..., track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., request_id: _Optional[str] = ..., algorithm_version: _Optional[int] = ...) -> None: ...

class RegisterTrackResponse(_message.Message):
    __slots__ = ("track", "outcome")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    track: _track_pb2.Track
    outcome: _track_pb2.RegistrationOutcome
    def __init__(self, track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., outcome: _Optional[_Union[_track_pb2.RegistrationOutcome, str]] = ...) -> None: ...

class ImportTracksRequest(_message.Message):
    __slots__ = ("item", "chunk", "end_of_item")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_OF_ITEM_FIELD_NUMBER: _ClassVar[int]
    item: ImportItem
    chunk: bytes
    end_of_item: EndOfItem
    def __init__(self, item: _Optional[_Union[ImportItem, _Mapping]] = ..., chunk: _Optional[bytes] = ..., end_of_item: _Optional[_Union[EndOfItem, _Mapping]] = ...) -> None: ...

class ImportItem(_message.Message):
    __slots__ = ("item_id", "track", "format", "request_id", "algorithm_version")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    track: _track_pb2.Track
    format: _audio_pb2.AudioFormat
    request_id: str
    algorithm_version: int
    def __init__(self, item_id: _Optional[str] = ..., track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., format: _Optional[_Union[_audio_pb2.AudioFormat, _Mapping]] = ..., request_id: _Optional[str] = ..., algorithm_version: _Optional[int] = ...) -> None: ...

class EndOfItem(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ImportTracksResponse(_message.Message):
    __slots__ = ("progress", "result")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    progress: ImportProgress
    result: ImportResult
    def __init__(self, progress: _Optional[_Union[ImportProgress, _Mapping]] = ..., result: _Optional[_Union[ImportResult, _Mapping]] = ...) -> None: ...

class ImportProgress(_message.Message):
    __slots__ = ("item_id", "received_byte_count", "analysed_duration")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_BYTE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ANALYSED_DURATION_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    received_byte_count: int
    analysed_duration: _duration_pb2.Duration
    def __init__(self, item_id: _Optional[str] = ..., received_byte_count: _Optional[int] = ..., analysed_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ImportResult(_message.Message):
    __slots__ = ("item_id", "track", "outcome", "error")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    track: _track_pb2.Track
    outcome: _track_pb2.RegistrationOutcome
    error: _status_pb2.Status
    def __init__(self, item_id: _Optional[str] = ..., track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., outcome: _Optional[_Union[_track_pb2.RegistrationOutcome, str]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class UploadImportItemRequest(_message.Message):
    __slots__ = ("import_id", "item_id", "upload")
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    import_id: str
    item_id: str
    upload: _httpbody_pb2.HttpBody
    def __init__(self, import_id: _Optional[str] = ..., item_id: _Optional[str] = ..., upload: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class UploadImportItemResponse(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: _import_service_pb2.StoredImportItem
    def __init__(self, item: _Optional[_Union[_import_service_pb2.StoredImportItem, _Mapping]] = ...) -> None: ...
