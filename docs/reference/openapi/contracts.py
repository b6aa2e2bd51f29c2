"""The contracts with their comments, which the descriptor set of the proxy leaves out."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from grpc_tools import protoc  # type: ignore[import-untyped] # it has none

PROTO = Path(__file__).resolve().parents[3] / "proto"
_OURS = "sonica."
# Numbers of fields of FileDescriptorProto and its parts, as paths of comments are made of them.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED, _NESTED_ENUMS, _METHODS, _VALUES = 2, 3, 4, 2, 2


@dataclass(frozen=True)
class Method:
    """One RPC: its service, and what the contract says of it."""

    service: str
    descriptor: MethodDescriptorProto

    @property
    def full_name(self) -> str:
        """Returns e.g. `sonica.catalog.v1.CatalogService.GetTrack`."""
        return f"{self.service}.{self.descriptor.name}"


@dataclass
class Contracts:
    """Everything the contracts declare, by full name.

    Attributes:
        messages: of our packages and of what they import.
        enums: likewise.
        methods: ours, in the order of the files.
        comments: of services, methods, messages, fields, enums and values.
    """

    messages: dict[str, DescriptorProto] = field(default_factory=dict)
    enums: dict[str, EnumDescriptorProto] = field(default_factory=dict)
    methods: list[Method] = field(default_factory=list)
    comments: dict[str, str] = field(default_factory=dict)

    def fields(self, message: str) -> Iterator[tuple[FieldDescriptorProto, str]]:
        """Yields the fields of a message with their comments."""
        for each in self.messages[message].field:
            yield each, self.comments.get(f"{message}.{each.name}", "")


def read() -> Contracts:
    """Compiles the contracts.

    Raises:
        SystemExit: protoc refused them; it has printed why.
    """
    contracts = Contracts()
    for file in _compiled().file:
        _Reader(contracts, file).read()
    return contracts


def _compiled() -> FileDescriptorSet:
    names = sorted(str(p.relative_to(PROTO)) for p in (PROTO / "sonica").rglob("*.proto"))
    include = [PROTO, PROTO / "vendor", files("grpc_tools") / "_proto"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "contracts")
        arguments = ["protoc", *(f"-I{path}" for path in include), f"--descriptor_set_out={out}"]
        flags = ["--include_imports", "--include_source_info"]
        if protoc.main([*arguments, *flags, *names, "google/rpc/error_details.proto"]) != 0:
            raise SystemExit("protoc failed")
        return FileDescriptorSet.FromString(out.read_bytes())


class _Reader:
    """Adds one file to the contracts; a comment belongs to the path of numbers of what it is on."""

    def __init__(self, contracts: Contracts, file: FileDescriptorProto) -> None:
        self._contracts = contracts
        self._file = file
        self._spoken = {
            tuple(place.path): _plain(place.leading_comments)
            for place in file.source_code_info.location
            if place.leading_comments
        }

    def read(self) -> None:
        package = self._file.package
        for index, message in enumerate(self._file.message_type):
            self._add_message(package, message, _MESSAGES, index)
        for index, enum in enumerate(self._file.enum_type):
            self._add_enum(package, enum, _ENUMS, index)
        if package.startswith(_OURS):
            for index, service in enumerate(self._file.service):
                self._add_service(package, service, _SERVICES, index)

    def _say(self, name: str, *path: int) -> None:
        if text := self._spoken.get(path):
            self._contracts.comments[name] = text

    def _add_enum(self, scope: str, enum: EnumDescriptorProto, *path: int) -> None:
        name = f"{scope}.{enum.name}"
        self._contracts.enums[name] = enum
        self._say(name, *path)
        for index, value in enumerate(enum.value):
            self._say(f"{name}.{value.name}", *path, _VALUES, index)

    def _add_message(self, scope: str, message: DescriptorProto, *path: int) -> None:
        name = f"{scope}.{message.name}"
        self._contracts.messages[name] = message
        self._say(name, *path)
        for index, each in enumerate(message.field):
            self._say(f"{name}.{each.name}", *path, _FIELDS, index)
        for index, nested in enumerate(message.nested_type):
            self._add_message(name, nested, *path, _NESTED, index)
        for index, enum in enumerate(message.enum_type):
            self._add_enum(name, enum, *path, _NESTED_ENUMS, index)

    def _add_service(self, scope: str, service: ServiceDescriptorProto, *path: int) -> None:
        name = f"{scope}.{service.name}"
        self._say(name, *path)
        for index, method in enumerate(service.method):
            self._contracts.methods.append(Method(name, method))
            self._say(f"{name}.{method.name}", *path, _METHODS, index)


def _plain(comment: str) -> str:
    """Returns a comment as paragraphs of one line each, its references as plain names."""
    text = re.sub(r"^\s*buf:lint:ignore .*$", "", comment, flags=re.MULTILINE)
    text = re.sub(r"\[([\w.]+)\]\[\]", r"`\1`", text)
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
