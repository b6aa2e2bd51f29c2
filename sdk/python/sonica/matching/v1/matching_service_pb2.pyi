import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.fingerprint.v1 import fingerprint_pb2 as _fingerprint_pb2
from sonica.matching.v1 import match_pb2 as _match_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FindMatchesRequest(_message.Message):
    __slots__ = ("fingerprint", "max_match_count", "include_rejected")
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    MAX_MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_REJECTED_FIELD_NUMBER: _ClassVar[int]
    fingerprint: _fingerprint_pb2.Fingerprint
    max_match_count: int
    include_rejected: bool
    def __init__(self, fingerprint: _Optional[_Union[_fingerprint_pb2.Fingerprint, _Mapping]] = ..., max_match_count: _Optional[int] = ..., include_rejected: _Optional[bool] = ...) -> None: ...

class FindMatchesResponse(_message.Message):
    __slots__ = ("matches", "rejected", "search_duration", "align_duration")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    SEARCH_DURATION_FIELD_NUMBER: _ClassVar[int]
    ALIGN_DURATION_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[_match_pb2.Match]
    rejected: _containers.RepeatedCompositeFieldContainer[_match_pb2.Match]
    search_duration: _duration_pb2.Duration
    align_duration: _duration_pb2.Duration
    def __init__(self, matches: _Optional[_Iterable[_Union[_match_pb2.Match, _Mapping]]] = ..., rejected: _Optional[_Iterable[_Union[_match_pb2.Match, _Mapping]]] = ..., search_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., align_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
