"""The second codec: driven by a schema, over plain Python values (TL-30 … TL-51, TL-80 … TL-88).

It shares no code with generated readers and writers, so that each is a check on the other. It serves what they
cannot: schemas given at run time, other layers, and the place of an error (``tl.explain``).
A value is an int, float, str, bytes, bool or list as in generated classes; an object is a dict
``{"_": name, field: value}`` by TL names, in which ``true`` fields stand only when set and absent fields not at
all. Names of other schemas carry a prefix, as in ``mtproto:ping``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from mtproto.errors import DecodeError, UnknownConstructor, UsageError
from mtproto.tl import ir, registry
from mtproto.tl.plain import (
    BOOL_FALSE,
    BOOL_TRUE,
    TRUE,
    VECTOR,
    Refused,
    Serialized,
    double,
    expectation,
    fields_of,
    flag_word,
    integer,
    joined,
    known_bits,
    name_of,
    prefix_of,
    string,
    truth,
)
from mtproto.tl.schema import Combinator, Schema, TypeRef, is_boxed_name, minimum_size, minimum_sizes, parse_type

BUILTIN_IDS = frozenset({VECTOR, TRUE, BOOL_TRUE, BOOL_FALSE})
EMPTY_ELEMENTS = 65536
INTEGERS = {"int": (4, True), "long": (8, True), "#": (4, False)}
OPAQUE = {"int128": 16, "int256": 32}
OBJECT = TypeRef("Object", False)
"""Any boxed constructor or function of any loaded schema."""
OWN = {
    "a constructor": ("type",),
    "a function": ("function",),
    "a constructor or function": ("type", "function"),
}
"""Roots that are no TL types: a boxed combinator of this schema, of one of the kinds."""
CONSTRUCTOR, FUNCTION, COMBINATOR = [TypeRef(name, False) for name in OWN]


class Codec:
    """Encoder and decoder of one schema. ``others`` gives the codecs for fields of type Object and ``!X``."""

    __slots__ = ("by_id", "by_name", "by_type", "others", "prefix", "schema", "sizes")

    def __init__(self, schema: Schema, prefix: str = "", others: Callable[[], list[Codec]] = list) -> None:
        self.prefix = prefix
        self.others = others
        self.by_id = {combinator.id: combinator for combinator in schema.combinators}
        self.by_name = {combinator.name: combinator for combinator in schema.combinators}
        self.by_type: dict[str, list[Combinator]] = {}
        for combinator in schema.combinators:
            if combinator.kind == "type":
                self.by_type.setdefault(combinator.result.name, []).append(combinator)
        self.schema = schema
        self.sizes: dict[str, int] = {}  # made by the first vector

    def decode(self, buf: bytes, type_ref: TypeRef | str = OBJECT) -> Any:
        """The value of ``type_ref`` that occupies all of ``buf``. Raises DecodeError with offset and path."""
        value, pos = self.decode_prefix(buf, type_ref)
        if pos != len(buf):
            raise DecodeError("trailing", pos, detail=f"{len(buf) - pos} bytes are left")
        return value

    def decode_prefix(self, buf: bytes, type_ref: TypeRef | str = OBJECT, pos: int = 0) -> tuple[Any, int]:
        """The value at ``pos`` and the position behind it."""
        return self._run(_Input(buf, pos, keep=True), _type(type_ref))

    def check(self, buf: bytes, type_ref: TypeRef | str = OBJECT, pos: int = 0) -> int:
        """The position behind the value at ``pos``. Raises as ``decode_prefix`` does, but keeps nothing of the
        value: the second reading of bytes that were refused must not cost more memory than the first."""
        return self._run(_Input(buf, pos, keep=False), _type(type_ref))[1]

    def _run(self, source: _Input, type_ref: TypeRef) -> tuple[Any, int]:
        try:
            return self._read(source, type_ref), source.pos
        except DecodeError as error:
            problem = error
        except RecursionError:
            problem = DecodeError("depth", source.pos)
        raise _rebuilt(problem)

    def encode(self, value: object, type_ref: TypeRef | str = OBJECT) -> bytes:
        """The serialisation of ``value``: plain values, dicts, or generated objects, whose fields are taken by TL
        name, also where this schema declares the constructor differently. Raises UsageError with the path."""
        parts: list[bytes] = []
        try:
            self._write(parts, value, _type(type_ref))
        except Refused as error:
            where = f"{error.path}: " if error.path else ""
            raise UsageError(where + error.reason) from None
        except RecursionError:
            raise UsageError("the value is nested too deeply") from None
        return b"".join(parts)

    # Decoding

    def _read(self, source: _Input, type_ref: TypeRef) -> Any:
        name = type_ref.name
        if name in INTEGERS:
            size, signed = INTEGERS[name]
            return int.from_bytes(source.take(size), "little", signed=signed)
        if name == "double":
            return struct.unpack("<d", source.take(8))[0]
        if name in OPAQUE:
            return source.take(OPAQUE[name])
        if name in ("string", "bytes"):
            data = source.string()
            return data.decode("utf-8", "surrogateescape") if name == "string" else data
        if name == "true":
            return True
        if name in ("Bool", "True"):
            return self._read_bool(source, name)
        if type_ref.is_vector:
            return self._read_vector(source, type_ref)
        if type_ref.bare:
            return self._read_fields(source, self._bare(type_ref))
        start = source.pos
        identifier = int.from_bytes(source.take(4), "little")
        codec, combinator = self._constructor(identifier, type_ref, start)
        return codec._read_fields(source, combinator)

    def _read_bool(self, source: _Input, name: str) -> bool:
        start = source.pos
        word = int.from_bytes(source.take(4), "little")
        if name == "True":
            if word != TRUE:
                raise DecodeError("unexpected_constructor", start, detail=f"#{word:08x} where True is expected")
            return True
        if word not in (BOOL_TRUE, BOOL_FALSE):
            raise DecodeError("bad_bool", start, detail=f"#{word:08x}")
        return word == BOOL_TRUE

    def _read_vector(self, source: _Input, type_ref: TypeRef) -> list[Any]:
        start = source.pos
        if not type_ref.bare:
            word = int.from_bytes(source.take(4), "little")
            if word != VECTOR:
                raise DecodeError("bad_vector", start, detail=f"#{word:08x} where a vector is expected")
        start = source.pos
        count = int.from_bytes(source.take(4), "little", signed=True)
        self.sizes = self.sizes or minimum_sizes(self.schema)
        least = minimum_size(type_ref.arguments[0], self.sizes)
        left = len(source.buf) - source.pos
        if count < 0 or (count * least > left if least else count > EMPTY_ELEMENTS):  # TL-43
            raise DecodeError("bad_count", start, detail=f"count {count}, {left} bytes are left")
        out = []
        for index in range(count):
            try:
                value = self._read(source, type_ref.arguments[0])
            except DecodeError as error:
                error.path = joined(f"[{index}]", error.path)
                raise
            if source.keep:
                out.append(value)
        return out

    def _read_fields(self, source: _Input, combinator: Combinator) -> dict[str, Any]:
        out: dict[str, Any] = {"_": self.prefix + combinator.name}
        words: dict[str, int] = {}
        for param in combinator.params:
            if param.condition and not words[param.condition[0]] >> param.condition[1] & 1:
                continue
            try:
                value = self._read(source, param.type)
            except DecodeError as error:
                error.path = joined(param.name, error.path)
                raise
            if param.is_word:
                words[param.name] = value
            elif source.keep:
                out[param.name] = value
        for word, bits in words.items():
            unknown = bits & ~known_bits(combinator, word)
            if unknown:
                out[f"extra_{word}"] = unknown  # TL-47
        return out

    def _bare(self, type_ref: TypeRef) -> Combinator:
        return self.by_type[type_ref.name][0] if is_boxed_name(type_ref.name) else self.by_name[type_ref.name]

    def _constructor(self, identifier: int, type_ref: TypeRef, offset: int) -> tuple[Codec, Combinator]:
        """The declaration of a received id, if it may stand where ``type_ref`` is expected (TL-44)."""
        name = type_ref.name
        found = self.by_id.get(identifier)
        if found is not None and _fits(found, name):
            return self, found
        codec = next((other for other in self.others() if identifier in other.by_id), None)
        if codec is not None and (name == "Object" or (name[0] == "!" and _may_be_query(codec.by_id[identifier]))):
            return codec, codec.by_id[identifier]
        if found or codec or identifier in BUILTIN_IDS:
            detail = f"#{identifier:08x} where {'a function' if name[0] == '!' else name} is expected"
            raise DecodeError("unexpected_constructor", offset, detail=detail)
        raise UnknownConstructor(identifier, offset)

    # Encoding

    def _write(self, parts: list[bytes], value: Any, type_ref: TypeRef) -> None:
        name = type_ref.name
        if name in INTEGERS:
            parts.append(integer(value, *INTEGERS[name]))
        elif name == "double":
            parts.append(double(value))
        elif name in OPAQUE:
            if not isinstance(value, bytes) or len(value) != OPAQUE[name]:
                raise Refused(f"expects {OPAQUE[name]} bytes")
            parts.append(value)
        elif name in ("string", "bytes"):
            parts.append(string(value, name))
        elif name in ("true", "True", "Bool"):
            parts.append(truth(value, name))
        elif type_ref.is_vector:
            self._write_vector(parts, value, type_ref)
        else:
            self._write_object(parts, value, type_ref)

    def _write_vector(self, parts: list[bytes], value: Any, type_ref: TypeRef) -> None:
        if not isinstance(value, list):
            raise Refused(f"expects a list, got {type(value).__name__}")
        head = b"" if type_ref.bare else VECTOR.to_bytes(4, "little")
        parts.append(head + len(value).to_bytes(4, "little"))
        for index, item in enumerate(value):
            try:
                self._write(parts, item, type_ref.arguments[0])
            except Refused as error:
                raise Refused(error.reason, joined(f"[{index}]", error.path)) from None

    def _write_object(self, parts: list[bytes], value: Any, type_ref: TypeRef) -> None:
        if isinstance(value, Serialized):
            parts.append(value.body)
            return
        codec, combinator = self._declaration(value, type_ref)
        expected = type_ref.name
        if type_ref.bare:
            if combinator != self._bare(type_ref):
                raise Refused(f"expects {expected}, got {combinator.name}")
        else:
            fits = codec is self and _constructs(combinator, expected)
            if not fits and expected != "Object" and expected[0] != "!":
                raise Refused(f"expects {expected}, got {combinator.name} of {combinator.result}")
            parts.append(combinator.id.to_bytes(4, "little"))
        codec._write_fields(parts, value, combinator)

    def _declaration(self, value: Any, type_ref: TypeRef) -> tuple[Codec, Combinator]:
        prefix, name = name_of(value)
        for codec in (self, *self.others()):
            if prefix == codec.prefix and name in codec.by_name:
                return codec, codec.by_name[name]
        if not name:
            raise Refused(f"expects {expectation(type_ref)}, got {type(value).__name__}")
        raise Refused(f"{ascii(prefix + name)[:100]} is not in the schema")

    def _write_fields(self, parts: list[bytes], value: Any, combinator: Combinator) -> None:
        fields = fields_of(value, combinator)
        words = {param.name: flag_word(combinator, param.name, fields) for param in combinator.params if param.is_word}
        for param in combinator.params:
            if param.is_word:
                parts.append(words[param.name].to_bytes(4, "little"))
                continue
            field = fields.get(param.name)
            if param.condition and (field is None or param.is_flag):
                continue
            try:
                if field is None:
                    raise Refused(f"is missing; expects {expectation(param.type)}")
                self._write(parts, field, param.type)
            except Refused as error:
                raise Refused(error.reason, joined(param.name, error.path)) from None


class _Input:
    """Bytes and a position that cannot run past them. Unless ``keep``, values are read and forgotten."""

    __slots__ = ("buf", "keep", "pos")

    def __init__(self, buf: bytes, pos: int, keep: bool) -> None:
        self.buf = buf
        self.pos = pos
        self.keep = keep

    def take(self, count: int) -> bytes:
        end = self.pos + count
        if end > len(self.buf):
            raise DecodeError("eof", self.pos)
        data = self.buf[self.pos : end]
        self.pos = end
        return data

    def string(self) -> bytes:
        start = self.pos
        first = self.take(1)[0]
        if first == 255:
            raise DecodeError("bad_string", start, detail="length prefix ff")  # TL-39
        length = int.from_bytes(self.take(3), "little") if first == 254 else first
        data = self.take(length)
        self.take((start - self.pos) % 4)
        return data


def _type(type_ref: TypeRef | str) -> TypeRef:
    return parse_type(type_ref) if isinstance(type_ref, str) else type_ref


def _rebuilt(error: DecodeError) -> DecodeError:
    if isinstance(error, UnknownConstructor):
        return UnknownConstructor(error.constructor_id, error.offset, error.path)
    return DecodeError(error.kind, error.offset, error.path, error.detail)


def _fits(combinator: Combinator, expected: str) -> bool:
    """Whether ``combinator`` may stand where ``expected`` is written in its own schema (TL-44)."""
    if expected == "Object":
        return True
    if expected in OWN:
        return combinator.kind in OWN[expected]
    return combinator.kind == "function" if expected[0] == "!" else _constructs(combinator, expected)


def _constructs(combinator: Combinator, type_name: str) -> bool:
    return combinator.kind == "type" and combinator.result.name == type_name


def _may_be_query(combinator: Combinator) -> bool:
    """What another schema may put in place of ``!X``: its functions, and gzip_packed (TL-61)."""
    return combinator.kind == "function" or combinator.name == "gzip_packed"


# Generated schemas, their older layers, and schemas given at run time


_codecs: dict[tuple[str, int | None], Codec] = {}


def codec(name: str, layer: int | None = None) -> Codec:
    """The codec of a generated schema that has been imported, "api" or "mtproto"; ``layer`` is one of
    ``mtproto.schema.api.LAYERS``, by default the newest. Raises UsageError."""
    schema = ir.schema(name, layer)
    layer = None if schema is ir.schema(name) else layer
    found = _codecs.get((name, layer))
    if found is None:
        found = _codecs.setdefault((name, layer), Codec(schema, prefix_of(name), lambda: _beside(name)))
    return found


def load(text: str, file: str = "<schema>", layer: int | None = None) -> Codec:
    """The codec of a schema in any published form (``tl.formats``), beside that of MTProto where it is imported.

    ``layer`` counts where the text names none. Raises SchemaError with ``file``, the line and the reason.
    """
    from mtproto.tl.formats import read_schema

    return Codec(read_schema(text, file, layer), others=lambda: _beside("api"))


def _beside(name: str) -> list[Codec]:
    """The codecs of the other imported schemas."""
    return [codec(other) for other in tuple(registry.schemas) if other != name]
