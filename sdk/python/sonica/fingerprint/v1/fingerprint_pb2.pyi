import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FingerprintPurpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINGERPRINT_PURPOSE_UNSPECIFIED: _ClassVar[FingerprintPurpose]
    FINGERPRINT_PURPOSE_REFERENCE: _ClassVar[FingerprintPurpose]
    FINGERPRINT_PURPOSE_QUERY: _ClassVar[FingerprintPurpose]
FINGERPRINT_PURPOSE_UNSPECIFIED: FingerprintPurpose
FINGERPRINT_PURPOSE_REFERENCE: FingerprintPurpose
FINGERPRINT_PURPOSE_QUERY: FingerprintPurpose

class Fingerprint(_message.Message):
    __slots__ = ("algorithm_version", "purpose", "vectors_f16le", "active_windows", "landmarks", "duration")
    ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    VECTORS_F16LE_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_WINDOWS_FIELD_NUMBER: _ClassVar[int]
    LANDMARKS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    algorithm_version: int
    purpose: FingerprintPurpose
    vectors_f16le: bytes
    active_windows: bytes
    landmarks: bytes
    duration: _duration_pb2.Duration
    def __init__(self, algorithm_version: _Optional[int] = ..., purpose: _Optional[_Union[FingerprintPurpose, str]] = ..., vectors_f16le: _Optional[bytes] = ..., active_windows: _Optional[bytes] = ..., landmarks: _Optional[bytes] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
