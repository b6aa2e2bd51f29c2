"""Messages that are none, or almost: made from a seed, so that a failure comes again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

_TEXTS = (
    "", "x", "users/me", "external:x", "\x00", "external:\x00", "a@b.example", "Ada \u202e",
    "\U0001f3b5" * 40, "'; drop table tracks; --", "../../etc/passwd", "%2e%2e", "x" * 100_000,
    "0b6ff5a1-3f0e-4c55-8b5a-3b1f5f0f2f10", "users/0b6ff5a1-3f0e-4c55-8b5a-3b1f5f0f2f10",
    "users/me/apiKeys/0123456789abcdef",
)  # fmt: skip
_INTEGERS = (0, 1, -1, 7, 2**31 - 1, -(2**31))
_LONGS = (*_INTEGERS, 2**63 - 1, -(2**63))
_REALS = (0.0, -1.0, 1e308, float("nan"), float("inf"), -float("inf"))
_DEPTH_MAX = 4


def requests(input_type: str, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yields (what it is, bytes) of one method's bad requests.

    Args:
        input_type: full name of its request; the stubs are imported.
        seed: of everything random.
        count: of random ones, beside those that are always the same.
    """
    descriptor = descriptor_pool.Default().FindMessageTypeByName(input_type)
    chance = random.Random(f"{seed} {input_type}")
    yield "nothing", b""
    yield "open groups", b"\x0b" * 10_000
    yield "nested lengths", _nested(5_000)
    yield "endless varint", b"\x08" + b"\xff" * 200
    yield "length beyond the end", b"\x0a\xff\xff\xff\xff\x07x"
    yield "field number zero", b"\x00\x00"
    yield "huge unknown field", b"\xfa\x3f" + _varint(1_000_000) + bytes(1_000_000)
    for field in descriptor.fields:
        yield f"bad UTF-8 in {field.name}", _tag(field.number, 2) + b"\x04\xff\xfe\xc0\x80"
        yield f"varint in {field.name}", _tag(field.number, 0) + b"\xff\x01"
    for index in range(count):
        yield f"random bytes {index}", chance.randbytes(chance.randrange(1, 300))
        whole = _filled(descriptor, chance, 0).SerializeToString()
        yield f"random message {index}", whole
        yield f"cut message {index}", whole[: chance.randrange(len(whole) + 1)]
        yield f"bent message {index}", _bent(whole, chance)


def _nested(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = b"\x0a" + _varint(len(content)) + content
    return content


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _bent(content: bytes, chance: random.Random) -> bytes:
    bent = bytearray(content)
    for _ in range(min(8, len(bent))):
        bent[chance.randrange(len(bent))] = chance.randrange(256)
    return bytes(bent)


def _filled(descriptor: Descriptor, chance: random.Random, depth: int) -> Message:
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if chance.random() < 0.4 or (depth >= _DEPTH_MAX and field.message_type):
            continue
        if field.is_repeated:
            if not _is_map(field):
                values = [_value(field, chance, depth) for _ in range(chance.randrange(4))]
                getattr(message, field.name).extend(values)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(_value(field, chance, depth))
        else:
            setattr(message, field.name, _value(field, chance, depth))
    return message


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def _value(field: FieldDescriptor, chance: random.Random, depth: int) -> Any:
    if field.message_type:
        return _filled(field.message_type, chance, depth + 1)
    if field.enum_type:
        return chance.choice((0, 1, 2, 99, -1))
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(_TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return chance.randbytes(chance.choice((0, 1, 32, 256, 5_000)))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return chance.random() < 0.5
    if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return chance.choice(_REALS)
    longs = (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64)
    return chance.choice(_LONGS if field.type in longs else _INTEGERS)
