import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from sonica.catalog.v1 import track_pb2 as _track_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Match(_message.Message):
    __slots__ = ("track", "track_offset", "clip_offset", "matched_duration", "speed_factor", "score", "ambiguous", "evidence", "clip_end_offset", "track_begin_offset", "track_end_offset")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    TRACK_OFFSET_FIELD_NUMBER: _ClassVar[int]
    CLIP_OFFSET_FIELD_NUMBER: _ClassVar[int]
    MATCHED_DURATION_FIELD_NUMBER: _ClassVar[int]
    SPEED_FACTOR_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    AMBIGUOUS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    CLIP_END_OFFSET_FIELD_NUMBER: _ClassVar[int]
    TRACK_BEGIN_OFFSET_FIELD_NUMBER: _ClassVar[int]
    TRACK_END_OFFSET_FIELD_NUMBER: _ClassVar[int]
    track: _track_pb2.Track
    track_offset: _duration_pb2.Duration
    clip_offset: _duration_pb2.Duration
    matched_duration: _duration_pb2.Duration
    speed_factor: float
    score: float
    ambiguous: bool
    evidence: Evidence
    clip_end_offset: _duration_pb2.Duration
    track_begin_offset: _duration_pb2.Duration
    track_end_offset: _duration_pb2.Duration
    def __init__(self, track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., track_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., clip_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., matched_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., speed_factor: _Optional[float] = ..., score: _Optional[float] = ..., ambiguous: _Optional[bool] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ..., clip_end_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., track_begin_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., track_end_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("mean_cosine", "cosine_margin", "aligned_landmark_count", "clip_landmark_count")
    MEAN_COSINE_FIELD_NUMBER: _ClassVar[int]
    COSINE_MARGIN_FIELD_NUMBER: _ClassVar[int]
    ALIGNED_LANDMARK_COUNT_FIELD_NUMBER: _ClassVar[int]
    CLIP_LANDMARK_COUNT_FIELD_NUMBER: _ClassVar[int]
    mean_cosine: float
    cosine_margin: float
    aligned_landmark_count: int
    clip_landmark_count: int
    def __init__(self, mean_cosine: _Optional[float] = ..., cosine_margin: _Optional[float] = ..., aligned_landmark_count: _Optional[int] = ..., clip_landmark_count: _Optional[int] = ...) -> None: ...
