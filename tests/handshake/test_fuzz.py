"""Mutated and random bytes on both sides: only ``PeerError`` comes out, and no key."""

from __future__ import annotations

import copy
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import PeerError
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.runs import Runs
from mtproto.handshake.states import Created
from mtproto.schema import mtproto as tl
from mtproto.tl.objects import TLObject

from .rig import new_exchange, new_runs, walk


@st.composite
def mutations(draw: st.DrawFn, bodies: list[bytes]) -> tuple[int, bytes]:
    """One of the bodies, with bytes flipped, cut out, put in or repeated; and its index."""
    index = draw(st.integers(0, len(bodies) - 1))
    body = bytearray(bodies[index])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(body) - 1, 0)))
        match draw(st.sampled_from(["flip", "cut", "insert", "repeat", "word"])):
            case "flip" if body:
                body[at] ^= draw(st.integers(1, 255))
            case "cut":
                del body[at : at + draw(st.integers(1, 64))]
            case "insert":
                body[at:at] = draw(st.binary(min_size=1, max_size=64))
            case "repeat":
                body[at:at] = body[at : at + 32]
            case _:
                body[at : at + 4] = draw(st.sampled_from([bytes(4), b"\xff" * 4, b"\xfe\xff\xff\xff", b"\0\0\0\x80"]))
    return index, bytes(body)


@st.composite
def foreign_objects(draw: st.DrawFn) -> bytes:
    """A legal object of the exchange with values of its own, and perhaps bytes behind it."""
    nonce = draw(st.sampled_from([walk().client_1.nonce, bytes(16)]))
    server_nonce = draw(st.sampled_from([walk().client_2.server_nonce, bytes(16)]))
    run = {"nonce": nonce, "server_nonce": server_nonce}
    data, other = draw(st.binary(max_size=1200)), draw(st.binary(max_size=300))
    longs = draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=70))
    made: list[TLObject] = [
        tl.ResPQ(**run, pq=other, server_public_key_fingerprints=longs),
        tl.ReqDHParams(**run, p=other, q=data, public_key_fingerprint=len(longs), encrypted_data=data),
        tl.ServerDHParamsOk(**run, encrypted_answer=data[: len(data) // 16 * 16]),
        tl.SetClientDHParams(**run, encrypted_data=data[: len(data) // 16 * 16]),
        tl.ServerDHParamsFail(**run, new_nonce_hash=(data + bytes(16))[:16]),
        tl.DhGenOk(**run, new_nonce_hash1=(data + bytes(16))[:16]),
        tl.DhGenRetry(**run, new_nonce_hash2=(data + bytes(16))[:16]),
        tl.DhGenFail(**run, new_nonce_hash3=(data + bytes(16))[:16]),
    ]
    return draw(st.sampled_from(made)).to_bytes() + draw(st.binary(max_size=8))


@cache
def clients() -> list[Exchange]:
    """A client before each of the three genuine answers of ``walk``."""
    exchange = new_exchange()
    exchange.start()
    waiting = [copy.copy(exchange)]
    for body in ANSWERS[:2]:
        exchange.receive(body)
        waiting.append(copy.copy(exchange))
    return waiting


ANSWERS = [message.to_bytes() for message in (walk().res_pq, walk().dh_ok, walk().dh_gen)]
QUERIES = [message.to_bytes() for message in (walk().req_pq, walk().req_dh, walk().set_dh)]


def client_survives(step: int, body: bytes) -> None:
    exchange = copy.copy(clients()[step])
    try:
        result = exchange.receive(body)
    except PeerError:
        return
    # Only bytes that no check can cover may differ: behind the object, or server_nonce and pq in the first answer.
    assert step == 0 or body.startswith(ANSWERS[step])
    assert isinstance(result, Created if step == 2 else bytes)


def server_survives(runs: Runs, body: bytes, genuine: bytes) -> None:
    try:
        answer, created = runs.plain(body)
    except PeerError:
        return
    assert answer
    assert created is None or body.startswith(genuine)


def servers() -> list[Runs]:
    """A server before each of the three genuine queries of ``walk``."""
    return [_server_after(count) for count in range(3)]


def _server_after(count: int) -> Runs:
    runs = new_runs()
    for body in QUERIES[:count]:
        runs.plain(body)
    return runs


def test_the_genuine_messages_are_accepted_by_these_clients_and_servers() -> None:
    for step, exchange in enumerate(clients()):
        copy.copy(exchange).receive(ANSWERS[step])
    for step, runs in enumerate(servers()):
        assert runs.plain(QUERIES[step])[0] == ANSWERS[step]


@given(mutations(ANSWERS), st.integers(0, 2))
def test_mutated_answers_give_peer_errors_on_the_client(mutation: tuple[int, bytes], step: int) -> None:
    client_survives(mutation[0], mutation[1])
    client_survives(step, mutation[1])


@given(st.binary(max_size=2000) | foreign_objects(), st.integers(0, 2))
def test_random_bytes_and_foreign_objects_give_peer_errors_on_the_client(body: bytes, step: int) -> None:
    client_survives(step, body)


@given(mutations(QUERIES))
def test_mutated_queries_give_peer_errors_on_the_server(mutation: tuple[int, bytes]) -> None:
    step, body = mutation
    server_survives(_server_after(min(step, 1)), body, QUERIES[2])


@given(st.binary(max_size=2000) | foreign_objects())
def test_random_bytes_and_foreign_objects_give_peer_errors_on_the_server(body: bytes) -> None:
    server_survives(_server_after(1), body, QUERIES[2])
