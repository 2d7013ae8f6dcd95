"""Relay: a proxy between client and server that reads payloads, as an MTProxy does, and may misuse that (TR-67).

It knows no auth key. What it does to a payload is drawn from ``MISUSES``; each is also a fault of the table.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mtproto.errors import TransportFault
from mtproto.roles import Role
from mtproto.transport import Detect, Packet, QuickAck, client_transport
from mtproto.transport.base import Transport
from mtproto.transport.mtproxy import ProxyServer
from tests.simulation.network import End, Wire
from tests.simulation.server import PROXY_KEY
from tests.simulation.world import Clock

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

TWICE, LATER, NEVER, DAMAGED = "payload twice", "payload later", "payload never", "payload damaged"
MISUSES = (TWICE, LATER, NEVER, DAMAGED)
CODECS = ("abridged", "intermediate", "padded", "obfuscated-intermediate")
"""What it speaks to the server."""


class _Side(End):
    """The relay's end of one wire."""

    __slots__ = ("_other", "_relay", "transport", "wire")

    def __init__(self, relay: Relay, transport: Transport) -> None:
        self._relay = relay
        self.transport = transport
        self.wire: Wire | None = None

    def receive(self, data: bytes) -> None:
        for item in self.transport.feed(data):
            if isinstance(item, Packet | QuickAck | TransportFault):
                self._relay.pass_on(self, item)
            else:
                self._relay.end()

    def lost(self) -> None:
        self._relay.end()


class Relay:
    """One connection through the proxy. ``near`` faces the client, ``far`` the server; ``heard``: takes the client's
    payloads."""

    __slots__ = ("_sim", "far", "heard", "near")

    def __init__(self, sim: Simulation, clock: Clock, codec: str, heard: deque[bytes]) -> None:
        self._sim = sim
        self.near = _Side(self, Detect(clock, ProxyServer([PROXY_KEY], {2, -2})))
        self.far = _Side(self, client_transport(codec, clock, dc=2))
        self.heard = heard

    def pass_on(self, side: _Side, item: Packet | QuickAck | TransportFault) -> None:
        """What came in on ``side`` leaves on the other, or what becomes of it."""
        if side is self.near:
            if isinstance(item, Packet):
                payload = without_padding(item.payload)
                self.heard.append(payload)
                self._misuse(payload, Role.CLIENT)
        elif isinstance(item, Packet):
            self._misuse(without_padding(item.payload), Role.SERVER)
        elif self.near.transport.ready and isinstance(item, QuickAck):
            self._write_down(self.near.transport.pack_quick_ack(item.token))
        elif self.near.transport.ready and isinstance(item, TransportFault):
            self._write_down(self.near.transport.pack_fault(item.code))

    def _misuse(self, payload: bytes, sender: Role) -> None:
        """Pass a payload on, honestly or not."""
        send = self.send_up if sender is Role.CLIENT else self._send_down
        world = self._sim.world
        misuse = self._sim.misuse()
        if misuse == TWICE:
            send(payload)
            world.after(world.chance.choice([0.0, 0.5, 30.0, 400.0]), lambda: send(payload))
        elif misuse == LATER:
            world.after(world.chance.choice([0.1, 5.0, 40.0]), lambda: send(payload))
            return
        elif misuse == DAMAGED:
            position = world.chance.randrange(len(payload))
            payload = payload[:position] + bytes([payload[position] ^ 1]) + payload[position + 1 :]
        elif misuse == NEVER:
            self._sim.swallowed.add(self._sim.host.dc, payload, sender)
            return
        send(payload)

    def send_up(self, payload: bytes) -> None:
        """A payload to the server."""
        if self.far.wire is not None:
            self.far.wire.up.send(self.far.transport.pack(payload))

    def _send_down(self, payload: bytes) -> None:
        if self.near.transport.ready:
            self._write_down(self.near.transport.pack(payload))

    def _write_down(self, data: bytes) -> None:
        if self.near.wire is not None:
            self.near.wire.down.send(data)

    def say(self, code: int) -> None:
        """A transport error of the proxy's own: nobody can tell it from the server's (TR-57)."""
        if self.near.transport.ready:
            self._write_down(self.near.transport.pack_fault(code))
            self.end()

    def end(self) -> None:
        """One side is gone; the other follows."""
        near, far = self.near.wire, self.far.wire
        self.near.wire = self.far.wire = None
        if near is not None:
            near.shut(near.up)
        if far is not None:
            far.shut(far.down)


def without_padding(payload: bytes) -> bytes:
    """The payload without what padded intermediate added to it, as far as it can be told without the key."""
    if payload[:8] == bytes(8):
        return payload[: 20 + int.from_bytes(payload[16:20], "little")]
    return payload[: len(payload) - (len(payload) - 24) % 16]
