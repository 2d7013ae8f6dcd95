"""TL primitives: values ↔ bytes (docs/spec/tl.md, TL-30 … TL-43).

A reader is ``(buf, pos) -> (value, pos)``. Readers raise what reading past the end raises in Python; slices may
even overrun, so that every reader is used inside ``tl.registry.decode``, which demands that the end is met and
turns each failure into DecodeError. ``pack_*`` raise UsageError for values that do not fit (TL-51).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from struct import Struct
from typing import Any, TypeAlias, TypeVar

from mtproto.errors import DecodeError, UsageError

T = TypeVar("T")
Reader: TypeAlias = Callable[[bytes, int], tuple[Any, int]]
"""Reads one value from ``buf`` at ``pos``; returns it and the position behind it."""

VECTOR_ID = 0x1CB5C415
BOOL_TRUE = 0x997275B5
BOOL_FALSE = 0xBC799737
TRUE_ID = 0x3FEDD339
GZIP_PACKED_ID = 0x3072CFA1
MAX_STRING = (1 << 24) - 1
MAX_EMPTY_ELEMENTS = 65536
"""Limit on the count of a vector whose elements occupy no bytes (TL-43)."""

ENCODE_ERRORS = (struct.error, AttributeError, TypeError, ValueError, OverflowError, RecursionError)
"""What the fast writers raise for a value that does not fit; ``TLObject.to_bytes`` turns it into UsageError."""

unpack_I = Struct("<I").unpack_from
_unpack_i = Struct("<i").unpack_from
_unpack_q = Struct("<q").unpack_from
_unpack_d = Struct("<d").unpack_from
unpack_Ii = Struct("<Ii").unpack_from
_unpack_16s = Struct("<16s").unpack_from
_unpack_32s = Struct("<32s").unpack_from
pack_i = Struct("<i").pack
pack_q = Struct("<q").pack
pack_d = Struct("<d").pack
pack_I = Struct("<I").pack
pack_Ii = Struct("<Ii").pack

# A Pascal string of a fixed size is the short form of TL-37, padding included: 0.16 µs against 0.21 µs for
# joining length, data and padding.
_SHORT = [Struct(f"{size}p").pack for size in range(4, 257, 4)]
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


# Fast writers: errors of Python's own, for use inside to_bytes


def raw_bytes(value: bytes) -> bytes:
    """``bytes`` on the wire (TL-37)."""
    size = len(value)
    if size < 254:
        return _SHORT[size >> 2](value)
    return _long_form(value, size)


def raw_string(value: str) -> bytes:
    """``string`` on the wire: UTF-8, where U+DC80..U+DCFF stand for bytes that are not (TL-40)."""
    try:
        data = value.encode()
    except UnicodeEncodeError:
        data = value.encode("utf-8", "surrogateescape")
    size = len(data)
    if size < 254:
        return _SHORT[size >> 2](data)
    return _long_form(data, size)


def _long_form(data: bytes, size: int) -> bytes:
    if size > MAX_STRING:
        raise UsageError(f"a string of {size} bytes: at most 2^24 - 1 can be encoded (TL-38)")
    if not isinstance(data, bytes | bytearray):
        raise TypeError("not bytes")
    return b"".join((b"\xfe", size.to_bytes(3, "little"), data, _PADDING[size & 3]))


def exactly(value: bytes, size: int) -> bytes:
    """``value``, which must be ``size`` bytes: int128 and int256 (TL-33)."""
    if not isinstance(value, bytes) or len(value) != size:
        raise TypeError(f"not {size} bytes")
    return value


def bool_word(value: bool) -> int:
    """The constructor id of a Bool (TL-35)."""
    if value is True:
        return BOOL_TRUE
    if value is False:
        return BOOL_FALSE
    raise TypeError("neither True nor False")


def true_flag(value: bool) -> int:
    """0 for the one value that is neither True nor a mistake: False."""
    if value is False:
        return 0
    raise TypeError("neither True nor False")


def true_field(value: bool) -> bytes:
    """A mandatory bare ``true``: no bytes (TL-36)."""
    if value is True:
        return b""
    raise TypeError("not True")


def boxed_true(value: bool) -> bytes:
    """A value of the boxed type True: its constructor id."""
    return true_field(value) + pack_I(TRUE_ID)


def extra_bits(value: int, known: int) -> int:
    """Caller-supplied flag bits: only those that no known field uses (TL-46)."""
    if not 0 <= value < 1 << 32 or value & known:
        raise UsageError(f"extra flags {value:#x}: not unknown bits of a 32-bit flag word (TL-46)")
    return value


def uneven(first: str, second: str) -> UsageError:
    """Two fields share a bit, and only one is present (TL-46)."""
    return UsageError(f"{first} and {second} share a flag bit: give both or neither (TL-46)")


count_of: Callable[[list[Any]], int] = list.__len__
"""The length of a list; anything else is a TypeError: a str is no vector of strings, and a tuple would not compare
equal to what is decoded (TL-51, TL-88)."""


def items_of(value: list[Any]) -> list[Any]:
    """``value``, which must be a list."""
    count_of(value)
    return value


def raw_vector(parts: list[bytes]) -> bytes:
    """A boxed vector of encoded elements (TL-42)."""
    return pack_Ii(VECTOR_ID, len(parts)) + b"".join(parts)


def raw_bare_vector(parts: list[bytes]) -> bytes:
    """A bare vector of encoded elements (TL-42)."""
    return pack_i(len(parts)) + b"".join(parts)


def raw_numbers(values: list[Any], code: str) -> bytes:
    """A boxed vector of int ("i"), long ("q") or double ("d"), in one struct."""
    count = count_of(values)
    return struct.pack(f"<Ii{count}{code}", VECTOR_ID, count, *values)


# Writers for callers


def pack_int(value: int) -> bytes:
    """``int``: 4 bytes, signed, little-endian (TL-31)."""
    return _checked(pack_i, value, "a 32-bit signed integer")


def pack_long(value: int) -> bytes:
    """``long``: 8 bytes, signed, little-endian (TL-32)."""
    return _checked(pack_q, value, "a 64-bit signed integer")


def pack_double(value: float) -> bytes:
    """``double``: IEEE-754 binary64, little-endian; every bit pattern is kept (TL-34)."""
    return _checked(pack_d, value, "a number that fits binary64")


def pack_int128(value: bytes) -> bytes:
    """``int128``: 16 bytes as they are (TL-33)."""
    return _checked(lambda data: exactly(data, 16), value, "16 bytes")


def pack_int256(value: bytes) -> bytes:
    """``int256``: 32 bytes as they are (TL-33)."""
    return _checked(lambda data: exactly(data, 32), value, "32 bytes")


def pack_bytes(value: bytes) -> bytes:
    """``bytes``: length, data and padding to a multiple of 4 bytes (TL-37, TL-38)."""
    return _checked(raw_bytes, value, "bytes")


def pack_string(value: str) -> bytes:
    """``string``: as bytes, in UTF-8 (TL-37, TL-40)."""
    return _checked(raw_string, value, "a string without lone surrogates outside U+DC80..U+DCFF")


def pack_bool(value: bool) -> bytes:
    """``Bool``: the 4-byte id of boolTrue or boolFalse (TL-35)."""
    return pack_I(_checked(bool_word, value, "True or False"))


def _checked(write: Callable[[Any], T], value: object, expected: str) -> T:
    try:
        return write(value)
    except ENCODE_ERRORS:
        raise UsageError(f"expected {expected}, got {type(value).__name__}") from None


# Readers


def read_int(buf: bytes, pos: int) -> tuple[int, int]:
    (value,) = _unpack_i(buf, pos)
    return value, pos + 4


def read_long(buf: bytes, pos: int) -> tuple[int, int]:
    (value,) = _unpack_q(buf, pos)
    return value, pos + 8


def read_double(buf: bytes, pos: int) -> tuple[float, int]:
    (value,) = _unpack_d(buf, pos)
    return value, pos + 8


def read_int128(buf: bytes, pos: int) -> tuple[bytes, int]:
    (value,) = _unpack_16s(buf, pos)
    return value, pos + 16


def read_int256(buf: bytes, pos: int) -> tuple[bytes, int]:
    (value,) = _unpack_32s(buf, pos)
    return value, pos + 32


def read_word(buf: bytes, pos: int) -> tuple[int, int]:
    """A flag word: 32 bits, unsigned (TL-31)."""
    (value,) = unpack_I(buf, pos)
    return value, pos + 4


def read_bytes(buf: bytes, pos: int) -> tuple[bytes, int]:
    """``bytes``; the long form is accepted at any length, padding is not looked at (TL-38)."""
    size = buf[pos]
    pos += 1
    if size < 254:
        return buf[pos : pos + size], pos + (size | 3)
    return _read_long_form(buf, pos, size)


def read_string(buf: bytes, pos: int) -> tuple[str, int]:
    """``string``; bytes that are not UTF-8 come as U+DC80..U+DCFF and are written back unchanged (TL-40)."""
    size = buf[pos]
    pos += 1
    if size < 254:
        data = buf[pos : pos + size]
        pos += size | 3  # the length byte and the data, padded to a multiple of 4, end here
    else:
        data, pos = _read_long_form(buf, pos, size)
    try:
        return data.decode(), pos
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape"), pos


def _read_long_form(buf: bytes, pos: int, prefix: int) -> tuple[bytes, int]:
    if prefix != 254:
        raise DecodeError("bad_string", pos - 1, detail="length prefix ff")  # TL-39
    size = int.from_bytes(buf[pos : pos + 3], "little")
    pos += 3
    return buf[pos : pos + size], pos + (size + 3 & -4)


def read_bool(buf: bytes, pos: int) -> tuple[bool, int]:
    (word,) = unpack_I(buf, pos)
    return word == BOOL_TRUE or to_bool(word), pos + 4


def to_bool(word: int) -> bool:
    """The Bool whose constructor id is ``word`` (TL-35)."""
    if word == BOOL_TRUE:
        return True
    if word == BOOL_FALSE:
        return False
    raise DecodeError("bad_bool", detail=f"#{word:08x}")


def read_boxed_true(buf: bytes, pos: int) -> tuple[bool, int]:
    """The boxed type True: its only constructor."""
    (word,) = unpack_I(buf, pos)
    if word != TRUE_ID:
        raise DecodeError("unexpected_constructor", pos, detail=f"#{word:08x} where True is expected")
    return True, pos + 4


def read_true(buf: bytes, pos: int) -> tuple[bool, int]:
    """Bare ``true``: no bytes (TL-36)."""
    return True, pos


def bare_count(buf: bytes, pos: int, minimum: int) -> tuple[int, int]:
    """The count of a bare vector, if so many elements of ``minimum`` bytes can follow (TL-43)."""
    (count,) = _unpack_i(buf, pos)
    pos += 4
    limit = (len(buf) - pos) // minimum if minimum else MAX_EMPTY_ELEMENTS
    if not 0 <= count <= limit:
        raise DecodeError("bad_count", pos - 4, detail=f"count {count}, at most {max(limit, 0)} can follow")
    return count, pos


def vector_count(buf: bytes, pos: int, minimum: int) -> tuple[int, int]:
    """The count of a boxed vector (TL-42, TL-43)."""
    (word,) = unpack_I(buf, pos)
    if word != VECTOR_ID:
        raise DecodeError("bad_vector", pos, detail=f"#{word:08x} where a vector is expected")
    return bare_count(buf, pos + 4, minimum)


def read_vector(buf: bytes, pos: int, element: Reader, minimum: int) -> tuple[list[Any], int]:
    """``Vector<T>``: ``element`` reads one T, which occupies at least ``minimum`` bytes."""
    count, pos = vector_count(buf, pos, minimum)
    out = []
    for _ in range(count):
        value, pos = element(buf, pos)
        out.append(value)
    return out, pos


def read_bare_vector(buf: bytes, pos: int, element: Reader, minimum: int) -> tuple[list[Any], int]:
    """``vector<T>``."""
    count, pos = bare_count(buf, pos, minimum)
    out = []
    for _ in range(count):
        value, pos = element(buf, pos)
        out.append(value)
    return out, pos


def read_objects(buf: bytes, pos: int, table: dict[int, Reader], minimum: int) -> tuple[list[Any], int]:
    """``Vector<T>`` of a boxed type whose readers are in ``table``."""
    word, count = unpack_Ii(buf, pos)
    if not count and word == VECTOR_ID:
        return [], pos + 8
    if word != VECTOR_ID or count < 0 or count * minimum > len(buf) - pos - 8:
        vector_count(buf, pos, minimum)  # says why
    pos += 8
    out = []
    for _ in range(count):
        value, pos = table[unpack_I(buf, pos)[0]](buf, pos + 4)
        out.append(value)
    return out, pos


def read_numbers(buf: bytes, pos: int, code: str, size: int) -> tuple[list[Any], int]:
    """``Vector<int>`` ("i", 4), ``Vector<long>`` ("q", 8) or ``Vector<double>`` ("d", 8)."""
    count, pos = vector_count(buf, pos, size)
    return list(struct.unpack_from(f"<{count}{code}", buf, pos)), pos + count * size


class Bits(dict[int, tuple[Any, ...]]):
    """Flag word → the values of its ``true`` fields and the unknown bits, computed once for each word.

    A look-up and one unpacking replace a test and a store for each flag: ``user`` has 29. The least that a class
    needs to gain is four flags. Bounded, since the peer chooses the words.
    """

    __slots__ = ("bits", "unknown")

    def __init__(self, bits: tuple[int, ...], unknown: int) -> None:
        self.bits = bits
        self.unknown = unknown

    def __missing__(self, word: int) -> tuple[Any, ...]:
        if len(self) >= 64:
            self.clear()
        values = self[word] = (*[word & bit != 0 for bit in self.bits], word & self.unknown)
        return values


class Words(dict[tuple[bool, ...], int]):
    """The reverse of Bits for writers: values of the ``true`` fields → their bits. Refuses what is not a bool."""

    __slots__ = ("bits",)

    def __init__(self, *bits: int) -> None:
        self.bits = bits

    def __missing__(self, values: tuple[bool, ...]) -> int:
        word = 0
        for value, bit in zip(values, self.bits, strict=True):
            word |= bit if value is True else true_flag(value)
        if len(self) >= 64:
            self.clear()
        self[values] = word
        return word
