"""Layer 2: the byte streams of every transport, both roles, and the server's detection."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable

import pytest

from mtproto.errors import FramingError, TransportFault
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Detect, Packet, QuickAck, Transport
from mtproto.transport import client_transport as client
from tests.fuzz.harness import aligned, fuzz, keeps_bounds, mutated, noise
from tests.transports import INSTALLED

ENV = ScriptedEnvironment()


@pytest.fixture(autouse=True)
def the_same_key_for_each_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    """wsproto draws its Sec-WebSocket-Key itself; the response to one client has to fit the other."""
    if "websocket" in INSTALLED:
        monkeypatch.setattr("wsproto.handshake.generate_nonce", lambda: b64encode(bytes(16)))


def payload(rng: random.Random) -> bytes:
    return aligned(noise(rng)) + bytes(4)  # four bytes alone are a transport error (TR-55)


def stream(rng: random.Random, name: str, seed: int) -> tuple[bytes, bytes]:
    """What the client and the server of a genuine connection send: payloads, faults and quick acknowledgements."""
    near, far = beginning(name, seed), Detect(ENV)
    sent = answers = b""
    for _ in range(rng.randint(2, 6)):
        out = near.data_to_send()
        if near.ready:
            out += near.pack(payload(rng), quick_ack=near.quick_acks and rng.randrange(3) == 0)
        far.feed(out)
        sent += out
        answer = far.data_to_send()
        if far.ready:
            answer += frame(rng, far)
        near.feed(answer)
        answers += answer
    return sent, answers


def frame(rng: random.Random, server: Transport) -> bytes:
    kind = rng.randrange(6)
    if kind == 0:
        return server.pack_fault(-rng.choice((1, 404, 429, 2**31)))
    if kind == 1 and server.quick_acks:
        return server.pack_quick_ack(rng.getrandbits(32) | 0x80000000)
    return server.pack(payload(rng))


def beginning(name: str, seed: int) -> Transport:
    """The same client each time: its keys and nonces are ``seed``'s."""
    return client(name, ScriptedEnvironment(seed=seed.to_bytes(4, "big")))


def asking(name: str, seed: int) -> Transport:
    """That client once it has sent what it may send before it hears anything."""
    transport = beginning(name, seed)
    transport.data_to_send()
    if transport.ready:
        transport.pack(bytes(8))
    return transport


def feeds(rng: random.Random, data: bytes, make: Callable[[], Transport], receiver: Role) -> None:
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 1, 5))))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    def prepare() -> Callable[[], None]:
        transport = make()

        def process() -> None:
            ended = False
            for piece in pieces:
                for item in transport.feed(piece):
                    assert not ended, "an item after the end"
                    assert isinstance(item, Packet | QuickAck | TransportFault | FramingError)
                    ended = isinstance(item, TransportFault | FramingError)
                    assert receiver is Role.CLIENT or not isinstance(item, QuickAck | TransportFault)

        return process

    keeps_bounds(data, prepare)


def changed(rng: random.Random, genuine: bytes) -> bytes:
    return noise(rng, genuine[:4]) if rng.randrange(4) == 0 else mutated(rng, genuine)


@fuzz(2)
@pytest.mark.requirement("TR-10")
def test_what_a_server_detects(rng: random.Random) -> None:
    sent, _ = stream(rng, rng.choice(INSTALLED), rng.getrandbits(32))
    feeds(rng, noise(rng) if rng.randrange(4) == 0 else changed(rng, sent), lambda: Detect(ENV), Role.SERVER)


@fuzz(2)
@pytest.mark.requirement("TR-10")
def test_what_a_client_receives(rng: random.Random) -> None:
    name, seed = rng.choice(INSTALLED), rng.getrandbits(32)
    _, answers = stream(rng, name, seed)
    feeds(rng, changed(rng, answers), lambda: asking(name, seed), Role.CLIENT)


def test_what_is_changed_reaches_every_transport() -> None:
    """Unchanged, the streams are whole: payloads come out on both sides."""
    for name in INSTALLED:
        sent, answers = stream(random.Random(3), name, 7)
        server, client_side = Detect(ENV), asking(name, 7)
        assert isinstance(server.feed(sent)[0], Packet), name
        assert isinstance(client_side.feed(answers)[0], Packet), name
