"""The server's table of runs: repeats, different queries, interleaving, expiry, limits (AUTH-90, AUTH-92, SEC-72)."""

from __future__ import annotations

from hashlib import sha1

import pytest

from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.factor import factorize
from mtproto.errors import DecodeError, PeerError, SecurityError, TransportFault
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.runs import Runs
from mtproto.handshake.states import Created
from mtproto.schema import mtproto as tl

from .rig import KEY, changed, client_env, converse, flipped, new_exchange, new_runs, read, server_env


def queries_of(runs: Runs, seed: bytes = b"client") -> list[bytes]:
    """The three queries of a genuine run, which ``runs`` then knows as finished."""
    return converse(new_exchange(env=client_env(seed)), runs).bodies[0::2]


def next_query(exchange: Exchange, answer: bytes) -> bytes:
    query = exchange.receive(answer)
    assert isinstance(query, bytes)
    return query


def refuses(runs: Runs, body: bytes, check: str) -> None:
    with pytest.raises(SecurityError) as caught:
        runs.plain(body)
    assert caught.value.check == check


@pytest.mark.requirement("AUTH-92", "SEC-72")
def test_each_query_repeated_gets_the_same_answer_and_no_second_key() -> None:
    exchange, runs = new_exchange(), new_runs(trailing=True)
    query: bytes | Created = exchange.start()
    sent: list[tuple[bytes, bytes]] = []
    while isinstance(query, bytes):
        sent.append((query, runs.plain(query)[0]))
        for earlier, answer in sent:
            assert runs.plain(earlier) == (answer, None)
        query = exchange.receive(sent[-1][1])
    assert len(sent) == 3


@pytest.mark.requirement("AUTH-08", "AUTH-92")
def test_a_repeated_query_may_carry_other_trailing_bytes() -> None:
    runs = new_runs()
    first = new_exchange().start()
    assert runs.plain(first + bytes(16)) == runs.plain(first + b"\xff" * 240) == runs.plain(first)


@pytest.mark.requirement("AUTH-92")
def test_repeats_work_across_retries_too() -> None:
    refusals = iter([True, False])
    exchange, runs = new_exchange(), new_runs(key_exists=lambda key: next(refusals))
    talk = converse(exchange, runs)
    for query, answer in zip(talk.bodies[0::2], talk.bodies[1::2], strict=True):
        assert runs.plain(query) == (answer, None)


@pytest.mark.requirement("AUTH-92", "SEC-72")
def test_a_different_query_for_an_answered_step_destroys_the_run() -> None:
    for step in (0, 1, 2):
        runs = new_runs()
        queries = queries_of(runs)
        query = read(queries[step])
        if step == 0:
            other = tl.ReqPq(nonce=query.nonce).to_bytes()
        else:
            other = changed(query, encrypted_data=flipped(query.encrypted_data, 200)).to_bytes()
        refuses(runs, other, "step")
        assert len(runs) == 0
        refuses(runs, queries[2], "nonce_mismatch")


@pytest.mark.requirement("SEC-72")
def test_a_run_dies_at_its_first_fault() -> None:
    exchange, runs = new_exchange(), new_runs()
    genuine = next_query(exchange, runs.plain(exchange.start())[0])
    query = read(genuine)
    wrong = changed(query, encrypted_data=flipped(query.encrypted_data, 255)).to_bytes()
    refuses(runs, wrong, "rsa_pad")
    refuses(runs, genuine, "nonce_mismatch")


@pytest.mark.requirement("SEC-72")
def test_a_dc_that_is_not_served_ends_the_run_as_well() -> None:
    exchange, runs = new_exchange(dc=5), new_runs()
    query = next_query(exchange, runs.plain(exchange.start())[0])
    with pytest.raises(TransportFault, match="-444"):
        runs.plain(query)
    refuses(runs, query, "nonce_mismatch")


@pytest.mark.requirement("AUTH-93")
def test_steps_out_of_order_are_refused() -> None:
    queries = queries_of(new_runs())
    for query in queries[1:]:
        refuses(new_runs(), query, "nonce_mismatch")  # no such run
    runs = new_runs()
    runs.plain(queries[0])  # the same script: the same server_nonce
    refuses(runs, queries[2], "step")
    assert len(runs) == 0


@pytest.mark.requirement("AUTH-90")
def test_the_nonce_of_a_run_with_another_server_nonce_names_no_run_and_harms_none() -> None:
    exchange, runs = new_exchange(), new_runs()
    genuine = next_query(exchange, runs.plain(exchange.start())[0])
    query = read(genuine)
    wrong = changed(query, server_nonce=flipped(query.server_nonce, 0)).to_bytes()
    refuses(runs, wrong, "server_nonce_mismatch")
    assert isinstance(exchange.receive(runs.plain(genuine)[0]), bytes)


@pytest.mark.parametrize(
    "message",
    [
        tl.ResPQ(nonce=bytes(16), server_nonce=bytes(16), pq=b"", server_public_key_fingerprints=[]),
        tl.DhGenOk(nonce=bytes(16), server_nonce=bytes(16), new_nonce_hash1=bytes(16)),
        tl.Ping(ping_id=1),
        tl.Pong(msg_id=1, ping_id=1),
    ],
    ids=lambda message: message.NAME,
)
@pytest.mark.requirement("AUTH-03")
def test_nothing_but_the_three_queries_is_legal_unencrypted(message: tl.Ping) -> None:
    refuses(new_runs(), message.to_bytes(), "step")


def test_bytes_that_are_no_object_are_a_decode_error() -> None:
    runs = new_runs()
    query = new_exchange().start()
    for body in (b"", b"abc", bytes(4), b"\xff" * 20, query[:-4], query[:4]):
        with pytest.raises(DecodeError):
            runs.plain(body)
    assert len(runs) == 0


@pytest.mark.requirement("AUTH-38")
def test_runs_interleave_on_one_table_and_keep_apart() -> None:
    runs = new_runs()
    exchanges = [new_exchange(env=client_env(bytes((n,)))) for n in range(4)]
    queries: list[bytes | Created] = [exchange.start() for exchange in exchanges]
    stored: list[Created] = []
    for _ in range(3):
        for index in (2, 0, 3, 1):
            query = queries[index]
            assert isinstance(query, bytes)
            answer, created = runs.plain(query)
            stored += [created] if created else []
            queries[index] = exchanges[index].receive(answer)
    keys = {query.auth_key for query in queries if isinstance(query, Created)}
    assert len(keys) == 4
    assert keys == {created.auth_key for created in stored}


@pytest.mark.requirement("SEC-17")
def test_an_answer_of_one_run_is_refused_by_another() -> None:
    runs = new_runs()
    first, second = (new_exchange(env=client_env(seed)) for seed in (b"1", b"2"))
    answers = [runs.plain(exchange.start())[0] for exchange in (first, second)]
    with pytest.raises(SecurityError, match="nonce_mismatch"):
        first.receive(answers[1])


@pytest.mark.requirement("AUTH-90")
def test_a_run_is_forgotten_after_ten_minutes() -> None:
    env = server_env()
    exchange, runs = new_exchange(), new_runs(env=env)
    assert runs.next_deadline() is None
    answer = runs.plain(exchange.start())[0]
    assert runs.next_deadline() == env.monotonic() + 600
    env.advance(599)
    runs.expire()
    assert len(runs) == 1
    query = next_query(exchange, answer)
    env.advance(1)
    refuses(runs, query, "nonce_mismatch")
    assert (len(runs), runs.next_deadline()) == (0, None)


@pytest.mark.requirement("AUTH-90")
def test_the_wall_clock_does_not_move_that_deadline() -> None:
    env = server_env()
    exchange, runs = new_exchange(), new_runs(env=env)
    answer = runs.plain(exchange.start())[0]
    env.step_clock(10**8)
    runs.plain(next_query(exchange, answer))


@pytest.mark.requirement("AUTH-90", "SEC-78")
def test_the_oldest_run_makes_room_when_the_table_is_full() -> None:
    runs = new_runs(limit=3)
    opened = [tl.ReqPqMulti(nonce=bytes((n,)) * 16).to_bytes() for n in range(5)]
    answers = [runs.plain(query)[0] for query in opened]
    assert len(runs) == 3
    for query, answer in zip(opened[2:], answers[2:], strict=True):
        assert runs.plain(query)[0] == answer
    assert runs.plain(opened[0])[0] != answers[0]  # forgotten, so a new run


@pytest.mark.requirement("AUTH-91", "SEC-76")
def test_each_run_has_its_own_server_nonce_pq_and_g_a() -> None:
    runs = new_runs()
    talks = [converse(new_exchange(env=client_env(bytes((n,)))), runs) for n in range(3)]
    opened = [read(talk.bodies[1]) for talk in talks]
    assert len({answer.server_nonce for answer in opened}) == 3
    assert len({answer.pq for answer in opened}) == 3
    assert len({talk.bodies[3] for talk in talks}) == 3
    assert len({talk.server.auth_key.auth_key_id for talk in talks}) == 3


def test_the_question_whether_a_key_exists_comes_with_the_key_that_is_stored() -> None:
    asked: list[AuthKey] = []

    def key_exists(key: AuthKey) -> bool:
        asked.append(key)
        return False

    talk = converse(new_exchange(), new_runs(key_exists=key_exists))
    assert asked == [talk.server.auth_key]


@pytest.mark.requirement("AUTH-42", "SEC-77")
def test_old_clients_are_served_only_where_that_was_chosen() -> None:
    """req_pq, the SHA-1 padding and inner data without dc, as published clients still send them."""
    for accept_legacy in (True, False):
        runs = new_runs(accept_legacy=accept_legacy)
        answer = read(runs.plain(tl.ReqPq(nonce=b"n" * 16).to_bytes())[0])
        p, q = factorize(answer.pq)
        data = tl.PQInnerData(
            pq=answer.pq, p=p, q=q, nonce=answer.nonce, server_nonce=answer.server_nonce, new_nonce=b"s" * 32
        ).to_bytes()
        block = b"\0" + sha1(data).digest() + data
        query = tl.ReqDHParams(
            nonce=answer.nonce,
            server_nonce=answer.server_nonce,
            p=p,
            q=q,
            public_key_fingerprint=KEY.public.fingerprint,
            encrypted_data=KEY.public.encrypt(block + bytes(256 - len(block))),
        )
        if accept_legacy:
            opened = read(runs.plain(query.to_bytes())[0])
            assert isinstance(opened, tl.ServerDHParamsOk)
        else:
            with pytest.raises(PeerError):
                runs.plain(query.to_bytes())
