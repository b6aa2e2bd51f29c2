import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Usage(_message.Message):
    __slots__ = ("name", "requests", "recognitions", "key_recognitions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    RECOGNITIONS_FIELD_NUMBER: _ClassVar[int]
    KEY_RECOGNITIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    requests: Allowance
    recognitions: Allowance
    key_recognitions: Allowance
    def __init__(self, name: _Optional[str] = ..., requests: _Optional[_Union[Allowance, _Mapping]] = ..., recognitions: _Optional[_Union[Allowance, _Mapping]] = ..., key_recognitions: _Optional[_Union[Allowance, _Mapping]] = ...) -> None: ...

class Allowance(_message.Message):
    __slots__ = ("limit", "used", "remaining", "reset_time", "unlimited")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    RESET_TIME_FIELD_NUMBER: _ClassVar[int]
    UNLIMITED_FIELD_NUMBER: _ClassVar[int]
    limit: int
    used: int
    remaining: int
    reset_time: _timestamp_pb2.Timestamp
    unlimited: bool
    def __init__(self, limit: _Optional[int] = ..., used: _Optional[int] = ..., remaining: _Optional[int] = ..., reset_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., unlimited: _Optional[bool] = ...) -> None: ...
