"""Abridged: one byte of length, or four (TR-02, TR-03, TR-51, TR-52 of docs/spec/transports.md)."""

from __future__ import annotations

from mtproto.errors import FramingError
from mtproto.roles import Role
from mtproto.transport.base import MAX_PAYLOAD, Codec, Deframer, QuickAck, bad_payload, check_length, check_quick_ack

QUICK = 0x80  # bit 7 of the first byte: "acknowledge quickly" from the client, a bare token from the server
LONG = 0x7F


class Abridged(Codec):
    """``n payload`` or ``7f n:3 payload`` with n = length / 4."""

    __slots__ = ()

    name = "abridged"
    start = b"\xef"

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``."""
        length = len(payload)
        if length & 3 or not 0 < length <= MAX_PAYLOAD:
            raise bad_payload(length)
        quick = 0
        if quick_ack:
            check_quick_ack(self.role, Role.CLIENT)
            quick = QUICK
        if length < 4 * LONG:  # TR-02
            head = bytes((length >> 2 | quick,))
        else:
            head = bytes((LONG | quick,)) + (length >> 2).to_bytes(3, "little")
        if self._start:
            head, self._start = self._start + head, b""
        return head + payload

    def pack_quick_ack(self, token: int) -> bytes:
        """The 4 token bytes in reverse order, so that bit 7 of the first one is set (TR-52)."""
        check_quick_ack(self.role, Role.SERVER)
        return token.to_bytes(4, "big")

    def deframe(self) -> Deframer:
        """TR-02, TR-03, TR-52."""
        while True:
            first = yield 1
            if first[0] & QUICK and self.role is Role.CLIENT:
                rest = yield 3
                self.deliver(QuickAck(int.from_bytes(first + rest, "big")))
                continue
            count = first[0] & LONG
            if count == LONG:
                count = int.from_bytes((yield 3), "little")
                if count < LONG:  # TR-03: the long form with n < 127
                    raise FramingError("length", f"long form of {4 * count} bytes")
            check_length(4 * count, shortest=4)  # TR-03: first byte 0
            self.accept((yield 4 * count), first[0] & QUICK != 0)
