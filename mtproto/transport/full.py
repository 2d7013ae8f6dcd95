"""Full: length, sequence number and CRC-32 (TR-06, TR-07 of docs/spec/transports.md). It has no quick acks (TR-51)."""

from __future__ import annotations

from struct import Struct
from zlib import crc32

from mtproto.environment import Environment
from mtproto.errors import FramingError, UsageError
from mtproto.roles import Role
from mtproto.transport.base import MAX_PAYLOAD, Codec, Deframer, bad_payload, check_length

_HEADER = Struct("<II")
_pack_header = _HEADER.pack
ENVELOPE = 12  # length, seqno and crc


class Full(Codec):
    """``length:uint32 seqno:uint32 payload crc:uint32``; length counts all four, crc covers what precedes it.

    ``sent`` and ``received`` are the sequence numbers of the next frame either way, modulo 2^32.
    """

    __slots__ = ("received", "sent")

    name = "full"
    start = b""
    quick_acks = False

    def __init__(self, role: Role, env: Environment) -> None:
        super().__init__(role, env)
        self.sent = 0
        self.received = 0

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``; ``quick_ack`` is refused."""
        length = len(payload)
        if length & 3 or not 0 < length <= MAX_PAYLOAD:
            raise bad_payload(length)
        if quick_ack:
            raise no_quick_ack()
        head = _pack_header(length + ENVELOPE, self.sent)
        self.sent = (self.sent + 1) & 0xFFFFFFFF
        return b"".join((head, payload, crc32(payload, crc32(head)).to_bytes(4, "little")))

    def pack_quick_ack(self, token: int) -> bytes:
        """Always refused: a ``UsageError`` (TR-51)."""
        raise no_quick_ack()

    def deframe(self) -> Deframer:
        """TR-07."""
        while True:
            head = yield 8
            length, seqno = _HEADER.unpack(head)
            check_length(length, shortest=ENVELOPE + 4)
            if seqno != self.received:
                raise FramingError("sequence", f"frame {seqno} where {self.received} was due")
            payload = yield length - ENVELOPE
            if crc32(payload, crc32(head)) != int.from_bytes((yield 4), "little"):
                raise FramingError("crc")
            self.received = (seqno + 1) & 0xFFFFFFFF
            self.accept(payload)


def no_quick_ack() -> UsageError:
    """TR-51: not available on full."""
    return UsageError("the full transport has no quick acknowledgements")
