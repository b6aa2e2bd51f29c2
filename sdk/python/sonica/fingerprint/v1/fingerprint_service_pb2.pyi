import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.audio.v1 import audio_pb2 as _audio_pb2
from sonica.fingerprint.v1 import fingerprint_pb2 as _fingerprint_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExtractionConfig(_message.Message):
    __slots__ = ("purpose", "start_offset", "max_duration", "algorithm_version")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    START_OFFSET_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_VERSION_FIELD_NUMBER: _ClassVar[int]
    purpose: _fingerprint_pb2.FingerprintPurpose
    start_offset: _duration_pb2.Duration
    max_duration: _duration_pb2.Duration
    algorithm_version: int
    def __init__(self, purpose: _Optional[_Union[_fingerprint_pb2.FingerprintPurpose, str]] = ..., start_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., algorithm_version: _Optional[int] = ...) -> None: ...

class ExtractFingerprintRequest(_message.Message):
    __slots__ = ("config", "audio", "pitch_factors")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    PITCH_FACTORS_FIELD_NUMBER: _ClassVar[int]
    config: ExtractionConfig
    audio: _audio_pb2.Audio
    pitch_factors: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, config: _Optional[_Union[ExtractionConfig, _Mapping]] = ..., audio: _Optional[_Union[_audio_pb2.Audio, _Mapping]] = ..., pitch_factors: _Optional[_Iterable[float]] = ...) -> None: ...

class ExtractFingerprintResponse(_message.Message):
    __slots__ = ("fingerprint", "decode_duration", "extract_duration", "pitched_fingerprints")
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DECODE_DURATION_FIELD_NUMBER: _ClassVar[int]
    EXTRACT_DURATION_FIELD_NUMBER: _ClassVar[int]
    PITCHED_FINGERPRINTS_FIELD_NUMBER: _ClassVar[int]
    fingerprint: _fingerprint_pb2.Fingerprint
    decode_duration: _duration_pb2.Duration
    extract_duration: _duration_pb2.Duration
    pitched_fingerprints: _containers.RepeatedCompositeFieldContainer[_fingerprint_pb2.Fingerprint]
    def __init__(self, fingerprint: _Optional[_Union[_fingerprint_pb2.Fingerprint, _Mapping]] = ..., decode_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., extract_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., pitched_fingerprints: _Optional[_Iterable[_Union[_fingerprint_pb2.Fingerprint, _Mapping]]] = ...) -> None: ...

class StreamFingerprintRequest(_message.Message):
    __slots__ = ("config", "chunk")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    config: StreamConfig
    chunk: bytes
    def __init__(self, config: _Optional[_Union[StreamConfig, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class StreamConfig(_message.Message):
    __slots__ = ("extraction", "format")
    EXTRACTION_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    extraction: ExtractionConfig
    format: _audio_pb2.AudioFormat
    def __init__(self, extraction: _Optional[_Union[ExtractionConfig, _Mapping]] = ..., format: _Optional[_Union[_audio_pb2.AudioFormat, _Mapping]] = ...) -> None: ...

class StreamFingerprintResponse(_message.Message):
    __slots__ = ("part", "first_row", "final", "content_sha256")
    PART_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    part: _fingerprint_pb2.Fingerprint
    first_row: int
    final: bool
    content_sha256: bytes
    def __init__(self, part: _Optional[_Union[_fingerprint_pb2.Fingerprint, _Mapping]] = ..., first_row: _Optional[int] = ..., final: _Optional[bool] = ..., content_sha256: _Optional[bytes] = ...) -> None: ...
