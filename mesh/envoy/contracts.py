"""What the contracts say about RPCs, read from the descriptor set that Envoy reads too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto
from sonica.access.v1 import access_pb2

DESCRIPTORS = Path(__file__).with_name("contracts.binpb")
_OUR_PACKAGES = "sonica."
_RAW = ".google.api.HttpBody"


@dataclass(frozen=True)
class RestBinding:
    """One REST route of an RPC, as its `google.api.http` annotation states it.

    Attributes:
        service: full name of the service.
        name: of the method.
        verb: HTTP method, upper case.
        template: path, variables in braces, e.g. `/v1/tracks/{track_id}`.
        body: field that the body fills, `*` for the whole request, empty for none.
        raw: whether the body is taken as it is, not as JSON.
    """

    service: str
    name: str
    verb: str
    template: str
    body: str
    raw: bool

    @property
    def ends_in_anything(self) -> bool:
        """Whether the path ends in a variable of whatever letters, colons included."""
        return re.search(r"\{[^}=]+\}$", self.template) is not None


class Level(Enum):
    """Who at least the caller of an RPC has to be; as in the contract."""

    #: The contract forgot to say; nobody may call it.
    UNSPECIFIED = access_pb2.LEVEL_UNSPECIFIED
    PUBLIC = access_pb2.LEVEL_PUBLIC
    SIGNED_IN = access_pb2.LEVEL_SIGNED_IN
    ADMIN = access_pb2.LEVEL_ADMIN
    INTERNAL = access_pb2.LEVEL_INTERNAL


@dataclass(frozen=True)
class AccessRule:
    """Who may call an RPC, as its `sonica.access.v1.access` option states it.

    Attributes:
        level: who at least the caller has to be.
        scope: what an API key has to be good for, e.g. `CATALOG_READ`; empty means that none is.
    """

    level: Level
    scope: str


@dataclass(frozen=True)
class Rpc:
    """One RPC as the contracts declare it.

    Attributes:
        service: full name of the service.
        name: of the method.
        takes_stream: whether the caller sends a stream.
        gives_stream: whether the service does.
        gives_lines: whether it does so, over REST, as one JSON object a line.
        rest: its REST routes.
        access: who may call it.
    """

    service: str
    name: str
    takes_stream: bool
    gives_stream: bool
    gives_lines: bool
    rest: tuple[RestBinding, ...]
    access: AccessRule

    @property
    def streaming(self) -> bool:
        """Whether either side sends a stream."""
        return self.takes_stream or self.gives_stream


@cache
def rpcs() -> tuple[Rpc, ...]:
    """Returns all RPCs of our contracts, in the order of the files."""
    descriptors = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    raw_fields = _raw_fields(descriptors)
    found = []
    for file in descriptors.file:
        if not file.package.startswith(_OUR_PACKAGES):
            continue
        for service in file.service:
            full_name = f"{file.package}.{service.name}"
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                found.append(
                    Rpc(
                        full_name,
                        method.name,
                        method.client_streaming,
                        method.server_streaming,
                        method.server_streaming
                        and method.output_type != _RAW
                        and (method.output_type, rule.response_body) not in raw_fields,
                        _bindings(full_name, method, rule, raw_fields),
                        _access(method.options.Extensions[access_pb2.access]),  # type: ignore[index]
                    )
                )
    return tuple(found)


def access_of(service: str, name: str) -> AccessRule:
    """Returns who may call the RPC `name` of `service`.

    Raises:
        KeyError: it is not in the contracts.
    """
    for rpc in rpcs():
        if (rpc.service, rpc.name) == (service, name):
            return rpc.access
    raise KeyError(f"{service}/{name} is not in the contracts")


def descriptors_of(binding: RestBinding) -> bytes:
    """Returns a descriptor set in which `binding` is the only REST route, of the only service.

    Envoy decides by the first binding of an RPC whether bodies are raw or JSON, for all of them; an
    RPC that takes both needs a descriptor set for each further binding. And it takes the end of a
    path for a verb wherever an RPC that it knows has such a verb, so `/v1/tracks/external:search`
    would be the path of none; where a name may end in anything, it must not know of verbs.
    """
    descriptors = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    for file in descriptors.file:
        if not file.package.startswith(_OUR_PACKAGES):
            continue
        kept = [each for each in file.service if f"{file.package}.{each.name}" == binding.service]
        for service in kept:
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                rule.Clear()
                if method.name == binding.name:
                    setattr(rule, binding.verb.lower(), binding.template)
                    rule.body = binding.body
                else:
                    method.options.ClearExtension(annotations_pb2.http)
        del file.service[:]
        file.service.extend(kept)
    return descriptors.SerializeToString()


def _access(rule: access_pb2.AccessRule) -> AccessRule:
    scope = access_pb2.Scope.Name(rule.scope).removeprefix("SCOPE_") if rule.scope else ""
    return AccessRule(Level(rule.level), scope)


def _raw_fields(descriptors: FileDescriptorSet) -> set[tuple[str, str]]:
    """Returns (message, field) of every field that is an HTTP body as it came."""
    return {
        (f".{file.package}.{message.name}", field.name)
        for file in descriptors.file
        for message in file.message_type
        for field in message.field
        if field.type_name == _RAW
    }


def _bindings(
    service: str,
    method: MethodDescriptorProto,
    rule: http_pb2.HttpRule,
    raw_fields: set[tuple[str, str]],
) -> tuple[RestBinding, ...]:
    bindings = []
    for each in (rule, *rule.additional_bindings):
        verb = each.WhichOneof("pattern")
        if verb is not None:
            template = getattr(each, verb)
            raw = (method.input_type, each.body) in raw_fields
            bindings.append(
                RestBinding(service, method.name, verb.upper(), template, each.body, raw)
            )
    return tuple(bindings)
