"""What a key exchange draws, keeps and forgets (AUTH-05, 10, 14, 37, 81, SEC-76, SEC-85)."""

from __future__ import annotations

import gc
from hashlib import sha1
from typing import Any

import pytest

from mtproto.handshake import protect
from mtproto.handshake.states import Created
from mtproto.message.plain import open_plain, pack_plain
from mtproto.roles import Role
from mtproto.schema import mtproto as tl
from mtproto.session.events import KeyCreated
from mtproto.transport import Packet, client_transport
from tests.testdc.rig import NOW, World

from .rig import KEY, client_env, converse, new_exchange, new_runs, read, server_env


def inner_of(query: bytes) -> Any:
    return protect.open_pq_inner_data(read(query).encrypted_data, KEY, server_env(), accept_legacy=False)


@pytest.mark.requirement("AUTH-10", "AUTH-14", "SEC-16")
def test_each_run_draws_its_nonces_anew() -> None:
    """From one environment, whose script goes on."""
    env = client_env()
    nonces, secrets = set(), set()
    for _ in range(20):
        bodies = converse(new_exchange(env=env), new_runs()).bodies
        inner = inner_of(bodies[2])
        nonces.add(inner.nonce)
        secrets.add(inner.new_nonce)
        assert len(inner.new_nonce) == 32 and inner.new_nonce[:16] != inner.nonce
    assert len(nonces) == len(secrets) == 20


@pytest.mark.requirement("AUTH-14", "AUTH-37", "SEC-76", "SEC-85")
def test_after_success_nothing_of_the_run_is_left_on_either_side() -> None:
    exchange, runs = new_exchange(), new_runs()
    talk = converse(exchange, runs)
    new_nonce = inner_of(talk.bodies[2]).new_nonce
    held = list(reachable(exchange)) + list(reachable(talk.client)) + list(reachable(talk.server))
    assert new_nonce not in [value for value in held if isinstance(value, bytes)]
    assert not [
        value for value in reachable(exchange) if isinstance(value, bytes) and value == talk.client.auth_key.data
    ]
    assert isinstance(talk.client, Created)


def reachable(root: object) -> list[object]:
    """What an object refers to, through the values of this library and plain containers."""
    found, todo = {}, [root]
    while todo:
        value = todo.pop()
        if id(value) in found or isinstance(value, type):
            continue
        found[id(value)] = value
        if isinstance(value, list | tuple | dict | set) or type(value).__module__.startswith("mtproto"):
            todo += [item for item in gc.get_referents(value) if not callable(item)]
    return list(found.values())


@pytest.mark.requirement("AUTH-05", "AUTH-23")
@pytest.mark.parametrize("years", [-10, 10])
def test_the_msg_ids_of_plain_messages_do_not_set_the_clock(years: int) -> None:
    """They are not authenticated; the time inside the encrypted answer is."""
    world = World()
    client = world.client()
    client.link.keys = client.link.current = None
    near, far = client.near, client.far
    near.start_key_exchange(client.link.exchange())
    ear = client_transport("abridged", client.env)
    while True:
        while data := near.data_to_send():
            far.receive_data(data)
        world.dc.process(far)
        packets = [item for item in ear.feed(b"".join(iter(far.data_to_send, b""))) if isinstance(item, Packet)]
        if not packets:
            break
        for packet in packets:
            msg_id, body = open_plain(packet.payload, Role.SERVER)
            near._receive_item(Packet(pack_plain(msg_id + years * 365 * 86400 * 2**32, body)))
    events = []
    while (event := near.next_event()) is not None:
        events.append(event)
    (created,) = [event.created for event in events if isinstance(event, KeyCreated)]
    client.link.adopt(created)
    assert abs(client.link.time.now() - NOW) < 2
    assert len(client.session.window) == 0


@pytest.mark.requirement("AUTH-81", "SEC-18")
def test_after_refusals_the_queries_are_as_strict_as_before() -> None:
    """Neither the old padding nor inner data without dc, whatever the server refuses."""
    exchange, runs = new_exchange(), new_runs()
    query: bytes | Created = exchange.start()
    for _ in range(2):
        assert isinstance(query, bytes)
        sent = exchange.receive(runs.plain(query)[0])
        assert isinstance(sent, bytes)
        inner = inner_of(sent)
        assert isinstance(inner, tl.PQInnerDataDc)
        fail = tl.ServerDHParamsFail(
            nonce=inner.nonce,
            server_nonce=inner.server_nonce,
            new_nonce_hash=sha1(inner.new_nonce).digest()[4:],
        )
        query = exchange.receive(fail.to_bytes())
    assert isinstance(query, bytes)
    assert isinstance(inner_of(exchange.receive(runs.plain(query)[0])), tl.PQInnerDataDc)  # type: ignore[arg-type]
