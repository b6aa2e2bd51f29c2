"""What the contracts say about RPCs, read from the descriptor set that Envoy reads too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from sonica.access.v1 import access_pb2

DESCRIPTORS = Path(__file__).with_name("contracts.binpb")
_OUR_PACKAGES = "sonica."


@dataclass(frozen=True)
class RestBinding:
    """One REST route of an RPC, as its `google.api.http` annotation states it.

    Attributes:
        service: full name of the service.
        name: of the method.
        verb: HTTP method, upper case.
        template: path, variables in braces, e.g. `/v1/tracks/{track_id}`.
        body: field that the body fills, `*` for the whole request, empty for none.
        streamed: whether the body travels on as it comes, a stream of requests.
    """

    service: str
    name: str
    verb: str
    template: str
    body: str
    streamed: bool = False


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
    """One RPC as the contracts declare it."""

    service: str
    name: str
    streaming: bool
    rest: tuple[RestBinding, ...]
    access: AccessRule


@cache
def rpcs() -> tuple[Rpc, ...]:
    """Returns all RPCs of our contracts, in the order of the files."""
    descriptors = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
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
                        method.client_streaming or method.server_streaming,
                        _bindings(full_name, method.name, rule, streamed=method.client_streaming),
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


def descriptors_with(binding: RestBinding) -> bytes:
    """Returns the descriptor set in which `binding` is the only REST route of its RPC.

    Envoy decides by the first binding of an RPC whether bodies are raw or JSON, for all of them;
    an RPC that takes both needs a descriptor set for each further binding.
    """
    descriptors = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    for file in descriptors.file:
        for service in file.service:
            for method in service.method:
                if (f"{file.package}.{service.name}", method.name) == (
                    binding.service,
                    binding.name,
                ):
                    rule = method.options.Extensions[annotations_pb2.http]
                    rule.Clear()
                    setattr(rule, binding.verb.lower(), binding.template)
                    rule.body = binding.body
    return descriptors.SerializeToString()


def _access(rule: access_pb2.AccessRule) -> AccessRule:
    scope = access_pb2.Scope.Name(rule.scope).removeprefix("SCOPE_") if rule.scope else ""
    return AccessRule(Level(rule.level), scope)


def _bindings(
    service: str, name: str, rule: http_pb2.HttpRule, *, streamed: bool
) -> tuple[RestBinding, ...]:
    bindings = []
    for each in (rule, *rule.additional_bindings):
        verb = each.WhichOneof("pattern")
        if verb is not None:
            template = getattr(each, verb)
            bindings.append(RestBinding(service, name, verb.upper(), template, each.body, streamed))
    return tuple(bindings)
