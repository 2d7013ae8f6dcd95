"""gzip_packed: unpacking with a limit, packing where it helps (spec: TL-60..64, SEC-33)."""

from __future__ import annotations

import zlib
from io import BytesIO
from struct import Struct

from mtproto.errors import DecodeError
from mtproto.schema import mtproto as schema
from mtproto.tl.wire import pack_bytes, read_bytes

GZIP_PACKED = schema.GzipPacked.ID
LIMIT = 16 * 1024 * 1024
PACK_FROM = 256
SAMPLE_FROM = 1 << 15
_SAMPLES = 8
_SAMPLE = 512
_SMALL = 1 << 18
_CHUNK = 1 << 17
_ID = Struct("<I")
_ID_BYTES = _ID.pack(GZIP_PACKED)
_GZIP_OR_ZLIB = 47  # wbits: 32 + 15, told apart by the first byte; published clients send both (TL-60)


def constructor_of(body: bytes) -> int:
    """The constructor id of a body, unsigned; 0 where it has not even that."""
    return int.from_bytes(body[:4], "little") if len(body) >= 4 else 0


def peek_constructor(body: bytes) -> int:
    """The constructor id of a body, of the packed object where it is gzip_packed; 0 where that cannot be read."""
    constructor = constructor_of(body)
    if constructor != GZIP_PACKED:
        return constructor
    try:
        packed, _ = _packed_data(body)
        return constructor_of(zlib.decompressobj(_GZIP_OR_ZLIB).decompress(packed, 4))
    except (DecodeError, zlib.error):
        return 0


def unpack(body: bytes, limit: int = LIMIT) -> bytes:
    """The object inside a complete gzip_packed body, at most ``limit`` bytes of it.

    Raises DecodeError: ``trailing``, ``eof``, ``bad_string``, ``gzip``, ``gzip_limit``.
    """
    packed, end = _packed_data(body)
    if end != len(body):
        raise DecodeError("trailing", end)
    return gunzip(packed, limit)


def gunzip(packed: bytes, limit: int = LIMIT) -> bytes:
    """Inflate one gzip or zlib stream to the serialisation of one object (TL-60, TL-62, TL-63).

    Never more than ``limit`` bytes are produced. Raises DecodeError ``gzip`` or ``gzip_limit``.
    """
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        data = inflater.decompress(packed, min(limit, _SMALL) + 1)
        if len(data) > _SMALL:
            data = _inflate_large(inflater, data, limit)
    except zlib.error:
        raise DecodeError("gzip", detail="damaged stream") from None
    if len(data) > limit:
        raise _too_large(limit)
    if not inflater.eof:
        raise DecodeError("gzip", detail="truncated stream")
    if inflater.unused_data:
        raise DecodeError("gzip", detail="bytes after the stream")
    if not data or len(data) % 4:
        raise DecodeError("gzip", detail=f"{len(data)} bytes are not an object")
    if data[:4] == _ID_BYTES:  # TL-62
        raise DecodeError("gzip", detail="gzip_packed inside gzip_packed")
    return data


def _inflate_large(inflater: zlib._Decompress, start: bytes, limit: int) -> bytes:
    """The rest of a stream, into one buffer made for it: zlib alone would hold its result twice."""
    out = BytesIO()
    out.seek(limit)
    out.write(b"\0")
    out.seek(0)
    size = out.write(start)
    while not inflater.eof and (part := inflater.decompress(inflater.unconsumed_tail, _CHUNK)):
        if size + len(part) > limit:
            raise _too_large(limit)
        size += out.write(part)
    out.truncate(size)
    return out.getvalue()


def _too_large(limit: int) -> DecodeError:
    return DecodeError("gzip_limit", detail=f"more than {limit} bytes")


def pack(body: bytes) -> bytes:
    """``body`` as gzip_packed where that is smaller and worth trying, else ``body`` itself (TL-64)."""
    if len(body) < PACK_FROM or (len(body) > SAMPLE_FROM and not _promising(body)):
        return body
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = deflater.compress(body) + deflater.flush()
    if len(packed) >= len(body):  # with it the largest body of all would not even fit a TL string
        return body
    packed = _ID_BYTES + pack_bytes(packed)
    return packed if len(packed) < len(body) else body


def _promising(body: bytes) -> bool:
    """Whether samples of a large body get smaller at all: 45 µs, where a film of 512 KiB costs 18 ms for nothing."""
    step = (len(body) - _SAMPLE) // (_SAMPLES - 1)
    sample = b"".join(body[start : start + _SAMPLE] for start in range(0, step * _SAMPLES, step))
    return len(zlib.compress(sample, 1)) < len(sample)


def _packed_data(body: bytes) -> tuple[bytes, int]:
    try:
        packed, end = read_bytes(body, 4)
    except IndexError as error:
        raise DecodeError("eof", len(body)) from error
    if end > len(body):
        raise DecodeError("eof", len(body))
    return packed, end
