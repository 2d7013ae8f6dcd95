"""The types of tl_primitives and tl_constructor_ids, put to ``mtproto.tl``."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

from mtproto.errors import DecodeError
from mtproto.tl import wire
from mtproto.tl.dynamic import Codec
from mtproto.tl.registry import decode, decode_prefix
from mtproto.tl.schema import TypeRef, computed_id, declared_id, normalize, parse, parse_type
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Output, TypeFunction, require

FIXED: dict[str, wire.Reader] = {
    "int": wire.read_int,
    "long": wire.read_long,
    "double": wire.read_double,
    "int128": wire.read_int128,
    "int256": wire.read_int256,
}
"""Types of a fixed length -> their readers."""


def both_ways(case: Case, value: Any, pack: Callable[[Any], bytes], read: wire.Reader) -> Output:
    """The bytes of ``value``, once they are read back as the same value."""
    data = pack(value)
    require(decode(data, read) == value, "decoding")
    return shown(case, data)


def shown(case: Case, data: bytes) -> Output:
    """``data``, or, where the file gives only its beginning, length and digest, those."""
    if "sha256" not in case.output:
        return {"bytes": data.hex()}
    prefix = data[: len(case.output["prefix"]) // 2].hex()
    return {"prefix": prefix, "length": len(data), "sha256": sha256(data).hexdigest()}


def tl_int(case: Case) -> Output:
    return both_ways(case, case.input["value"], wire.pack_int, wire.read_int)


def tl_long(case: Case) -> Output:
    return both_ways(case, int(case.input["value"]), wire.pack_long, wire.read_long)


def tl_double(case: Case) -> Output:
    """Compared as bits: a NaN is not equal to itself, and zero equals its negative."""
    (value,) = struct.unpack(">d", case.bytes("bits"))
    data = wire.pack_double(value)
    require(struct.pack(">d", decode(data, wire.read_double)) == case.bytes("bits"), "decoding")
    return {"bytes": data.hex()}


def tl_int128(case: Case) -> Output:
    value = case.bytes("value")
    if case.input.get("size", len(value)) == 16:
        return both_ways(case, value, wire.pack_int128, wire.read_int128)
    return both_ways(case, value, wire.pack_int256, wire.read_int256)


def tl_bytes(case: Case) -> Output:
    return both_ways(case, case.bytes("value"), wire.pack_bytes, wire.read_bytes)


def tl_string(case: Case) -> Output:
    return both_ways(case, case.input["value"], wire.pack_string, wire.read_string)


def tl_bytes_decode(case: Case) -> Output:
    data = case.bytes("bytes")
    value, end = decode_prefix(data, wire.read_bytes)
    return {"value": value.hex(), "unread": data[end:].hex()}


def tl_fixed_decode(case: Case) -> Output:
    return {"value": decode(case.bytes("bytes"), FIXED[case.input["type"]])}


def tl_bool(case: Case) -> Output:
    if "bytes" in case.input:
        return {"value": decode(case.bytes("bytes"), wire.read_bool)}
    return both_ways(case, case.input["value"], wire.pack_bool, wire.read_bool)


PRIMITIVES: dict[str, tuple[Callable[[Any], bytes], wire.Reader, int]] = {
    "int": (wire.pack_int, wire.read_int, 4),
    "long": (wire.pack_long, wire.read_long, 8),
    "bytes": (wire.pack_bytes, wire.read_bytes, 4),
    "Bool": (wire.pack_bool, wire.read_bool, 4),
}
"""Type -> writer, reader and the least length in bytes, as generated code uses them."""


def tl_vector(case: Case) -> Output:
    """Both codecs: the primitives of generated classes and the one that is driven by a schema."""
    type_ref = parse_type(case.input["type"])
    codec = Codec(parse(""))
    if "bytes" in case.input:
        with suppress(DecodeError):
            return {"value": codec.decode(case.bytes("bytes"), type_ref)}
        return {"value": decode(case.bytes("bytes"), reader(type_ref))}
    span = case.input.get("valueRange")
    value = list(range(*span)) if span else plain(case.input["value"], type_ref)
    data = pack(value, type_ref)
    require(decode(data, reader(type_ref)) == value, "decoding")
    require(codec.encode(value, type_ref) == data, "the encoding of the second codec")
    require(codec.decode(data, type_ref) == value, "the decoding of the second codec")
    return shown(case, data)


def plain(value: Any, type_ref: TypeRef) -> Any:
    """A value of the file as a Python value: long numbers are text, bytes hexadecimal."""
    if type_ref.is_vector:
        return [plain(item, type_ref.arguments[0]) for item in value]
    if type_ref.name == "bytes":
        return bytes.fromhex(value)
    return int(value) if type_ref.name == "long" else value


def pack(value: Any, type_ref: TypeRef) -> bytes:
    """The serialisation of a vector or primitive by the writers of generated classes."""
    if not type_ref.is_vector:
        return PRIMITIVES[type_ref.name][0](value)
    parts = [pack(item, type_ref.arguments[0]) for item in value]
    return wire.raw_bare_vector(parts) if type_ref.bare else wire.raw_vector(parts)


def reader(type_ref: TypeRef) -> wire.Reader:
    """The reader of a vector or primitive, composed of those of generated classes."""
    if not type_ref.is_vector:
        return PRIMITIVES[type_ref.name][1]
    (element,) = type_ref.arguments
    least = 8 if element.is_vector else PRIMITIVES[element.name][2]
    read = wire.read_bare_vector if type_ref.bare else wire.read_vector
    return lambda buf, pos: read(buf, pos, reader(element), least)


def tl_flags(case: Case) -> Output:
    """A schema that no class was generated for: the codec that is driven by a schema."""
    schema = parse(case.params["schema"])
    codec = Codec(schema)
    (combinator,) = schema.combinators
    if "bytes" in case.input:
        return {"value": codec.decode(case.bytes("bytes"))}
    types = {param.name: param.type for param in combinator.params}
    value = {"_": combinator.name, **{name: plain(item, types[name]) for name, item in case.input["value"].items()}}
    data = codec.encode(value)
    require(codec.decode(data) == value, "decoding")
    return {"bytes": data.hex()}


def tl_constructor_id(case: Case) -> Output:
    line = case.input["line"]
    number = computed_id(line)
    return {"normalized": normalize(line), "id": f"{number:08x}", "wire": number.to_bytes(4, "little").hex()}


def tl_explicit_id(case: Case) -> Output:
    line = case.input["line"]
    return {"id": f"{declared_id(line):08x}", "computed": f"{computed_id(line):08x}"}


FUNCTIONS: dict[str, TypeFunction] = {
    "TlInt": tl_int,
    "TlLong": tl_long,
    "TlDouble": tl_double,
    "TlInt128": tl_int128,
    "TlBytes": tl_bytes,
    "TlString": tl_string,
    "TlBytesDecode": tl_bytes_decode,
    "TlFixedDecode": tl_fixed_decode,
    "TlBool": tl_bool,
    "TlVector": tl_vector,
    "TlFlags": tl_flags,
    "TlConstructorId": tl_constructor_id,
    "TlExplicitId": tl_explicit_id,
}
"""Type -> the function that puts a test of this type to the core."""
