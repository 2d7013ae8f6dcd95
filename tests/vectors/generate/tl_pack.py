"""A packer of its own for TL objects in their JSON form: schema lines read by regular expressions, bytes by struct.

It shares nothing with ``mtproto.tl``, whose encoders it is compared with.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

SCHEMAS = Path(__file__).parents[3] / "tl_schema"
VECTOR, TRUE, FALSE = 0x1CB5C415, 0x997275B5, 0xBC799737
_LINE = re.compile(r"([\w.]+)#([0-9a-f]+) (.*)= (\S+);")
_FIELD = re.compile(r"(\w+):(?:(\w+)\.(\d+)\?)?(\S+)")
_VECTOR = re.compile(r"([Vv])ector<(.+)>")


class Field(NamedTuple):
    name: str
    word: str
    """The flag word that it depends on, or nothing."""
    bit: int
    type: str


class Line(NamedTuple):
    name: str
    id: int
    fields: list[Field]
    result: str
    function: bool


def read(file: str, prefix: str = "") -> dict[str, Line]:
    """The lines of a schema file by name."""
    lines, function = {}, False
    for text in (SCHEMAS / file).read_text("utf-8").splitlines():
        function = function or text == "---functions---"
        found = _LINE.fullmatch(text)
        if found:
            name, number, fields, result = found.groups()
            parsed = [Field(n, w, int(b or 0), t) for n, w, b, t in _FIELD.findall(re.sub(r"\{.*?\}", "", fields))]
            lines[prefix + name] = Line(prefix + name, int(number, 16), parsed, result, function)
    return lines


API = read("api.tl")
ALL = {**API, **read("mtproto.tl", "mtproto:")}


def word(number: int) -> bytes:
    return struct.pack("<I", number)


def packed_string(data: bytes, *, long_form: bool = False, padding: int = 0) -> bytes:
    """A TL string; ``long_form`` and ``padding`` (a byte value) give what no encoder writes."""
    head = bytes([len(data)]) if len(data) < 254 and not long_form else b"\xfe" + len(data).to_bytes(3, "little")
    return head + data + bytes([padding]) * (-(len(head) + len(data)) % 4)


def pack(value: Any, kind: str) -> bytes:
    """The serialisation of a value in JSON form as the type ``kind``."""
    vector = _VECTOR.fullmatch(kind)
    if vector:
        head = word(VECTOR) if vector[1] == "V" else b""
        return head + struct.pack("<i", len(value)) + b"".join(pack(item, vector[2]) for item in value)
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind](value)
    line = ALL[value["_"]]
    bare = re.split(r"[.:]", kind)[-1][0].islower()
    return (b"" if bare else word(line.id)) + b"".join(_fields(line, value))


def _fields(line: Line, value: dict[str, Any]) -> list[bytes]:
    parts = []
    for field in line.fields:
        if field.type == "#":
            bits = [1 << other.bit for other in line.fields if other.word == field.name and other.name in value]
            number = value.get(f"extra_{field.name}", 0)
            for bit in bits:
                number |= bit
            parts.append(word(number))
        elif field.type != "true" and (not field.word or field.name in value):
            parts.append(pack(value[field.name], field.type))
    return parts


def _text(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes.fromhex(value["hex"])


def _double(value: Any) -> bytes:
    return bytes.fromhex(value["double"])[::-1] if isinstance(value, dict) else struct.pack("<d", value)


_PRIMITIVES = {
    "int": lambda value: struct.pack("<i", value),
    "long": lambda value: struct.pack("<q", int(value)),
    "double": _double,
    "string": lambda value: packed_string(_text(value)),
    "bytes": lambda value: packed_string(_text(value)),
    "int128": _text,
    "int256": _text,
    "Bool": lambda value: word(TRUE if value else FALSE),
}
