"""What a server remembers of messages it sent is bounded in number and in bytes."""

from __future__ import annotations

from mtproto.session.events import Request
from mtproto.session.kept import MAX_BYTES, MAX_COUNT, Kept
from tests.pair import Pair
from tests.session.test_requests import QUERY, ask


def test_the_oldest_leave_first() -> None:
    kept = Kept()
    for msg_id in range(MAX_COUNT + 10):
        kept.keep(msg_id, 1, b"body")
    assert list(kept) == list(range(10, MAX_COUNT + 10))


def test_bytes_are_bounded_but_the_newest_message_stays() -> None:
    kept = Kept()
    for msg_id in range(20):
        kept.keep(msg_id, 1, bytes(MAX_BYTES // 4))
    assert list(kept) == [16, 17, 18, 19]
    kept.keep(20, 1, bytes(2 * MAX_BYTES))
    assert list(kept) == [20]


def test_what_was_dropped_does_not_count() -> None:
    kept = Kept()
    for msg_id in range(100):
        kept.keep(msg_id, 1, bytes(MAX_BYTES // 4))
        kept.drop(msg_id)
    kept.keep(100, 1, bytes(MAX_BYTES // 2))
    kept.keep(101, 1, bytes(MAX_BYTES // 2))
    assert list(kept) == [100, 101]


def test_large_answers_that_are_never_acknowledged_do_not_pile_up() -> None:
    pair = Pair()
    body = bytes(pair.server_env.random_bytes(1 << 20))
    for _ in range(20):
        _, request = ask(pair)
        pair.server_session.result(request.msg_id, body, request.via)
        pair.server_writes()
    session = pair.server_session
    assert sum(len(body) for _, body in session._answers.values()) <= MAX_BYTES
    assert sum(len(body) for _, body in session._unacked.values()) <= MAX_BYTES


def test_a_request_that_runs_longer_than_its_acknowledgement_is_still_running() -> None:
    pair = Pair()
    _, request = ask(pair)
    assert isinstance(request, Request) and request.body == QUERY
    pair.advance(1.0)
    pair.run()
    assert pair.server_session.state_of(request.msg_id) & 32
    pair.server_session.result(request.msg_id, QUERY, request.via)
    assert pair.server_session.state_of(request.msg_id) == 4 | 32 | 64
