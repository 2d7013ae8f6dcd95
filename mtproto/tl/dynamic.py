"""The second codec: driven by a schema, over plain Python values (TL-30 … TL-51, TL-80 … TL-88).

It shares no code with generated readers and writers, so that each is a check on the other. It serves what they
cannot: schemas given at run time, another layer's form of a constructor, and the place of an error (``locate``,
``refusal``). A value is an int, float, str, bytes, bool or list as in generated classes; an object is a dict
``{"_": name, field: value}`` by TL names, in which ``true`` fields stand only when set and absent fields not at
all. Names of other schemas carry a prefix, as in ``mtproto:ping``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from mtproto.errors import DecodeError, UnknownConstructor, UsageError
from mtproto.tl import ir, registry
from mtproto.tl.objects import TLFunction, TLObject, schema_name
from mtproto.tl.schema import Combinator, Param, Schema, TypeRef, field_name, is_boxed_name, minimum_size
from mtproto.tl.schema import minimum_sizes, parse_type

VECTOR, TRUE, BOOL_TRUE, BOOL_FALSE = 0x1CB5C415, 0x3FEDD339, 0x997275B5, 0xBC799737
BUILTIN_IDS = frozenset({VECTOR, TRUE, BOOL_TRUE, BOOL_FALSE})
EMPTY_ELEMENTS = 65536
LONGEST = (1 << 24) - 1
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

    __slots__ = ("by_id", "by_name", "by_type", "others", "prefix", "sizes")

    def __init__(self, schema: Schema, prefix: str = "", others: Callable[[], list[Codec]] = list) -> None:
        self.prefix = prefix
        self.others = others
        self.by_id = {combinator.id: combinator for combinator in schema.combinators}
        self.by_name = {combinator.name: combinator for combinator in schema.combinators}
        self.by_type: dict[str, list[Combinator]] = {}
        for combinator in schema.combinators:
            if combinator.kind == "type":
                self.by_type.setdefault(combinator.result.name, []).append(combinator)
        self.sizes = minimum_sizes(schema)

    def decode(self, buf: bytes, type_ref: TypeRef | str = OBJECT) -> Any:
        """The value of ``type_ref`` that occupies all of ``buf``. Raises DecodeError with offset and path."""
        value, pos = self.decode_prefix(buf, type_ref)
        if pos != len(buf):
            raise DecodeError("trailing", pos, detail=f"{len(buf) - pos} bytes are left")
        return value

    def decode_prefix(self, buf: bytes, type_ref: TypeRef | str = OBJECT, pos: int = 0) -> tuple[Any, int]:
        """The value at ``pos`` and the position behind it."""
        source = _Input(buf, pos)
        try:
            return self._read(source, _type(type_ref)), source.pos
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
        except _Refused as error:
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
        least = minimum_size(type_ref.arguments[0], self.sizes)
        left = len(source.buf) - source.pos
        if count < 0 or (count * least > left if least else count > EMPTY_ELEMENTS):  # TL-43
            raise DecodeError("bad_count", start, detail=f"count {count}, {left} bytes are left")
        out = []
        for index in range(count):
            try:
                out.append(self._read(source, type_ref.arguments[0]))
            except DecodeError as error:
                error.path = _joined(f"[{index}]", error.path)
                raise
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
                error.path = _joined(param.name, error.path)
                raise
            if param.is_word:
                words[param.name] = value
            else:
                out[param.name] = value
        for word, bits in words.items():
            unknown = bits & ~_known_bits(combinator, word)
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
            parts.append(_integer(value, *INTEGERS[name]))
        elif name == "double":
            parts.append(_double(value))
        elif name in OPAQUE:
            if not isinstance(value, bytes) or len(value) != OPAQUE[name]:
                raise _Refused(f"expects {OPAQUE[name]} bytes")
            parts.append(value)
        elif name in ("string", "bytes"):
            parts.append(_string(value, name))
        elif name in ("true", "True", "Bool"):
            parts.append(_truth(value, name))
        elif type_ref.is_vector:
            self._write_vector(parts, value, type_ref)
        else:
            self._write_object(parts, value, type_ref)

    def _write_vector(self, parts: list[bytes], value: Any, type_ref: TypeRef) -> None:
        if not isinstance(value, list | tuple):
            raise _Refused(f"expects a list, got {type(value).__name__}")
        head = b"" if type_ref.bare else VECTOR.to_bytes(4, "little")
        parts.append(head + len(value).to_bytes(4, "little"))
        for index, item in enumerate(value):
            try:
                self._write(parts, item, type_ref.arguments[0])
            except _Refused as error:
                raise _Refused(error.reason, _joined(f"[{index}]", error.path)) from None

    def _write_object(self, parts: list[bytes], value: Any, type_ref: TypeRef) -> None:
        codec, combinator = self._declaration(value, type_ref)
        expected = type_ref.name
        if type_ref.bare:
            if combinator != self._bare(type_ref):
                raise _Refused(f"expects {expected}, got {combinator.name}")
        else:
            fits = codec is self and _constructs(combinator, expected)
            if not fits and expected != "Object" and expected[0] != "!":
                raise _Refused(f"expects {expected}, got {combinator.name} of {combinator.result}")
            parts.append(combinator.id.to_bytes(4, "little"))
        codec._write_fields(parts, value, combinator)

    def _declaration(self, value: Any, type_ref: TypeRef) -> tuple[Codec, Combinator]:
        prefix, name = _name_of(value)
        for codec in (self, *self.others()):
            if prefix == codec.prefix and name in codec.by_name:
                return codec, codec.by_name[name]
        if not name:
            raise _Refused(f"expects {_expectation(type_ref)}, got {type(value).__name__}")
        raise _Refused(f"{ascii(prefix + name)[:100]} is not in the schema")

    def _write_fields(self, parts: list[bytes], value: Any, combinator: Combinator) -> None:
        fields = _fields_of(value, combinator)
        words = {param.name: _flag_word(combinator, param.name, fields) for param in combinator.params if param.is_word}
        for param in combinator.params:
            if param.is_word:
                parts.append(words[param.name].to_bytes(4, "little"))
                continue
            field = fields.get(param.name)
            if param.condition and (field is None or param.is_flag):
                continue
            try:
                if field is None:
                    raise _Refused(f"is missing; expects {_expectation(param.type)}")
                self._write(parts, field, param.type)
            except _Refused as error:
                raise _Refused(error.reason, _joined(param.name, error.path)) from None


class _Input:
    """Bytes and a position that cannot run past them."""

    __slots__ = ("buf", "pos")

    def __init__(self, buf: bytes, pos: int) -> None:
        self.buf = buf
        self.pos = pos

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


class _Refused(Exception):
    """A value that cannot be encoded; ``path`` grows on the way out."""

    def __init__(self, reason: str, path: str = "") -> None:
        self.reason = reason
        self.path = path
        super().__init__(reason)


def _type(type_ref: TypeRef | str) -> TypeRef:
    return parse_type(type_ref) if isinstance(type_ref, str) else type_ref


def _joined(head: str, tail: str) -> str:
    return f"{head}{'' if not tail or tail.startswith('[') else '.'}{tail}"


def _rebuilt(error: DecodeError) -> DecodeError:
    if isinstance(error, UnknownConstructor):
        return UnknownConstructor(error.constructor_id, error.offset, error.path)
    return DecodeError(error.kind, error.offset, error.path, error.detail)


def _known_bits(combinator: Combinator, word: str) -> int:
    known = 0
    for param in combinator.params:
        if param.condition and param.condition[0] == word:
            known |= 1 << param.condition[1]
    return known


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


def _integer(value: Any, size: int, signed: bool) -> bytes:
    if not isinstance(value, int):
        raise _Refused(f"expects an integer of {size * 8} bits, got {type(value).__name__}")
    try:
        return value.to_bytes(size, "little", signed=signed)
    except OverflowError:
        raise _Refused(f"expects a {'signed' if signed else 'unsigned'} integer of {size * 8} bits") from None


def _double(value: Any) -> bytes:
    if not isinstance(value, int | float):
        raise _Refused(f"expects a number, got {type(value).__name__}")
    try:
        return struct.pack("<d", value)
    except OverflowError:
        raise _Refused("expects a number that fits a double") from None


def _string(value: Any, kind: str) -> bytes:
    if kind == "string":
        if not isinstance(value, str):
            raise _Refused(f"expects a string, got {type(value).__name__}")
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise _Refused("a lone surrogate outside U+DC80..U+DCFF is not text") from None
    elif isinstance(value, bytes | bytearray):
        data = bytes(value)
    else:
        raise _Refused(f"expects bytes, got {type(value).__name__}")
    if len(data) > LONGEST:
        raise _Refused(f"{len(data)} bytes are too long, at most 2^24 - 1 can be encoded")
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    return head + data + bytes(-(len(head) + len(data)) % 4)


def _truth(value: Any, kind: str) -> bytes:
    if value is not True and (kind != "Bool" or value is not False):
        raise _Refused(f"expects {'True or False' if kind == 'Bool' else 'True'}, got {type(value).__name__}")
    word = {"true": b"", "True": TRUE.to_bytes(4, "little")}
    return word[kind] if kind in word else (BOOL_TRUE if value else BOOL_FALSE).to_bytes(4, "little")


def _flag_word(combinator: Combinator, word: str, fields: dict[str, Any]) -> int:
    """The flag word from the presence of its fields, and the unknown bits that the caller adds (TL-46)."""
    bits = 0
    by_bit: dict[int, Param] = {}
    for param in combinator.params:
        if param.condition is None or param.condition[0] != word:
            continue
        value = fields.get(param.name)
        if param.is_flag and value is not None and not isinstance(value, bool):
            raise _Refused("expects True or False", param.name)
        bit = 1 << param.condition[1]
        other = by_bit.setdefault(bit, param)
        present = bool(value) if param.is_flag else value is not None
        if other is not param and present != bool(bits & bit):
            raise _Refused(f"shares a flag bit with {other.name}: give both or neither (TL-46)", param.name)
        bits |= bit if present else 0
    extra = fields.get(f"extra_{word}") or 0
    if not isinstance(extra, int) or not 0 <= extra < 1 << 32 or extra & _known_bits(combinator, word):
        raise _Refused("expects bits of a 32-bit word that no known field uses (TL-46)", f"extra_{word}")
    return bits | extra


def _name_of(value: Any) -> tuple[str, str]:
    """Prefix and TL name of an object; empty if it is none."""
    if isinstance(value, TLObject):
        return prefix_of(schema_name(type(value))), value.NAME
    name = value.get("_", "") if isinstance(value, dict) else ""
    if not isinstance(name, str):
        return "", ""
    prefix, mark, rest = name.rpartition(":")
    return prefix + mark, rest


def _fields_of(value: Any, combinator: Combinator) -> dict[str, Any]:
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
            raise _Refused(f"{combinator.name} has no field {ascii(name)[:100]}")
    return given


def _expectation(type_ref: TypeRef) -> str:
    if type_ref.name[0] == "!":
        return "a function"
    return "an object" if type_ref.name == "Object" else f"a value of type {type_ref}"


# The generated schemas


_codecs: dict[str, Codec] = {}


def prefix_of(name: str) -> str:
    """What stands before the TL names of a schema: nothing for the API, else its name and a colon."""
    return "" if name == "api" else f"{name}:"


def codec(name: str) -> Codec:
    """The codec of a generated schema that has been imported: "api" or "mtproto". Raises UsageError."""
    found = _codecs.get(name)
    if found is None:
        others = lambda: [codec(other) for other in tuple(registry.schemas) if other != name]  # noqa: E731
        found = _codecs.setdefault(name, Codec(ir.schema(name), prefix_of(name), others))
    return found


def locate(problem: DecodeError, buf: bytes, pos: int, read: Callable[[bytes, int], tuple[Any, int]]) -> DecodeError:
    """``problem`` with the offset and the path of the field: ``buf`` is decoded again, until it fails here too.

    This codec reads field by field, so that it may name what precedes the end of a buffer on which a struct failed.
    """
    root = _root(read)
    if root is None or problem.kind == "depth":
        return problem
    try:
        codec(root[0]).decode_prefix(buf, root[1], pos)
    except DecodeError as error:
        if problem.kind in (error.kind, "eof"):
            return error
    return problem


def _root(read: Callable[[bytes, int], tuple[Any, int]]) -> tuple[str, TypeRef] | None:
    """The schema and the type that ``read`` reads, where that can be known."""
    owner = getattr(read, "__self__", None)
    if isinstance(owner, TLFunction):
        result = ir.result_type(owner)
        return None if result is None else (schema_name(type(owner)), result)
    module = read.__module__
    if not module.startswith("mtproto.schema."):
        return None
    schema = module.split(".")[2]
    roots = {"read_function": FUNCTION, "read_object": CONSTRUCTOR if schema == "api" else COMBINATOR}
    root = roots.get(read.__name__)
    return None if root is None else (schema, root)


def refusal(value: TLObject, problem: Exception) -> UsageError:
    """Why ``value`` cannot be encoded: which field, and what it expects."""
    try:
        codec(schema_name(type(value))).encode(value, OBJECT)
    except UsageError as error:
        return UsageError(f"{value.NAME}: {error}")
    return UsageError(f"{value.NAME}: {problem}")
