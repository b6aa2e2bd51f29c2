"""Constraints of `buf.validate` as JSON Schema keywords."""

from __future__ import annotations

import re
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

Schema = dict[str, Any]

_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NUMBERS = ("int32", "int64", "uint32", "uint64", "double", "float")


def rules_of(field: FieldDescriptorProto) -> Any:
    """Returns the FieldRules of a field; empty when it has none."""
    extension: Any = validate_pb2.field
    return field.options.Extensions[extension]


def constrain(schema: Schema, rules: Any) -> Schema:
    """Returns the schema of one value with the limits of its rules; messages have none here."""
    if rules.HasField("string"):
        return schema | _string(rules.string, may_be_empty=_skips_zero(rules))
    if rules.HasField("bytes"):
        return schema | _bytes(rules.bytes)
    for kind in _NUMBERS:
        if rules.HasField(kind):
            return schema | _number(getattr(rules, kind))
    return schema


def constrain_list(schema: Schema, rules: Any) -> Schema:
    """Returns the schema of a list with the limits of its rules, which hold for its items too."""
    repeated = rules.repeated
    if repeated.HasField("items"):
        schema = schema | {"items": constrain(schema["items"], repeated.items)}
    for keyword, rule in (("minItems", "min_items"), ("maxItems", "max_items")):
        if repeated.HasField(rule):
            schema = schema | {keyword: getattr(repeated, rule)}
    return schema | {"uniqueItems": True} if repeated.unique else schema


def is_required(rules: Any) -> bool:
    """Tells whether a field that is left out breaks its rules, as its zero value does."""
    if rules.required:
        return True
    if _skips_zero(rules):
        return False
    string, content, items, number = rules.string, rules.bytes, rules.repeated, rules.int32
    refuses_empty = string.HasField("pattern") and not re.search(string.pattern, "")
    return bool(
        string.min_len
        or string.email
        or string.uuid
        or refuses_empty
        or content.min_len
        or content.len
        or items.min_items
        or 0 in rules.enum.not_in
        or number.gte > 0
    )


def _skips_zero(rules: Any) -> bool:
    return bool(rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE)


def _string(rules: Any, *, may_be_empty: bool) -> Schema:
    schema: Schema = {}
    if rules.HasField("min_len"):
        schema["minLength"] = rules.min_len
    if rules.HasField("max_len"):
        schema["maxLength"] = rules.max_len
    if rules.email:
        schema["format"] = "email"
    pattern = rules.pattern or (f"^{_UUID}$" if rules.uuid else "")
    if pattern:
        schema["pattern"] = f"^$|{pattern}" if may_be_empty else pattern
    if rules.uuid and not may_be_empty:
        schema["format"] = "uuid"
    return schema


def _bytes(rules: Any) -> Schema:
    """Returns limits of base64: four characters for each three bytes, with padding or without."""
    least = rules.len or rules.min_len
    most = rules.len or rules.max_len
    schema: Schema = {}
    if least:
        schema["minLength"] = -(-least * 4 // 3)
    if most:
        schema["maxLength"] = -(-most // 3) * 4
    return schema


def _number(rules: Any) -> Schema:
    schema: Schema = {}
    for keyword, rule in (
        ("minimum", "gte"),
        ("exclusiveMinimum", "gt"),
        ("maximum", "lte"),
        ("exclusiveMaximum", "lt"),
    ):
        if rules.HasField(rule):
            schema[keyword] = getattr(rules, rule)
    return schema
