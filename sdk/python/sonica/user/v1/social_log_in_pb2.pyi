from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SocialLogIn(_message.Message):
    __slots__ = ("state", "code", "flow_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FLOW_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: str
    code: str
    flow_token: str
    def __init__(self, state: _Optional[str] = ..., code: _Optional[str] = ..., flow_token: _Optional[str] = ...) -> None: ...
