"""Messages as JSON Schemas, in the JSON form of protobuf that the proxy reads and prints."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

from docs.reference.openapi.contracts import Contracts
from docs.reference.openapi.rules import Schema, constrain, constrain_list, is_required, rules_of

HTTP_BODY = "google.api.HttpBody"
_DURATION = r"^-?[0-9]+(\.[0-9]{1,9})?s$"
_DURATION_FORWARD = r"^[0-9]+(\.[0-9]{1,9})?s$"
_BY_SERVICE = re.compile(r"\b(Set|Given) by (the service|CatalogService|an operator)\b")

_SCALARS: dict[int, Schema] = {
    Field.TYPE_BOOL: {"type": "boolean"},
    Field.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    Field.TYPE_DOUBLE: {"type": "number", "format": "double"},
    Field.TYPE_FLOAT: {"type": "number", "format": "float"},
    Field.TYPE_INT32: {
        "type": "integer",
        "format": "int32",
        "minimum": -(2**31),
        "maximum": 2**31 - 1,
    },
    # As text: JavaScript's numbers cannot hold them.
    Field.TYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"},
    Field.TYPE_STRING: {"type": "string"},
}
_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Duration": {"type": "string", "pattern": _DURATION, "examples": ["2.5s"]},
    "google.protobuf.FieldMask": {"type": "string", "examples": ["displayName"]},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
}


class Schemas:
    """Schemas of messages, made when they are first referred to.

    Attributes:
        made: finished schemas by component name.
    """

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._names: dict[str, str] = {}
        self.made: dict[str, Schema] = {}

    def reference(self, message: str, without: Collection[str] = ()) -> Schema:
        """Returns a reference to the schema of a message.

        Args:
            message: full name.
            without: fields that come by another way than the body, e.g. by the path.

        Raises:
            ValueError: two messages, or two forms of one, would get the same name.
        """
        name = message.rpartition(".")[2]
        form = f"{message} without {sorted(without)}"
        if self._names.setdefault(name, form) != form:
            raise ValueError(f"{name} would be {self._names[name]} and {form}")
        if name not in self.made:
            self.made[name] = {}  # a message may hold itself
            self.made[name] = self._message(message, without)
        return {"$ref": f"#/components/schemas/{name}"}

    def value(self, field: Field, comment: str) -> Schema:
        """Returns the schema of a field's value, with its limits, its list included."""
        rules = rules_of(field)
        schema = self._single(field, rules)
        if field.label == Field.LABEL_REPEATED:
            schema = constrain_list({"type": "array", "items": schema}, rules)
        else:
            schema = constrain(schema, rules)
        if comment:
            schema = schema | {"description": comment}
        return schema | {"readOnly": True} if set_by_service(comment) else schema

    def _message(self, message: str, without: Collection[str]) -> Schema:
        descriptor = self._contracts.messages[message]
        properties: Schema = {}
        required = []
        for field, comment in self._contracts.fields(message):
            if field.name in without or field.type_name == f".{HTTP_BODY}":
                continue
            properties[field.json_name] = self.value(field, comment)
            if is_required(rules_of(field)):
                required.append(field.json_name)
        schema: Schema = {"type": "object"}
        if said := self._contracts.comments.get(message):
            schema["description"] = said
        schema["properties"] = properties
        if required:
            schema["required"] = required
        for index, oneof in enumerate(descriptor.oneof_decl):
            members = [
                field.json_name
                for field in descriptor.field
                if field.HasField("oneof_index")
                and field.oneof_index == index
                and not field.proto3_optional
                and field.json_name in properties
            ]
            if members:
                schema.setdefault("x-exactly-one-of", {})[oneof.name] = members
        return schema

    def _single(self, field: Field, rules: Any) -> Schema:
        if field.type in _SCALARS:
            return dict(_SCALARS[field.type])
        name = field.type_name.removeprefix(".")
        if field.type == Field.TYPE_ENUM:
            return self._enum(name, rules)
        if name == "google.protobuf.Any":
            return {
                "type": "object",
                "properties": {"@type": {"type": "string"}},
                "required": ["@type"],
                "additionalProperties": True,
            }
        if name == "google.protobuf.Duration" and rules.duration.HasField("gte"):
            return _WELL_KNOWN[name] | {"pattern": _DURATION_FORWARD}
        if name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[name])
        if name in self._contracts.messages and (entry := self._map_value(name)):
            return entry
        return self.reference(name)

    def _map_value(self, name: str) -> Schema | None:
        message = self._contracts.messages[name]
        if not message.options.map_entry:
            return None
        (value,) = (f for f in message.field if f.name == "value")
        return {"type": "object", "additionalProperties": self.value(value, "")}

    def _enum(self, name: str, rules: Any) -> Schema:
        refused = {*rules.enum.not_in, *rules.repeated.items.enum.not_in}
        values = [v.name for v in self._contracts.enums[name].value if v.number not in refused]
        comments = self._contracts.comments
        return {
            "type": "string",
            "enum": values,
            "x-enum-descriptions": [comments.get(f"{name}.{value}", "") for value in values],
        }


def set_by_service(comment: str) -> bool:
    """Tells by its comment whether a field is ignored on input."""
    return bool(_BY_SERVICE.search(comment))
