from buf.validate import validate_pb2 as _validate_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.user.v1 import activity_pb2 as _activity_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReportActivityRequest(_message.Message):
    __slots__ = ("activities",)
    ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    activities: _containers.RepeatedCompositeFieldContainer[_activity_pb2.Activity]
    def __init__(self, activities: _Optional[_Iterable[_Union[_activity_pb2.Activity, _Mapping]]] = ...) -> None: ...

class ReportActivityResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
