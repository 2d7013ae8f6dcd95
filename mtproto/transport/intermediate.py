"""Intermediate and padded intermediate: a 32-bit length.

TR-04, TR-05, TR-51, TR-52 and TR-55 of docs/spec/transports.md.
"""

from __future__ import annotations

from struct import Struct

from mtproto.roles import Role
from mtproto.transport.base import (
    MAX_PAYLOAD,
    Codec,
    Deframer,
    Packet,
    QuickAck,
    bad_payload,
    check_length,
    check_quick_ack,
    raise_fault,
)

QUICK = 0x80000000  # bit 31: "acknowledge quickly" from the client, a bare token from the server
ENVELOPED = b"\xff\xff\xff\xff"  # -1 in place of a transport error: a quick acknowledgement follows (TR-52, TR-55)
_UINT32 = Struct("<I")
_pack_uint32 = _UINT32.pack


class Intermediate(Codec):
    """``length:uint32 payload``."""

    __slots__ = ()

    name = "intermediate"
    start = b"\xee\xee\xee\xee"

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``."""
        length = len(payload)
        if length & 3 or not 0 < length <= MAX_PAYLOAD:
            raise bad_payload(length)
        return self.frame(length, quick_ack) + payload

    def frame(self, length: int, quick_ack: bool) -> bytes:
        """What stands before ``length`` bytes: the length with its bit 31, and once the start bytes."""
        if quick_ack:
            check_quick_ack(self.role, Role.CLIENT)
            length |= QUICK
        if self._start:
            start, self._start = self._start, b""
            return start + _pack_uint32(length)
        return _pack_uint32(length)

    def pack_quick_ack(self, token: int) -> bytes:
        """The token as a little-endian word; its bit 31 is set (TR-52)."""
        check_quick_ack(self.role, Role.SERVER)
        return token.to_bytes(4, "little")

    def deframe(self) -> Deframer:
        """TR-04, TR-52."""
        while True:
            (word,) = _UINT32.unpack((yield 4))
            if word & QUICK and self.role is Role.CLIENT:
                self.deliver(QuickAck(word))
                continue
            length = word & ~QUICK
            self.check(length)
            self.accept((yield length), word & QUICK != 0)

    def check(self, length: int) -> None:
        """TR-08, TR-09."""
        check_length(length, shortest=4)


class Padded(Intermediate):
    """``length:uint32 payload padding``: the length counts the 0 to 15 random bytes of padding (TR-05)."""

    __slots__ = ()

    name = "padded"
    start = b"\xdd\xdd\xdd\xdd"

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``."""
        length = len(payload)
        if length & 3 or not 0 < length <= MAX_PAYLOAD:
            raise bad_payload(length)
        padding = self.padding()
        return self.frame(length + len(padding), quick_ack) + payload + padding

    def padding(self) -> bytes:
        """Random bytes: 0 to 15 from a client, 0 to 3 from a server (TR-05).

        16 bytes are drawn at once. The first gives the length (its low 4 or 2 bits), the next ones are the padding.
        """
        drawn = self.env.padding(16)
        return drawn[1 : 1 + (drawn[0] & (15 if self.role is Role.CLIENT else 3))]

    def pack_quick_ack(self, token: int) -> bytes:
        """In a normal envelope (TR-52): the form without one looks like a length of the next frame to old clients."""
        check_quick_ack(self.role, Role.SERVER)
        body = ENVELOPED + token.to_bytes(4, "little") + self.padding()
        return self.frame(len(body), False) + body

    def check(self, length: int) -> None:
        """TR-09; with padding a length need not be a multiple of 4."""
        check_length(length, shortest=4, step=1)

    def accept(self, payload: bytes, wants_ack: bool = False) -> None:
        """Take the padding off (TR-05), or tell apart what is no payload (TR-52, TR-55)."""
        total = len(payload)
        if self.role is Role.CLIENT and 8 <= total <= 16 and payload.startswith(ENVELOPED):
            self.deliver(QuickAck(int.from_bytes(payload[4:8], "little")))
        elif self.role is Role.CLIENT and total < 16:
            raise_fault(payload[:4])
        elif total >= 24 and any(payload[:8]):
            self.deliver(Packet(payload[: total - (total - 24) % 16], wants_ack))
        else:  # a plain-text message (auth_key_id 0) has a length field of its own; a shorter one is no message
            self.deliver(Packet(payload, wants_ack))
