"""Layer 3: unencrypted messages and the key exchange, both roles, on whole connections."""

from __future__ import annotations

import copy
import random
from collections import OrderedDict
from functools import cache

from mtproto.connection import Connection
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.runs import Runs
from mtproto.message.plain import pack_plain
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.session.events import Closed, Event, KeyCreated
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Detect, Intermediate
from tests.fuzz.harness import aligned, fuzz, keeps_bounds, mutated, noise
from tests.handshake.rig import new_exchange, new_runs, walk
from tests.pair import Server

ANSWERS = [message.to_bytes() for message in (walk().res_pq, walk().dh_ok, walk().dh_gen)]
QUERIES = [message.to_bytes() for message in (walk().req_pq, walk().req_dh, walk().set_dh)]
ALL = ANSWERS + QUERIES


class Endpoint(Server):
    """An Endpoint whose key exchanges are in a known state."""

    def __init__(self, env: ScriptedEnvironment, runs: Runs | None) -> None:
        self.env = env
        self.time = ServerTime(env)
        self.runs = runs

    def key_state(self, auth_key_id: int) -> None:
        return None

    def plain(self, body: bytes) -> tuple[bytes, object]:  # type: ignore[override]
        assert self.runs is not None
        return self.runs.plain(body)


@cache
def exchanges() -> list[Exchange]:
    """A client before each of the three genuine answers."""
    exchange = new_exchange()
    exchange.start()
    waiting = [copy.copy(exchange)]
    for body in ANSWERS[:2]:
        exchange.receive(body)
        waiting.append(copy.copy(exchange))
    return waiting


def client_at(step: int) -> Connection:
    env = ScriptedEnvironment()
    connection = Connection(Role.CLIENT, Intermediate(Role.CLIENT, env), Endpoint(env, None), env)  # type: ignore[arg-type]
    connection._exchange = copy.copy(exchanges()[step])
    return connection


@cache
def tables() -> list[Runs]:
    """A server before each of the three genuine queries."""
    runs = new_runs()
    waiting = [fork(runs)]
    for body in QUERIES[:2]:
        runs.plain(body)
        waiting.append(fork(runs))
    return waiting


def fork(runs: Runs) -> Runs:
    """The same table once more, so that no input sees what another one did."""
    twin = copy.copy(runs)
    twin._runs = OrderedDict((nonce, copy.copy(run)) for nonce, run in runs._runs.items())
    for run in twin._runs.values():
        run.answers = dict(run.answers)
    return twin


def server_at(step: int) -> Connection:
    runs = fork(tables()[step])
    env = ScriptedEnvironment()
    return Connection(Role.SERVER, Detect(env), Endpoint(env, runs), env)  # type: ignore[arg-type]


def events_of(connection: Connection) -> list[Event]:
    events = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    return events


def wire(rng: random.Random, body: bytes, sender: Role) -> bytes:
    """The body as an unencrypted message in a frame; the header is changed now and then."""
    payload = pack_plain(rng.getrandbits(50) * 4 + (1 if sender is Role.SERVER else 0), aligned(body))
    if rng.randrange(10) == 0:
        payload = aligned(bytes(8) + mutated(rng, payload[8:20]) + payload[20:])
    start = b"" if sender is Role.SERVER else Intermediate.start
    return start + len(payload).to_bytes(4, "little") + payload


def body_for(rng: random.Random, genuine: list[bytes], step: int) -> bytes:
    choice = rng.randrange(8)
    if choice == 0:
        return noise(rng, rng.choice(ALL)[: rng.choice((0, 4, 20, 36))])
    if choice == 1:
        return mutated(rng, rng.choice(ALL), ALL)
    return genuine[step][:40] + mutated(rng, genuine[step][40:], ALL) if choice < 4 else mutated(rng, genuine[step])


@fuzz(2)
def test_a_client_in_the_middle_of_a_key_exchange(rng: random.Random) -> None:
    step = rng.randrange(3)
    data = wire(rng, body_for(rng, ANSWERS, step), Role.SERVER)
    made = []

    def prepare() -> object:
        connection = client_at(step)
        made.append(connection)
        return lambda: (connection.receive_data(data), connection.data_to_send())

    keeps_bounds(data, prepare)  # type: ignore[arg-type]
    events = events_of(made[-1])
    assert all(isinstance(event, Closed | KeyCreated) for event in events)
    assert made[-1].closed == (bool(events) and isinstance(events[-1], Closed))


@fuzz(2)
def test_a_server_with_open_key_exchanges(rng: random.Random) -> None:
    step = rng.choice((0, 0, 0, 0, 1, 2, 2, 2, 2))  # the RSA operation behind step 1 takes 10 ms
    data = wire(rng, body_for(rng, QUERIES, step), Role.CLIENT)
    made = []

    def prepare() -> object:
        connection = server_at(step)
        made.append(connection)
        return lambda: (connection.receive_data(data), connection.data_to_send())

    keeps_bounds(data, prepare)  # type: ignore[arg-type]
    assert all(isinstance(event, Closed | KeyCreated) for event in events_of(made[-1]))
