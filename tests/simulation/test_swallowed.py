"""The bound on what is left in a client that lost payloads: it counts the messages that they held, and no others."""

from __future__ import annotations

from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from tests.pair import Pair
from tests.session.helpers import QUERY, settled
from tests.simulation.swallowed import Swallowed

HEADER = 4
"""Bytes before a payload: its length, as the intermediate transport writes it."""


def ping(pair: Pair, *ping_ids: int) -> None:
    for ping_id in ping_ids:
        pair.session.query(schema.Ping(ping_id=ping_id).to_bytes())


def test_the_queries_of_a_lost_payload_are_counted() -> None:
    pair, swallowed = settled(), Swallowed()
    pair.session.request(QUERY)
    ping(pair, 1, 2)
    swallowed.add(pair.endpoint, pair.client_writes()[HEADER:], Role.CLIENT)
    ping(pair, 3)
    pair.client_writes()
    assert swallowed.queries(pair.session) == 2


def test_the_queries_whose_answers_were_lost_are_counted() -> None:
    pair, swallowed = settled(), Swallowed()
    ping(pair, 1, 2)
    pair.send()
    swallowed.add(pair.endpoint, pair.server_writes()[HEADER:], Role.SERVER)
    ping(pair, 3)
    pair.run()
    assert swallowed.queries(pair.session) == 2 == len(pair.session._queries)


def test_the_queries_of_a_container_whose_refusal_was_lost_are_counted() -> None:
    pair, swallowed = settled(), Swallowed()
    pair.forge(schema.NewSessionCreated(first_msg_id=1, unique_id=1, server_salt=5))  # a salt that is refused
    ping(pair, 1, 2)
    pair.send()
    swallowed.add(pair.endpoint, pair.server_writes()[HEADER:], Role.SERVER)
    assert swallowed.queries(pair.session) == 2


def test_what_is_no_payload_of_a_known_key_counts_for_nothing() -> None:
    pair, swallowed = settled(), Swallowed()
    ping(pair, 1)
    payload = pair.client_writes()[HEADER:]
    swallowed.add(pair.endpoint, bytes(8) + payload[8:], Role.CLIENT)
    swallowed.add(pair.endpoint, payload[:-1] + bytes([payload[-1] ^ 1]), Role.CLIENT)
    assert swallowed.queries(pair.session) == 0
