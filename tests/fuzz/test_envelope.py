"""Layer 4: encrypted payloads in their frames, changed where no key is needed; both roles, on whole connections."""

from __future__ import annotations

import random

import pytest

from mtproto.errors import PeerError
from mtproto.message.envelope import Inner, open, pack_plaintext, seal_plaintext
from mtproto.roles import Role
from mtproto.session.events import Closed
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Intermediate
from tests.fuzz.harness import aligned, fuzz, keeps_bounds, mutated, noise
from tests.pair import AUTH_KEY, NOW, SALT, Pair

ENV = ScriptedEnvironment()
QUERY = b"\x01\x02\x03\x04hell"


def payload_of(rng: random.Random, sender: Role, session_id: int) -> bytes:
    """A payload with a right msg_key; its lengths and its header may be anything."""
    body = aligned(noise(rng))
    msg_id = (NOW << 32) + rng.getrandbits(20) * 4 + (1 if sender is Role.SERVER else 0)
    if rng.randrange(4) == 0:
        msg_id = rng.getrandbits(63) - rng.getrandbits(63)
    salt = SALT if rng.randrange(4) else rng.getrandbits(63)
    inner = Inner(salt, session_id if rng.randrange(4) else rng.getrandbits(63), msg_id, rng.getrandbits(3), body)
    padding = 12 + -(len(body) + 44) % 16 + 16 * rng.choice((0, 1, 63))
    plaintext = bytearray(pack_plaintext(inner, rng.randbytes(padding)))
    if rng.randrange(3) == 0:
        plaintext[28:32] = rng.choice((bytes(4), b"\xff" * 4, b"\xff\xff\xff\x7f", rng.randbytes(4)))
    return seal_plaintext(AUTH_KEY, bytes(plaintext), sender)[0]


def changed(rng: random.Random, payload: bytes) -> bytes:
    choice = rng.randrange(4)
    if choice == 0:
        return payload
    if choice == 1:
        return mutated(rng, payload)
    return noise(rng, payload[: rng.choice((0, 8, 24, 40))])


@fuzz(2)
def test_the_envelope_alone(rng: random.Random) -> None:
    sender = rng.choice(list(Role))
    data = changed(rng, payload_of(rng, sender, 1))

    def process() -> None:
        try:
            inner, _ = open(AUTH_KEY, data, sender)
        except PeerError:
            return
        assert len(inner.body) % 4 == 0 and 4 <= len(inner.body) <= len(data)

    keeps_bounds(data, lambda: process)


@fuzz(2)
def test_connections_of_both_roles(rng: random.Random) -> None:
    receiver = rng.choice(list(Role))
    pair = Pair()
    pair.session.request(QUERY)
    pair.send()
    payload = changed(rng, payload_of(rng, receiver.opposite, pair.session.session_id))
    data = len(payload).to_bytes(4, "little") + payload
    if rng.randrange(8) == 0:
        data = mutated(rng, data)
    connection = pair.client if receiver is Role.CLIENT else pair.server
    keeps_bounds(data, lambda: lambda: (connection.receive_data(data), connection.data_to_send()))
    pair.collect()
    events = pair.take() if receiver is Role.CLIENT else pair.take_server()
    assert connection.closed == (bool(events) and isinstance(events[-1], Closed))
    if connection.closed:
        assert connection.error is None or isinstance(connection.error, PeerError)


@pytest.mark.parametrize("role", Role)
def test_the_genuine_payload_of_these_tests_is_accepted(role: Role) -> None:
    pair = Pair()
    pair.session.request(QUERY)
    pair.send()
    inner = Inner(SALT, pair.session.session_id, (NOW << 32) + (1 if role is Role.CLIENT else 0) + 400, 3, QUERY)
    payload, _ = seal_plaintext(AUTH_KEY, pack_plaintext(inner, bytes(24)), role.opposite)
    connection = pair.client if role is Role.CLIENT else pair.server
    connection.receive_data(Intermediate(Role.SERVER, ENV).pack(payload))
    assert not connection.closed
