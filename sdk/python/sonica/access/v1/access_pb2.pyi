from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Level(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEVEL_UNSPECIFIED: _ClassVar[Level]
    LEVEL_PUBLIC: _ClassVar[Level]
    LEVEL_SIGNED_IN: _ClassVar[Level]
    LEVEL_ADMIN: _ClassVar[Level]
    LEVEL_INTERNAL: _ClassVar[Level]

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_RECOGNIZE: _ClassVar[Scope]
    SCOPE_CATALOG_READ: _ClassVar[Scope]
    SCOPE_CATALOG_WRITE: _ClassVar[Scope]
    SCOPE_ACCOUNT_READ: _ClassVar[Scope]
LEVEL_UNSPECIFIED: Level
LEVEL_PUBLIC: Level
LEVEL_SIGNED_IN: Level
LEVEL_ADMIN: Level
LEVEL_INTERNAL: Level
SCOPE_UNSPECIFIED: Scope
SCOPE_RECOGNIZE: Scope
SCOPE_CATALOG_READ: Scope
SCOPE_CATALOG_WRITE: Scope
SCOPE_ACCOUNT_READ: Scope
ACCESS_FIELD_NUMBER: _ClassVar[int]
access: _descriptor.FieldDescriptor

class AccessRule(_message.Message):
    __slots__ = ("level", "scope")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    level: Level
    scope: Scope
    def __init__(self, level: _Optional[_Union[Level, str]] = ..., scope: _Optional[_Union[Scope, str]] = ...) -> None: ...
