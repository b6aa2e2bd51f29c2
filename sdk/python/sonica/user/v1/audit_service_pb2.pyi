import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sonica.access.v1 import access_pb2 as _access_pb2
from sonica.user.v1 import account_pb2 as _account_pb2
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
    AUDIT_ACTION_HISTORY_CLEARED: _ClassVar[AuditAction]
    AUDIT_ACTION_PERSONAL_DATA_EXPORTED: _ClassVar[AuditAction]
    AUDIT_ACTION_ACCOUNT_ERASED: _ClassVar[AuditAction]
    AUDIT_ACTION_WEBHOOK_CREATED: _ClassVar[AuditAction]
    AUDIT_ACTION_WEBHOOK_UPDATED: _ClassVar[AuditAction]
    AUDIT_ACTION_WEBHOOK_DELETED: _ClassVar[AuditAction]
    AUDIT_ACTION_WEBHOOK_SECRET_ROTATED: _ClassVar[AuditAction]
    AUDIT_ACTION_WEBHOOK_DISABLED: _ClassVar[AuditAction]
    AUDIT_ACTION_IDENTITY_LINKED: _ClassVar[AuditAction]
    AUDIT_ACTION_IDENTITY_UNLINKED: _ClassVar[AuditAction]
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
AUDIT_ACTION_HISTORY_CLEARED: AuditAction
AUDIT_ACTION_PERSONAL_DATA_EXPORTED: AuditAction
AUDIT_ACTION_ACCOUNT_ERASED: AuditAction
AUDIT_ACTION_WEBHOOK_CREATED: AuditAction
AUDIT_ACTION_WEBHOOK_UPDATED: AuditAction
AUDIT_ACTION_WEBHOOK_DELETED: AuditAction
AUDIT_ACTION_WEBHOOK_SECRET_ROTATED: AuditAction
AUDIT_ACTION_WEBHOOK_DISABLED: AuditAction
AUDIT_ACTION_IDENTITY_LINKED: AuditAction
AUDIT_ACTION_IDENTITY_UNLINKED: AuditAction

class AuditEvent(_message.Message):
    __slots__ = ("event_number", "create_time", "action", "actor", "user", "resource", "trace_id", "old_role", "new_role", "occurrence_count")
    EVENT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    OLD_ROLE_FIELD_NUMBER: _ClassVar[int]
    NEW_ROLE_FIELD_NUMBER: _ClassVar[int]
    OCCURRENCE_COUNT_FIELD_NUMBER: _ClassVar[int]
    event_number: int
    create_time: _timestamp_pb2.Timestamp
    action: AuditAction
    actor: str
    user: str
    resource: str
    trace_id: str
    old_role: _account_pb2.Role
    new_role: _account_pb2.Role
    occurrence_count: int
    def __init__(self, event_number: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., action: _Optional[_Union[AuditAction, str]] = ..., actor: _Optional[str] = ..., user: _Optional[str] = ..., resource: _Optional[str] = ..., trace_id: _Optional[str] = ..., old_role: _Optional[_Union[_account_pb2.Role, str]] = ..., new_role: _Optional[_Union[_account_pb2.Role, str]] = ..., occurrence_count: _Optional[int] = ...) -> None: ...

class ListAuditEventsRequest(_message.Message):
    __slots__ = ("user", "page_size", "page_token", "actions", "start_time", "end_time")
    USER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    user: str
    page_size: int
    page_token: str
    actions: _containers.RepeatedScalarFieldContainer[AuditAction]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, user: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., actions: _Optional[_Iterable[_Union[AuditAction, str]]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAuditEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[AuditEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[AuditEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
