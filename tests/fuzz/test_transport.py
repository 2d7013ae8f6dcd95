"""Layer 2: the byte streams of the four transports, both roles, and the server's detection."""

from __future__ import annotations

import random

from mtproto.errors import FramingError, TransportFault
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import TRANSPORTS, Abridged, Detect, Full, Intermediate, Packet, Padded, QuickAck, Transport
from mtproto.transport import client_transport as client
from tests.fuzz.harness import aligned, fuzz, keeps_bounds, mutated, noise

CODECS = {codec.name: codec for codec in (Abridged, Intermediate, Padded, Full)}
ENV = ScriptedEnvironment()


def stream(rng: random.Random, name: str, sender: Role) -> bytes:
    """Frames of a sender: payloads, transport errors and quick acknowledgements."""
    codec = client(name, ENV) if sender is Role.CLIENT else CODECS[name](Role.SERVER, ENV)
    parts = []
    for _ in range(rng.randint(1, 5)):
        kind = rng.randrange(6)
        if kind == 0 and sender is Role.SERVER:
            parts.append(codec.pack_fault(-rng.choice((1, 404, 429, 2**31))))
        elif kind == 1 and sender is Role.SERVER and name != "full":
            parts.append(codec.pack_quick_ack(rng.getrandbits(32) | 0x80000000))
        else:
            quick = sender is Role.CLIENT and name != "full" and kind == 2
            parts.append(codec.pack(aligned(noise(rng)), quick_ack=quick))
    return b"".join(parts)


def feeds(rng: random.Random, data: bytes, transport: Transport, receiver: Role) -> None:
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 1, 5))))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    def process() -> None:
        ended = False
        for piece in pieces:
            for item in transport.feed(piece):
                assert not ended, "an item after the end"
                assert isinstance(item, Packet | QuickAck | TransportFault | FramingError)
                ended = isinstance(item, TransportFault | FramingError)
                assert receiver is Role.CLIENT or not isinstance(item, QuickAck | TransportFault)

    keeps_bounds(data, lambda: process)


def data_for(rng: random.Random, name: str, sender: Role) -> bytes:
    genuine = stream(rng, name, sender)
    return noise(rng, genuine[:4]) if rng.randrange(4) == 0 else mutated(rng, genuine)


@fuzz(2)
def test_what_a_server_detects(rng: random.Random) -> None:
    name = rng.choice(TRANSPORTS)
    data = noise(rng) if rng.randrange(4) == 0 else data_for(rng, name, Role.CLIENT)
    feeds(rng, data, Detect(ENV), Role.SERVER)


@fuzz(2)
def test_what_a_client_receives(rng: random.Random) -> None:
    name = rng.choice(TRANSPORTS)
    feeds(rng, data_for(rng, name, Role.SERVER), client(name, ENV), Role.CLIENT)
