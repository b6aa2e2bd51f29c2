from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.user.v1 import history_pb2 as _history_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExportFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_FORMAT_UNSPECIFIED: _ClassVar[ExportFormat]
    EXPORT_FORMAT_JSON_LINES: _ClassVar[ExportFormat]
    EXPORT_FORMAT_CSV: _ClassVar[ExportFormat]
EXPORT_FORMAT_UNSPECIFIED: ExportFormat
EXPORT_FORMAT_JSON_LINES: ExportFormat
EXPORT_FORMAT_CSV: ExportFormat

class ListRecognitionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    filter: _history_pb2.RecognitionFilter
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[_Union[_history_pb2.RecognitionFilter, _Mapping]] = ...) -> None: ...

class ListRecognitionsResponse(_message.Message):
    __slots__ = ("recognitions", "next_page_token")
    RECOGNITIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    recognitions: _containers.RepeatedCompositeFieldContainer[_history_pb2.Recognition]
    next_page_token: str
    def __init__(self, recognitions: _Optional[_Iterable[_Union[_history_pb2.Recognition, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ExportRecognitionsRequest(_message.Message):
    __slots__ = ("parent", "format", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    format: ExportFormat
    filter: _history_pb2.RecognitionFilter
    def __init__(self, parent: _Optional[str] = ..., format: _Optional[_Union[ExportFormat, str]] = ..., filter: _Optional[_Union[_history_pb2.RecognitionFilter, _Mapping]] = ...) -> None: ...

class ExportRecognitionsResponse(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: _httpbody_pb2.HttpBody
    def __init__(self, content: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class DeleteRecognitionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteRecognitionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClearHistoryRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ClearHistoryResponse(_message.Message):
    __slots__ = ("recognition_count",)
    RECOGNITION_COUNT_FIELD_NUMBER: _ClassVar[int]
    recognition_count: int
    def __init__(self, recognition_count: _Optional[int] = ...) -> None: ...
