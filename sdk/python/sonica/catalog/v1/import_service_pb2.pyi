import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.catalog.v1 import track_pb2 as _track_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ImportItemState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_ITEM_STATE_UNSPECIFIED: _ClassVar[ImportItemState]
    IMPORT_ITEM_STATE_WAITING: _ClassVar[ImportItemState]
    IMPORT_ITEM_STATE_SUCCEEDED: _ClassVar[ImportItemState]
    IMPORT_ITEM_STATE_FAILED: _ClassVar[ImportItemState]
IMPORT_ITEM_STATE_UNSPECIFIED: ImportItemState
IMPORT_ITEM_STATE_WAITING: ImportItemState
IMPORT_ITEM_STATE_SUCCEEDED: ImportItemState
IMPORT_ITEM_STATE_FAILED: ImportItemState

class CreateImportRequest(_message.Message):
    __slots__ = ("items", "request_id")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[NewImportItem]
    request_id: str
    def __init__(self, items: _Optional[_Iterable[_Union[NewImportItem, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class NewImportItem(_message.Message):
    __slots__ = ("item_id", "track")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    track: _track_pb2.Track
    def __init__(self, item_id: _Optional[str] = ..., track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ...) -> None: ...

class ImportMetadata(_message.Message):
    __slots__ = ("import_id", "item_count", "waiting_count", "succeeded_count", "failed_count", "failures", "create_time", "update_time", "end_time")
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    WAITING_COUNT_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    import_id: str
    item_count: int
    waiting_count: int
    succeeded_count: int
    failed_count: int
    failures: _containers.RepeatedCompositeFieldContainer[ImportFailure]
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, import_id: _Optional[str] = ..., item_count: _Optional[int] = ..., waiting_count: _Optional[int] = ..., succeeded_count: _Optional[int] = ..., failed_count: _Optional[int] = ..., failures: _Optional[_Iterable[_Union[ImportFailure, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ImportFailure(_message.Message):
    __slots__ = ("item_id", "error")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    error: _status_pb2.Status
    def __init__(self, item_id: _Optional[str] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class ImportSummary(_message.Message):
    __slots__ = ("registered_count", "already_registered_count", "failed_count")
    REGISTERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    ALREADY_REGISTERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    registered_count: int
    already_registered_count: int
    failed_count: int
    def __init__(self, registered_count: _Optional[int] = ..., already_registered_count: _Optional[int] = ..., failed_count: _Optional[int] = ...) -> None: ...

class StoredImportItem(_message.Message):
    __slots__ = ("item_id", "state", "track_id", "outcome", "error")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    state: ImportItemState
    track_id: str
    outcome: _track_pb2.RegistrationOutcome
    error: _status_pb2.Status
    def __init__(self, item_id: _Optional[str] = ..., state: _Optional[_Union[ImportItemState, str]] = ..., track_id: _Optional[str] = ..., outcome: _Optional[_Union[_track_pb2.RegistrationOutcome, str]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class ListImportItemsRequest(_message.Message):
    __slots__ = ("import_id", "page_size", "page_token")
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    import_id: str
    page_size: int
    page_token: str
    def __init__(self, import_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListImportItemsResponse(_message.Message):
    __slots__ = ("items", "next_page_token")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[StoredImportItem]
    next_page_token: str
    def __init__(self, items: _Optional[_Iterable[_Union[StoredImportItem, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class OpenImportItemRequest(_message.Message):
    __slots__ = ("import_id", "item_id")
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    import_id: str
    item_id: str
    def __init__(self, import_id: _Optional[str] = ..., item_id: _Optional[str] = ...) -> None: ...

class OpenImportItemResponse(_message.Message):
    __slots__ = ("item", "track", "request_id")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    item: StoredImportItem
    track: _track_pb2.Track
    request_id: str
    def __init__(self, item: _Optional[_Union[StoredImportItem, _Mapping]] = ..., track: _Optional[_Union[_track_pb2.Track, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class FinishImportItemRequest(_message.Message):
    __slots__ = ("import_id", "item")
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    import_id: str
    item: StoredImportItem
    def __init__(self, import_id: _Optional[str] = ..., item: _Optional[_Union[StoredImportItem, _Mapping]] = ...) -> None: ...

class FinishImportItemResponse(_message.Message):
    __slots__ = ("item", "summary")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    item: StoredImportItem
    summary: ImportSummary
    def __init__(self, item: _Optional[_Union[StoredImportItem, _Mapping]] = ..., summary: _Optional[_Union[ImportSummary, _Mapping]] = ...) -> None: ...
