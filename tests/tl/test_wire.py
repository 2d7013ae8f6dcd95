"""Primitives: TL-30 … TL-43."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import DecodeError, UsageError
from mtproto.tl import wire
from mtproto.tl.registry import decode, decode_prefix

PAIRS: dict[str, tuple[Callable[[Any], bytes], wire.Reader, st.SearchStrategy[Any]]] = {
    "int": (wire.pack_int, wire.read_int, st.integers(-(2**31), 2**31 - 1)),
    "long": (wire.pack_long, wire.read_long, st.integers(-(2**63), 2**63 - 1)),
    "double": (wire.pack_double, wire.read_double, st.floats(allow_nan=False)),
    "bytes": (wire.pack_bytes, wire.read_bytes, st.binary(max_size=700)),
    "string": (wire.pack_string, wire.read_string, st.text(max_size=400)),
    "bool": (wire.pack_bool, wire.read_bool, st.booleans()),
    "int128": (wire.pack_int128, wire.read_int128, st.binary(min_size=16, max_size=16)),
    "int256": (wire.pack_int256, wire.read_int256, st.binary(min_size=32, max_size=32)),
}


@pytest.mark.parametrize("name", PAIRS)
@given(data=st.data())
@pytest.mark.requirement("TL-30")
def test_what_is_packed_is_read_back_and_whole_words(name: str, data: st.DataObject) -> None:
    pack, read, values = PAIRS[name]
    value = data.draw(values)
    encoded = pack(value)
    assert len(encoded) % 4 == 0
    assert decode(encoded, read) == value
    assert decode_prefix(encoded + b"more", read) == (value, len(encoded))


@pytest.mark.parametrize(
    ("length", "total", "start"),
    [
        (0, 4, "00000000"),
        (1, 4, "01780000"),
        (3, 4, "03787878"),
        (4, 8, "04787878"),
        (253, 256, "fd787878"),
        (254, 260, "fefe0000"),
        (255, 260, "feff0000"),
        (256, 260, "fe000100"),
    ],
)
@pytest.mark.requirement("TL-37")
def test_the_length_forms_of_a_string(length: int, total: int, start: str) -> None:
    encoded = wire.pack_string("x" * length)
    assert (len(encoded), encoded[:4].hex()) == (total, start)
    head = 1 if length < 254 else 4
    assert encoded[head : head + length] == b"x" * length
    assert not any(encoded[head + length :])


@pytest.mark.parametrize("bits", [0x7FF8000000000001, 0x7FF0000000000001, 0xFFF8000000000123])
@pytest.mark.requirement("TL-34")
def test_every_bit_pattern_of_a_double_is_kept(bits: int) -> None:
    encoded = struct.pack("<Q", bits)
    value = decode(encoded, wire.read_double)
    assert math.isnan(value)
    assert wire.pack_double(value) == encoded


@pytest.mark.requirement("TL-40")
def test_a_string_that_is_not_utf8_is_kept() -> None:
    encoded = wire.pack_bytes(b"\xff\xfe ok \x80")
    text = decode(encoded, wire.read_string)
    assert text.encode("utf-8", "surrogateescape") == b"\xff\xfe ok \x80"
    assert wire.pack_string(text) == encoded


@pytest.mark.requirement("TL-38")
def test_the_long_form_is_read_at_any_length_and_padding_is_not_looked_at() -> None:
    assert decode(b"\xfe\x03\x00\x00abc\xff", wire.read_bytes) == b"abc"
    assert decode(b"\x01a\xff\xff", wire.read_string) == "a"


@pytest.mark.parametrize(
    ("pack", "value"),
    [
        (wire.pack_int, 2**31),
        (wire.pack_int, -(2**31) - 1),
        (wire.pack_int, 1.0),
        (wire.pack_int, None),
        (wire.pack_long, 2**63),
        (wire.pack_long, "1"),
        (wire.pack_double, "1"),
        (wire.pack_double, 10**400),
        (wire.pack_int128, bytes(15)),
        (wire.pack_int128, "x" * 16),
        (wire.pack_int256, bytes(33)),
        (wire.pack_bytes, "text"),
        (wire.pack_bytes, "x" * 300),
        (wire.pack_bytes, 5),
        (wire.pack_bytes, [1, 2]),
        (wire.pack_bytes, [1] * 300),
        (wire.pack_string, b"bytes"),
        (wire.pack_string, "\ud800"),
        (wire.pack_string, "\udc7f"),
        (wire.pack_string, "\udd00"),
        (wire.pack_bool, 1),
        (wire.pack_bool, None),
    ],
)
@pytest.mark.requirement("TL-51")
def test_a_value_that_does_not_fit_is_refused(pack: Callable[[Any], bytes], value: Any) -> None:
    with pytest.raises(UsageError):
        pack(value)


@pytest.mark.requirement("TL-38", "TL-82")
def test_a_string_of_2_24_bytes_is_refused_and_one_less_is_not() -> None:
    with pytest.raises(UsageError):
        wire.pack_bytes(bytes(1 << 24))
    assert len(wire.pack_bytes(bytes((1 << 24) - 1))) == (1 << 24) + 4


@pytest.mark.parametrize(
    ("data", "read", "kind"),
    [
        ("", wire.read_int, "eof"),
        ("000000", wire.read_int, "eof"),
        ("00000000000000", wire.read_long, "eof"),
        ("00000000", wire.read_double, "eof"),
        ("00" * 15, wire.read_int128, "eof"),
        ("00" * 31, wire.read_int256, "eof"),
        ("", wire.read_bytes, "eof"),
        ("05", wire.read_bytes, "eof"),
        ("050102030405", wire.read_bytes, "eof"),
        ("fe", wire.read_bytes, "eof"),
        ("fe0001", wire.read_string, "eof"),
        ("feffffff00000000", wire.read_string, "eof"),
        ("ff000000", wire.read_bytes, "bad_string"),
        ("ff000000", wire.read_string, "bad_string"),
        ("00000000", wire.read_bool, "bad_bool"),
        ("39d3ed3f", wire.read_bool, "bad_bool"),
        ("0000000000", wire.read_int, "trailing"),
    ],
)
@pytest.mark.requirement("TL-35", "TL-39", "TL-85", "TL-87")
def test_bytes_that_are_no_value_are_a_decode_error(data: str, read: wire.Reader, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(bytes.fromhex(data), read)
    assert caught.value.kind == kind


def vector_of_true(buf: bytes, pos: int) -> tuple[list[Any], int]:
    return wire.read_vector(buf, pos, wire.read_true, 0)


@pytest.mark.requirement("TL-36", "TL-43")
def test_a_vector_of_elements_without_bytes_has_a_limit() -> None:
    head = (0x1CB5C415).to_bytes(4, "little")
    assert len(decode(head + (65536).to_bytes(4, "little"), vector_of_true)) == 65536
    with pytest.raises(DecodeError) as caught:
        decode(head + (65537).to_bytes(4, "little"), vector_of_true)
    assert caught.value.kind == "bad_count"


def test_memo_tables_of_flags_stay_small() -> None:
    bits = wire.Bits((1, 2), 0xFFFFFFFC)
    for word in range(1000):
        assert bits[word] == (word & 1 != 0, word & 2 != 0, word & 0xFFFFFFFC)
    assert len(bits) <= 64
    words = wire.Words(1, 2, 4, 8)
    assert words[True, False, False, True] == 9
    with pytest.raises(TypeError):
        words[True, False, None, True]  # type: ignore[index]
