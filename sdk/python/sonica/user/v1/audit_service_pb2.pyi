import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_ACTION_UNSPECIFIED: _ClassVar[AuditAction]
    AUDIT_ACTION_REGISTERED: _ClassVar[AuditAction]
    AUDIT_ACTION_ACCOUNT_UPDATED: _ClassVar[AuditAction]
    AUDIT_ACTION_PASSWORD_CHANGED: _ClassVar[AuditAction]
    AUDIT_ACTION_ROLE_CHANGED: _ClassVar[AuditAction]
    AUDIT_ACTION_LOGGED_IN: _ClassVar[AuditAction]
    AUDIT_ACTION_LOGIN_REFUSED: _ClassVar[AuditAction]
    AUDIT_ACTION_LOGGED_OUT: _ClassVar[AuditAction]
    AUDIT_ACTION_LOGGED_OUT_EVERYWHERE: _ClassVar[AuditAction]
    AUDIT_ACTION_REFRESH_REUSED: _ClassVar[AuditAction]
    AUDIT_ACTION_API_KEY_CREATED: _ClassVar[AuditAction]
    AUDIT_ACTION_API_KEY_ROTATED: _ClassVar[AuditAction]
    AUDIT_ACTION_API_KEY_REVOKED: _ClassVar[AuditAction]
    AUDIT_ACTION_ACCESS_DENIED: _ClassVar[AuditAction]
AUDIT_ACTION_UNSPECIFIED: AuditAction
AUDIT_ACTION_REGISTERED: AuditAction
AUDIT_ACTION_ACCOUNT_UPDATED: AuditAction
AUDIT_ACTION_PASSWORD_CHANGED: AuditAction
AUDIT_ACTION_ROLE_CHANGED: AuditAction
AUDIT_ACTION_LOGGED_IN: AuditAction
AUDIT_ACTION_LOGIN_REFUSED: AuditAction
AUDIT_ACTION_LOGGED_OUT: AuditAction
AUDIT_ACTION_LOGGED_OUT_EVERYWHERE: AuditAction
AUDIT_ACTION_REFRESH_REUSED: AuditAction
AUDIT_ACTION_API_KEY_CREATED: AuditAction
AUDIT_ACTION_API_KEY_ROTATED: AuditAction
AUDIT_ACTION_API_KEY_REVOKED: AuditAction
AUDIT_ACTION_ACCESS_DENIED: AuditAction

class AuditEvent(_message.Message):
    __slots__ = ("event_number", "create_time", "action", "actor", "user", "resource", "trace_id")
    EVENT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    event_number: int
    create_time: _timestamp_pb2.Timestamp
    action: AuditAction
    actor: str
    user: str
    resource: str
    trace_id: str
    def __init__(self, event_number: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., action: _Optional[_Union[AuditAction, str]] = ..., actor: _Optional[str] = ..., user: _Optional[str] = ..., resource: _Optional[str] = ..., trace_id: _Optional[str] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("user", "page_size", "page_token")
    USER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    user: str
    page_size: int
    page_token: str
    def __init__(self, user: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[AuditEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[AuditEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
