"""Line: the transport of one connection, with a fault's hands on what goes through it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mtproto.transport.base import Item, Packet, Transport
from mtproto.transport.layer import Deferred, Layer

if TYPE_CHECKING:
    from mtproto.testdc.faults.datacenter import FaultyDataCenter


class Line:
    """A server's transport around the honest one. ``number`` is that of its connection, from 1.

    ``planted``: payloads that leave before anything else. ``over``: the connection is closed once what was written has
    left; ``ended_here``: it was the server that closed it. ``heard``: the last encrypted payload of the client.
    ``written``: how many bytes have left.
    """

    __slots__ = ("_dc", "_raw", "ended_here", "heard", "inner", "number", "over", "planted", "written")

    def __init__(self, inner: Transport, dc: FaultyDataCenter, number: int) -> None:
        self.inner = inner
        self.number = number
        self.planted: deque[bytes] = deque()
        self.over = self.ended_here = False
        self.written = 0
        self.heard = b""
        self._dc = dc
        self._raw: list[bytes] = []

    # ---- what a fault asks for

    def plant(self, payload: bytes) -> None:
        """Let ``payload`` leave before anything else."""
        self.planted.append(payload)
        self._dc.wake_line(self)

    def say(self, data: bytes) -> None:
        """Let ``data`` leave as bytes of the framing codec, inside obfuscation and whatever else is around it."""
        self._raw.append(wrapped(self.inner, data))
        self._dc.wake_line(self)

    def shout(self, data: bytes) -> None:
        """Let ``data`` leave as bytes of the socket."""
        self._raw.append(data)
        self._dc.wake_line(self)

    def fault(self, code: int) -> None:
        """Let a transport error leave, behind what is planted."""
        self._raw.append(self.inner.pack_fault(code))
        self._dc.wake_line(self)

    def quick_ack(self, token: int) -> None:
        """Let a quick acknowledgement leave."""
        self._raw.append(self.inner.pack_quick_ack(token))
        self._dc.wake_line(self)

    def hang_up(self) -> None:
        """Close the connection once all that was written has left."""
        self.over = self.ended_here = True
        self._dc.wake_line(self)

    # ---- Transport

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def ready(self) -> bool:
        return self.inner.ready

    @property
    def quick_acks(self) -> bool:
        return self.inner.quick_acks

    @property
    def alternates(self) -> bool:
        return self.inner.alternates

    @property
    def ended(self) -> bool:
        return self.over or self.inner.ended

    def feed(self, data: bytes) -> list[Item]:
        self._dc.speaking = self
        items = self.inner.feed(self._dc.act.incoming(self, data))
        return [item for item in items if not isinstance(item, Packet) or self._lets_in(item.payload)]

    def _lets_in(self, payload: bytes) -> bool:
        """Whether the server gets to see a payload."""
        if any(payload[:8]):
            self.heard = payload
        return self._dc.act.packet(self, payload)

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        first, *others = self._dc.act.payload(self, payload) or [b""]
        self.planted.extend(others)
        data = self.inner.pack(first) if first else b""
        return self._out(data + (b"" if self.alternates else self._planted()))

    def pack_quick_ack(self, token: int) -> bytes:
        return self._out(self.inner.pack_quick_ack(token)) if self._dc.act.token(self, token) else b""

    def pack_fault(self, code: int) -> bytes:
        return self._out(self.inner.pack_fault(code))

    def data_to_send(self) -> bytes:
        data = self.inner.data_to_send() + b"".join(self._raw)
        self._raw.clear()
        return self._out(data + self._planted())

    def pack_close(self) -> bytes:
        return self._out(self.inner.pack_close())

    def _planted(self) -> bytes:
        out = b""
        while self.planted and self.inner.ready:
            out += self.inner.pack(self.planted.popleft())
        return out

    def _out(self, data: bytes) -> bytes:
        data = self._dc.act.outgoing(self, data) if data else data
        self.written += len(data)
        return data


def wrapped(transport: Transport, data: bytes) -> bytes:
    """``data`` as bytes of the framing codec inside ``transport``."""
    if isinstance(transport, Deferred):
        chosen = transport._chosen
        return data if chosen is None else wrapped(chosen, data)
    return transport.wrap(wrapped(transport.inner, data)) if isinstance(transport, Layer) else data


def codec(transport: Transport) -> Transport:
    """The framing codec inside ``transport``, or HTTP."""
    if isinstance(transport, Deferred) and transport._chosen is not None:
        return codec(transport._chosen)
    return codec(transport.inner) if isinstance(transport, Layer) else transport
