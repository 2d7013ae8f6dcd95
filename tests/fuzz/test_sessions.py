"""Layers 5 and 6: containers, service messages and API objects inside valid envelopes, for sessions of both roles.

Beside the bounds: nothing is raised, the end is the last event, each request ends at most once, and what is sent is
legal (ids rise, seqnos count).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from mtproto.errors import PeerError
from mtproto.message.envelope import Inner, seal
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Closed, Event, Request, RequestFailed
from tests.fuzz.harness import fuzz, keeps_bounds
from tests.fuzz.messages import Author
from tests.pair import AUTH_KEY, SALT, Pair

QUERY = b"\x01\x02\x03\x04hell"
SERVICE = [
    schema.Ping(ping_id=5),
    schema.GetFutureSalts(num=5),
    schema.MsgsStateReq(msg_ids=[4, 8]),
    schema.DestroySession(session_id=5),
]


def client_world() -> Pair:
    """A client with requests of every kind under way: one acknowledged, two in a container, one cancelled."""
    pair = Pair(preamble=b"PREAMBLE")
    pair.session.request(QUERY)
    pair.send()
    pair.answer()
    ids = [pair.session.request(QUERY, repeatable=bool(i % 2)) for i in range(4)]
    for query in SERVICE:
        pair.session.request(query.to_bytes(), content=False, api=False)
    pair.send()
    pair.session.cancel(ids[0])
    pair.session.request(QUERY)
    pair.client_writes()
    pair.collect()
    pair.take_server()
    return pair


def server_world() -> Pair:
    """A server with a request running, one answered, an update unacknowledged, and another session of the key."""
    pair = Pair()
    for _ in range(3):
        pair.session.request(QUERY)
    pair.send()
    request = next(event for event in pair.take_server() if isinstance(event, Request))
    pair.server_session.result(request.msg_id, QUERY, None)
    pair.server_session.push(QUERY)
    pair.answer()
    pair.endpoint.session(pair.endpoint.keys, 5)
    pair.take()
    return pair


class Play:
    """A world, the payloads it gets one after another, and its connection under test."""

    def __init__(self, make: Callable[[], Pair], role: Role) -> None:
        self.make = make
        self.role = role
        self.pair = make()
        self.fed: list[Inner] = []

    def feed(self, inner: Inner) -> None:
        """Let the receiver process the payload and write; the bounds are checked."""
        before = list(self.fed)
        self.fed.append(inner)
        worlds = iter([self.pair])

        def prepare() -> Callable[[], object]:
            pair = next(worlds, None)
            if pair is None:  # timed again, in a world of its own
                pair = self.make()
                for earlier in before:
                    self.process(pair, earlier)()
            return self.process(pair, inner)

        keeps_bounds(inner.body, prepare, gunzip=True)
        self.pair.collect()

    def process(self, pair: Pair, inner: Inner) -> Callable[[], None]:
        payload, _ = seal(AUTH_KEY, inner, self.role.opposite, pair.server_env)
        connection = pair.client if self.role is Role.CLIENT else pair.server
        data = len(payload).to_bytes(4, "little") + payload

        def run() -> None:
            connection.receive_data(data)
            while connection.data_to_send():
                pass
            connection.next_deadline()
            connection.handle_timer()

        return run

    def events(self) -> list[Event]:
        return self.pair.events if self.role is Role.CLIENT else self.pair.server_events


def play(rng: random.Random, make: Callable[[], Pair], role: Role) -> Play:
    game = Play(make, role)
    pair = game.pair
    sender = role.opposite
    fresh = pair.server_msg_id if sender is Role.SERVER else pair.client_msg_id
    ids = [m.msg_id for ear in (pair.client_ear, pair.server_ear) for m in (*ear.payloads, *ear.messages)]
    author = Author(rng, sender, ids, fresh)
    for _ in range(rng.randint(1, 4)):
        message = author.payload()
        msg_id = message.msg_id
        ids.append(msg_id)
        salt = SALT if rng.randrange(10) else rng.getrandbits(63)
        game.feed(Inner(salt, pair.session.session_id, msg_id, message.seqno, message.body))
        if rng.randrange(4) == 0:
            pair.advance(rng.choice((0.6, 31.0)))
            pair.collect()
    connection = pair.client if role is Role.CLIENT else pair.server
    closed = [event for event in game.events() if isinstance(event, Closed)]
    assert connection.closed == bool(closed)
    if closed:
        assert game.events()[-1] is closed[0] and len(closed) == 1
        assert closed[0].error is None or isinstance(closed[0].error, PeerError) or role is Role.SERVER
    return game


@fuzz()
def test_a_client_that_waits_for_answers(rng: random.Random) -> None:
    game = play(rng, client_world, Role.CLIENT)
    game.pair.client.close()
    game.pair.collect()
    game.pair.events += game.pair.session.give_up("nobody waits")
    ended = [event.request_id for event in game.events() if isinstance(event, Answered | RequestFailed)]
    assert len(ended) == len(set(ended)), "a request ended twice"
    assert game.pair.session.unfinished() == []
    assert sorted(ended) == [1, 3, 4, 5, 6, 7, 8, 9, 10], "a request got lost"


@fuzz()
def test_a_server_in_the_middle_of_its_work(rng: random.Random) -> None:
    play(rng, server_world, Role.SERVER)


@fuzz(4)
def test_what_a_client_sends_is_legal_whatever_it_receives(rng: random.Random) -> None:
    pair = client_world()
    author = Author(rng, Role.SERVER, [m.msg_id for m in pair.client_ear.payloads], pair.server_msg_id)
    pair.client_ear.take()
    before = len(pair.client_ear.payloads)
    for _ in range(rng.randint(1, 4)):
        message = author.payload()
        pair.deliver_to_client(Inner(SALT, pair.session.session_id, message.msg_id, message.seqno, message.body))
        pair.client_writes()
    last: dict[int, int] = {}
    for payload in pair.client_ear.payloads[before:]:
        assert payload.msg_id % 4 == 0
        assert payload.msg_id > last.get(payload.session_id, -(2**63))
        last[payload.session_id] = payload.msg_id
