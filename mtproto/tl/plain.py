"""Plain values → bytes, one type at a time, for ``tl.dynamic``; independent of the generated writers."""

from __future__ import annotations

import struct
from typing import Any

from mtproto.record import Record
from mtproto.tl.objects import TLObject, schema_name
from mtproto.tl.schema import Combinator, Param, TypeRef, field_name

VECTOR, TRUE, BOOL_TRUE, BOOL_FALSE = 0x1CB5C415, 0x3FEDD339, 0x997275B5, 0xBC799737
LONGEST = (1 << 24) - 1


class Serialized(Record):
    """An object as its serialisation, which the encoder takes as it stands."""

    __slots__ = ("body",)

    def __init__(self, body: bytes) -> None:
        self.body = body


class Refused(Exception):
    """A value that cannot be encoded; ``path`` grows on the way out."""

    def __init__(self, reason: str, path: str = "") -> None:
        self.reason = reason
        self.path = path
        super().__init__(reason)


def joined(head: str, tail: str) -> str:
    return f"{head}{'' if not tail or tail.startswith('[') else '.'}{tail}"


def known_bits(combinator: Combinator, word: str) -> int:
    known = 0
    for param in combinator.params:
        if param.condition and param.condition[0] == word:
            known |= 1 << param.condition[1]
    return known


def prefix_of(name: str) -> str:
    """What stands before the TL names of a schema: nothing for the API, else its name and a colon."""
    return "" if name == "api" else f"{name}:"


def integer(value: Any, size: int, signed: bool) -> bytes:
    if not isinstance(value, int):
        raise Refused(f"expects an integer of {size * 8} bits, got {type(value).__name__}")
    try:
        return value.to_bytes(size, "little", signed=signed)
    except OverflowError:
        raise Refused(f"expects a {'signed' if signed else 'unsigned'} integer of {size * 8} bits") from None


def double(value: Any) -> bytes:
    if not isinstance(value, int | float):
        raise Refused(f"expects a number, got {type(value).__name__}")
    try:
        return struct.pack("<d", value)
    except OverflowError:
        raise Refused("expects a number that fits a double") from None


def string(value: Any, kind: str) -> bytes:
    if kind == "string":
        if not isinstance(value, str):
            raise Refused(f"expects a string, got {type(value).__name__}")
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise Refused("a lone surrogate outside U+DC80..U+DCFF is not text") from None
    elif isinstance(value, bytes | bytearray):
        data = bytes(value)
    else:
        raise Refused(f"expects bytes, got {type(value).__name__}")
    if len(data) > LONGEST:
        raise Refused(f"{len(data)} bytes are too long, at most 2^24 - 1 can be encoded")
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    return head + data + bytes(-(len(head) + len(data)) % 4)


def truth(value: Any, kind: str) -> bytes:
    if value is not True and (kind != "Bool" or value is not False):
        raise Refused(f"expects {'True or False' if kind == 'Bool' else 'True'}, got {type(value).__name__}")
    word = {"true": b"", "True": TRUE.to_bytes(4, "little")}
    return word[kind] if kind in word else (BOOL_TRUE if value else BOOL_FALSE).to_bytes(4, "little")


def flag_word(combinator: Combinator, word: str, fields: dict[str, Any]) -> int:
    """The flag word from the presence of its fields, and the unknown bits that the caller adds (TL-46)."""
    bits = 0
    by_bit: dict[int, Param] = {}
    for param in combinator.params:
        if param.condition is None or param.condition[0] != word:
            continue
        value = fields.get(param.name, False if param.is_flag else None)
        if param.is_flag and not isinstance(value, bool):
            raise Refused("expects True or False", param.name)
        bit = 1 << param.condition[1]
        other = by_bit.setdefault(bit, param)
        present = bool(value) if param.is_flag else value is not None
        if other is not param and present != bool(bits & bit):
            raise Refused(f"shares a flag bit with {other.name}: give both or neither (TL-46)", param.name)
        bits |= bit if present else 0
    extra = fields.get(f"extra_{word}") or 0
    if not isinstance(extra, int) or not 0 <= extra < 1 << 32 or extra & known_bits(combinator, word):
        raise Refused("expects bits of a 32-bit word that no known field uses (TL-46)", f"extra_{word}")
    return bits | extra


def name_of(value: Any) -> tuple[str, str]:
    """Prefix and TL name of an object; empty if it is none."""
    if isinstance(value, TLObject):
        return prefix_of(schema_name(type(value))), value.NAME
    name = value.get("_", "") if isinstance(value, dict) else ""
    if not isinstance(name, str):
        return "", ""
    prefix, mark, rest = name.rpartition(":")
    return prefix + mark, rest


def fields_of(value: Any, combinator: Combinator) -> dict[str, Any]:
    """Field values by TL name. What the declaration has no field for is refused."""
    known = {param.name for param in combinator.params if not param.is_word}
    known |= {f"extra_{param.name}" for param in combinator.params if param.is_word}
    if isinstance(value, TLObject):
        python_names = {field_name(name): name for name in known}
        slots = {python_names.get(slot, slot): getattr(value, slot, None) for slot in value.__slots__}
        given = {name: item for name, item in slots.items() if name in known or item not in (None, False, 0)}
    else:
        given = {name: item for name, item in value.items() if name != "_"}
    for name in given:
        if name not in known:
            raise Refused(f"{combinator.name} has no field {ascii(name)[:100]}")
    return given


def expectation(type_ref: TypeRef) -> str:
    if type_ref.name[0] == "!":
        return "a function"
    return "an object" if type_ref.name == "Object" else f"a value of type {type_ref}"
