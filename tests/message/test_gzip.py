"""gzip_packed (TL-60..64, SEC-33)."""

from __future__ import annotations

import gzip as reference
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import DecodeError
from mtproto.message.gzip import LIMIT, constructor_of, gunzip, pack, peek_constructor, unpack
from mtproto.tl.wire import pack_bytes

ID = bytes.fromhex("a1cf7230")
RANDOM = random.Random(0)


def packed(data: bytes) -> bytes:
    return ID + pack_bytes(reference.compress(data, mtime=0))  # the same bytes, and so test ids, at any time


def refused(stream: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(DecodeError) as caught:
        gunzip(stream, limit)
    return caught.value.kind


@given(st.binary(max_size=5000), st.booleans())
@pytest.mark.requirement("TL-60", "TL-64")
def test_what_is_packed_is_unpacked(filling: bytes, repeat: bool) -> None:
    body = b"head" + (filling * (20 if repeat else 1))
    body = body[: len(body) // 4 * 4]
    result = pack(body)
    assert len(result) <= len(body)
    if result is body:
        return
    assert result[:4] == ID
    assert unpack(result) == body


@pytest.mark.requirement("TL-64")
def test_short_bodies_stay_as_they_are() -> None:
    assert pack(bytes(252)) == bytes(252)  # TL-64


@pytest.mark.requirement("TL-64")
def test_what_does_not_get_smaller_stays_as_it_is() -> None:
    body = RANDOM.randbytes(100_000)
    assert pack(body) is body


def test_the_largest_body_that_does_not_compress_stays_as_it_is() -> None:
    """Packed, it would not even fit a TL string."""
    body = RANDOM.randbytes(LIMIT - 4)
    assert pack(body) is body


@pytest.mark.parametrize("size", [4, 262_144, 262_148, 300_000, 1 << 20, LIMIT])
@pytest.mark.requirement("TL-63", "TL-83")
def test_objects_up_to_16_mib_are_unpacked(size: int) -> None:
    assert gunzip(reference.compress(bytes(size))) == bytes(size)


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 4, 4 * LIMIT])
@pytest.mark.requirement("TL-63", "TL-83", "SEC-33")
def test_larger_ones_are_not(size: int) -> None:
    assert refused(reference.compress(bytes(size))) == "gzip_limit"


@pytest.mark.parametrize("limit", [0, 4, 1000, 300_000])
def test_a_smaller_limit_is_kept_to_the_byte(limit: int) -> None:
    assert refused(reference.compress(bytes(limit + 4)), limit) == "gzip_limit"
    if limit:
        assert gunzip(reference.compress(bytes(limit)), limit) == bytes(limit)


@pytest.mark.parametrize("size", [15 << 20, LIMIT, 4 * LIMIT])
@pytest.mark.requirement("TL-63", "TL-86", "SEC-33")
def test_a_bomb_costs_no_more_than_the_limit(size: int) -> None:
    """32 × input + 17 MiB, as for everything that comes out of gunzip."""
    bomb = reference.compress(bytes(size))
    tracemalloc.start()
    try:
        gunzip(bomb)
    except DecodeError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak <= 32 * len(bomb) + (17 << 20)


@pytest.mark.requirement("TL-60")
def test_zlib_streams_are_accepted_too() -> None:
    assert gunzip(zlib.compress(bytes(400))) == bytes(400)  # TL-60
    assert gunzip(zlib.compress(bytes(400_000))) == bytes(400_000)


@pytest.mark.parametrize("size", [400, 400_000])
@pytest.mark.requirement("TL-63", "SEC-33")
def test_damaged_streams_are_refused(size: int) -> None:
    stream = reference.compress(RANDOM.randbytes(size))
    for broken in (
        b"",
        b"not a gzip stream",
        stream[: len(stream) // 2],
        stream[:-1],
        stream[:-5] + bytes([stream[-5] ^ 1]) + stream[-4:],  # the checksum
        stream[:-1] + bytes([stream[-1] ^ 1]),  # the length
        stream + b"more",
        stream + stream,
    ):
        assert refused(broken) == "gzip"


@pytest.mark.parametrize("data", [b"", b"abc", bytes(5), ID + bytes(4)])
@pytest.mark.requirement("TL-62", "TL-63", "TL-83", "SEC-33")
def test_what_is_unpacked_has_to_be_an_object_and_not_packed_again(data: bytes) -> None:
    assert refused(reference.compress(data)) == "gzip"  # TL-62, TL-63


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (ID, "eof"),
        (ID + b"\x05abc", "eof"),
        (ID + b"\xff\0\0\0", "bad_string"),
        (packed(bytes(8)) + bytes(4), "trailing"),
    ],
)
def test_a_gzip_packed_that_is_no_tl_object_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        unpack(body)
    assert caught.value.kind == kind


def test_the_constructor_inside_is_seen_without_unpacking() -> None:
    bomb = ID + pack_bytes(reference.compress(b"\4\3\2\1" + bytes(4 * LIMIT)))
    tracemalloc.start()
    assert peek_constructor(bomb) == 0x01020304
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
    assert constructor_of(bomb) == 0x3072CFA1
    assert constructor_of(b"abc") == 0


@given(st.binary(max_size=100))
def test_random_bytes_are_refused_or_unpacked(rest: bytes) -> None:
    peek_constructor(ID + rest)
    try:
        unpack(ID + rest)
    except DecodeError:
        return
