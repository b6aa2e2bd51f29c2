import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.catalog.v1 import track_pb2 as _track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2 as _fingerprint_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateTrackRequest(_message.Message):
    __slots__ = ("track", "fingerprint", "content_sha256", "request_id")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    track: _track_pb2.Track
    fingerprint: _fingerprint_pb2.Fingerprint
    content_sha256: bytes
    request_id: str
    def __init__(self, track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., fingerprint: _Optional[_Union[_fingerprint_pb2.Fingerprint, _Mapping]] = ..., content_sha256: _Optional[bytes] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateTrackResponse(_message.Message):
    __slots__ = ("track", "outcome")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    track: _track_pb2.Track
    outcome: _track_pb2.RegistrationOutcome
    def __init__(self, track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., outcome: _Optional[_Union[_track_pb2.RegistrationOutcome, str]] = ...) -> None: ...

class GetTrackRequest(_message.Message):
    __slots__ = ("track_id",)
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    def __init__(self, track_id: _Optional[str] = ...) -> None: ...

class GetTrackResponse(_message.Message):
    __slots__ = ("track",)
    TRACK_FIELD_NUMBER: _ClassVar[int]
    track: _track_pb2.Track
    def __init__(self, track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ...) -> None: ...

class ListTracksRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "order_by")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: str
    order_by: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListTracksResponse(_message.Message):
    __slots__ = ("tracks", "next_page_token", "total_count")
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    tracks: _containers.RepeatedCompositeFieldContainer[_track_pb2.Track]
    next_page_token: str
    total_count: int
    def __init__(self, tracks: _Optional[_Iterable[_Union[_track_pb2.Track, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_count: _Optional[int] = ...) -> None: ...

class SearchTracksRequest(_message.Message):
    __slots__ = ("query", "page_size", "page_token")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    query: str
    page_size: int
    page_token: str
    def __init__(self, query: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SearchTracksResponse(_message.Message):
    __slots__ = ("results", "next_page_token")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[TrackSearchResult]
    next_page_token: str
    def __init__(self, results: _Optional[_Iterable[_Union[TrackSearchResult, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class TrackSearchResult(_message.Message):
    __slots__ = ("track", "relevance")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    RELEVANCE_FIELD_NUMBER: _ClassVar[int]
    track: _track_pb2.Track
    relevance: float
    def __init__(self, track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., relevance: _Optional[float] = ...) -> None: ...

class UpdateTrackRequest(_message.Message):
    __slots__ = ("track", "update_mask")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    track: _track_pb2.Track
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateTrackResponse(_message.Message):
    __slots__ = ("track",)
    TRACK_FIELD_NUMBER: _ClassVar[int]
    track: _track_pb2.Track
    def __init__(self, track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ...) -> None: ...

class LookupTracksRequest(_message.Message):
    __slots__ = ("content_sha256s",)
    CONTENT_SHA256S_FIELD_NUMBER: _ClassVar[int]
    content_sha256s: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, content_sha256s: _Optional[_Iterable[bytes]] = ...) -> None: ...

class LookupTracksResponse(_message.Message):
    __slots__ = ("tracks",)
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    tracks: _containers.RepeatedCompositeFieldContainer[_track_pb2.Track]
    def __init__(self, tracks: _Optional[_Iterable[_Union[_track_pb2.Track, _Mapping]]] = ...) -> None: ...

class DeleteTrackRequest(_message.Message):
    __slots__ = ("track_id",)
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    def __init__(self, track_id: _Optional[str] = ...) -> None: ...

class DeleteTrackResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTrackFingerprintRequest(_message.Message):
    __slots__ = ("track_id",)
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    def __init__(self, track_id: _Optional[str] = ...) -> None: ...

class GetTrackFingerprintResponse(_message.Message):
    __slots__ = ("fingerprint",)
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    fingerprint: _fingerprint_pb2.Fingerprint
    def __init__(self, fingerprint: _Optional[_Union[_fingerprint_pb2.Fingerprint, _Mapping]] = ...) -> None: ...

class RebuildIndexRequest(_message.Message):
    __slots__ = ("algorithm_version", "drop_other_versions")
    ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    DROP_OTHER_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    algorithm_version: int
    drop_other_versions: bool
    def __init__(self, algorithm_version: _Optional[int] = ..., drop_other_versions: _Optional[bool] = ...) -> None: ...

class RebuildIndexResponse(_message.Message):
    __slots__ = ("track_count", "total_track_count", "done", "dropped_fingerprint_count")
    TRACK_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_TRACK_COUNT_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FINGERPRINT_COUNT_FIELD_NUMBER: _ClassVar[int]
    track_count: int
    total_track_count: int
    done: bool
    dropped_fingerprint_count: int
    def __init__(self, track_count: _Optional[int] = ..., total_track_count: _Optional[int] = ..., done: _Optional[bool] = ..., dropped_fingerprint_count: _Optional[int] = ...) -> None: ...

class GetCatalogStatisticsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCatalogStatisticsResponse(_message.Message):
    __slots__ = ("active_track_count", "pending_track_count", "total_duration", "vector_count", "algorithm_version", "current_algorithm_version", "building_algorithm_version", "coverages")
    ACTIVE_TRACK_COUNT_FIELD_NUMBER: _ClassVar[int]
    PENDING_TRACK_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DURATION_FIELD_NUMBER: _ClassVar[int]
    VECTOR_COUNT_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    CURRENT_ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUILDING_ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    COVERAGES_FIELD_NUMBER: _ClassVar[int]
    active_track_count: int
    pending_track_count: int
    total_duration: _duration_pb2.Duration
    vector_count: int
    algorithm_version: int
    current_algorithm_version: int
    building_algorithm_version: int
    coverages: _containers.RepeatedCompositeFieldContainer[AlgorithmCoverage]
    def __init__(self, active_track_count: _Optional[int] = ..., pending_track_count: _Optional[int] = ..., total_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vector_count: _Optional[int] = ..., algorithm_version: _Optional[int] = ..., current_algorithm_version: _Optional[int] = ..., building_algorithm_version: _Optional[int] = ..., coverages: _Optional[_Iterable[_Union[AlgorithmCoverage, _Mapping]]] = ...) -> None: ...

class AlgorithmCoverage(_message.Message):
    __slots__ = ("algorithm_version", "track_count")
    ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRACK_COUNT_FIELD_NUMBER: _ClassVar[int]
    algorithm_version: int
    track_count: int
    def __init__(self, algorithm_version: _Optional[int] = ..., track_count: _Optional[int] = ...) -> None: ...
