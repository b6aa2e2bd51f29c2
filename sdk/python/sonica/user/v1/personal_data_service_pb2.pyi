from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.user.v1 import social_log_in_pb2 as _social_log_in_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExportPersonalDataRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ExportPersonalDataResponse(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: _httpbody_pb2.HttpBody
    def __init__(self, content: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class EraseAccountRequest(_message.Message):
    __slots__ = ("name", "password", "social_log_in")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    SOCIAL_LOG_IN_FIELD_NUMBER: _ClassVar[int]
    name: str
    password: str
    social_log_in: _social_log_in_pb2.SocialLogIn
    def __init__(self, name: _Optional[str] = ..., password: _Optional[str] = ..., social_log_in: _Optional[_Union[_social_log_in_pb2.SocialLogIn, _Mapping]] = ...) -> None: ...

class EraseAccountResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
