"""Requests across lost connections: answered once, never silently repeated (MSG-43, 61, 77, 92, 97, SEC-28, 69)."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mtproto.connection import Connection
from mtproto.errors import BadMessage, ConnectionLost, OutcomeUnknown
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Ignored, Request, RequestFailed, Update
from mtproto.session.server import ServerSession
from mtproto.transport import Detect
from tests.pair import Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled

BIG = RESULT + random.Random(1).randbytes(5000)
UPDATE = b"\x11\x22\x33\x44upda"


def questions(pair: Pair) -> list[list[int]]:
    """The ids of which the client asked the states since the last call."""
    return [item.msg_ids for item in pair.client_ear.objects() if isinstance(item, schema.MsgsStateReq)]


def forget_sessions(pair: Pair) -> None:
    """The server restarts: it has its keys and no session."""
    pair.lose()
    pair.endpoint.keys.sessions.clear()
    pair.connect()


def answer_all(pair: Pair, result: bytes = RESULT) -> list[Request]:
    requests = of(pair.take_server(), Request)
    for request in requests:
        assert isinstance(request.session, ServerSession)
        request.session.result(request.msg_id, result, None)
    return requests


@pytest.mark.requirement("MSG-77")
def test_the_next_connection_begins_with_a_question_about_what_was_sent() -> None:
    pair = settled()
    _, sent = ask(pair)
    unsent = pair.session.request(QUERY + b"next")
    pair.reconnect()
    pair.client_ear.take()
    pair.client_writes()
    heard = pair.client_ear.messages
    assert [m.body for m in heard if m.body[:4] == QUERY[:4]] == [QUERY + b"next"]
    assert questions(pair) == [[sent.msg_id]]
    assert unsent in pair.session.unfinished()


def test_without_requests_there_is_nothing_to_ask() -> None:
    pair = settled()
    pair.reconnect()
    assert not pair.client.wants_write


def test_a_service_query_whose_answer_was_lost_is_asked_again() -> None:
    """A pong is not content-related: the server keeps none to send again, and without one the caller would wait."""
    pair = settled()
    request_id = pair.session.request(schema.Ping(ping_id=5).to_bytes(), content=False, api=False, repeatable=True)
    pair.send()
    pair.server_writes()  # lost
    pair.reconnect()
    pair.run()
    assert only(pair.take(), Answered).request_id == request_id


@pytest.mark.requirement("MSG-61")
def test_a_request_that_still_runs_is_answered_on_the_next_connection() -> None:
    pair = settled()
    request_id, request = ask(pair)
    pair.reconnect()
    pair.run()
    assert answer_all(pair) == []  # it is not executed again
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert of(pair.take(), Answered) == [Answered(request_id, RESULT)]


@pytest.mark.parametrize("result", [RESULT, BIG], ids=["small", "large"])
@pytest.mark.requirement("MSG-75", "SEC-39")
def test_an_answer_that_was_lost_comes_again_and_counts_once(result: bytes) -> None:
    pair = settled()
    request_id, _ = ask_and_lose_the_answer(pair, result)
    pair.run()
    assert of(pair.take(), Answered) == [Answered(request_id, result)]
    assert answer_all(pair) == []
    fetched = [item for item in pair.client_ear.objects() if isinstance(item, schema.MsgResendReq)]
    assert len(fetched) == (result is BIG)


def ask_and_lose_the_answer(pair: Pair, result: bytes) -> tuple[int, Request]:
    request_id, request = ask(pair)
    pair.server_session.result(request.msg_id, result, None)
    pair.server_writes()
    pair.client_ear.take()
    pair.reconnect()
    return request_id, request


@pytest.mark.requirement("MSG-92", "SEC-39")
def test_an_answer_that_the_server_does_not_send_by_itself_is_asked_for() -> None:
    """MSG-92: the state says that there is an answer."""
    pair = settled()
    request_id, request = ask_and_lose_the_answer(pair, RESULT)
    pair.client_writes()
    question = next(m for m in pair.client_ear.take() if m.body[:4] == schema.MsgsStateReq.ID.to_bytes(4, "little"))
    pair.forge(schema.MsgsStateInfo(req_msg_id=question.msg_id, info=bytes([4 | 32 | 64])), seqno=0)
    pair.client_writes()
    assert schema.MsgResendAnsReq(msg_ids=[request.msg_id]) in pair.client_ear.objects()
    for data in pair.to_server[-2:]:
        pair.server.receive_data(data)
    pair.answer()
    assert of(pair.take(), Answered) == [Answered(request_id, RESULT)]


@pytest.mark.requirement("MSG-92", "SEC-39")
def test_a_request_that_never_arrived_goes_again_although_it_may_not_run_twice() -> None:
    pair = settled()
    ask(pair)
    request_id = pair.session.request(QUERY + b"lost")
    pair.client_writes()
    pair.reconnect()
    pair.run()
    (request,) = [r for r in answer_all(pair) if r.body == QUERY + b"lost"]
    assert request
    pair.run()
    assert only(pair.take(), Answered).request_id == request_id


@pytest.mark.parametrize("repeatable", [False, True])
@pytest.mark.requirement("MSG-97")
def test_a_server_that_lost_its_sessions_leaves_the_outcome_unknown_unless_it_may_run_twice(repeatable: bool) -> None:
    """MSG-97: it may have executed the request before."""
    pair = settled()
    request_id, _ = ask(pair, repeatable=repeatable)
    forget_sessions(pair)
    pair.run()
    again = answer_all(pair)
    pair.run()
    events = pair.take()
    if repeatable:
        assert [request.body for request in again] == [QUERY]
        assert only(events, Answered).request_id == request_id
    else:
        assert again == []
        failed = only(events, RequestFailed)
        assert failed.request_id == request_id and isinstance(failed.error, OutcomeUnknown)


def test_an_unsent_request_survives_any_number_of_lost_connections() -> None:
    pair = settled()
    request_id = pair.session.request(QUERY)
    for _ in range(20):
        pair.reconnect()
    forget_sessions(pair)
    pair.run()
    answer_all(pair)
    pair.run()
    assert only(pair.take(), Answered).request_id == request_id


@pytest.mark.requirement("MSG-83")
def test_a_request_lost_with_each_connection_is_given_up_after_three_resends() -> None:
    pair = settled()
    ask(pair)
    request_id = pair.session.request(QUERY + b"lost")
    for _ in range(6):
        pair.client_writes()  # and is lost
        pair.reconnect()
        pair.client_writes()
        pair.server.receive_data(pair.to_server[-1])
        pair.collect()
        pair.answer()
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id and isinstance(failed.error, OutcomeUnknown | BadMessage)
    assert not [event for event in of(pair.take_server(), Request) if event.body == QUERY + b"lost"]


@pytest.mark.requirement("MSG-61")
def test_a_second_connection_takes_over_what_the_first_carried() -> None:
    """MSG-61: the session lives while one of its connections does."""
    pair = settled()
    request_id, request = ask(pair)
    first, first_server = pair.client, pair.server
    pair.connect()
    pair.run()
    assert questions(pair) == []
    first.receive_eof(), first_server.receive_eof()
    pair.client_ear.take()
    pair.client_writes()
    assert questions(pair) == [[request.msg_id]]
    pair.server.receive_data(pair.to_server[-1])
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()


def test_the_sessions_own_queries_end_with_their_connection() -> None:
    pair = settled(upkeep=True)
    pair.advance(60)
    pair.client_writes()
    assert len(pair.session._queries) == 2
    pair.lose()
    assert pair.session._queries == {} and not pair.session.fetched


def test_a_dropped_answer_is_dropped_on_the_next_connection_too() -> None:
    pair = settled()
    request_id, request = ask(pair)
    pair.lose()
    pair.session.cancel(request_id)
    pair.connect()
    pair.send()
    assert schema.RpcDropAnswer(req_msg_id=request.msg_id) in pair.client_ear.objects()
    assert pair.server_session.result(request.msg_id, RESULT, None) is None


@pytest.mark.requirement("TR-126")
def test_a_connection_after_the_first_is_pinged_at_once() -> None:
    """TR-126: else the server would have no session to deliver to."""
    pair = settled(upkeep=True)
    pair.reconnect()
    assert pair.client.next_deadline() <= pair.client_env.monotonic()  # type: ignore[operator]
    pair.client.handle_timer()
    pair.run()
    pair.server_session.push(UPDATE)
    pair.run()
    assert UPDATE in [event.body for event in of(pair.take(), Update)]


# ---- replays


@pytest.mark.requirement("MSG-43", "SEC-28")
def test_what_was_received_is_not_processed_again_on_another_connection() -> None:
    """MSG-43, SEC-28: the window outlives the connection."""
    pair = settled()
    pair.server_session.push(UPDATE)
    pair.run()
    recorded = pair.server_ear.payloads[-1]
    assert only(pair.take(), Update)
    for _ in range(3):
        pair.reconnect()
        pair.deliver_to_client(recorded)
        events = pair.take()
        assert not of(events, Update) and only(events, Ignored)


@pytest.mark.requirement("SEC-28", "SEC-43")
def test_a_replayed_answer_completes_nothing_twice() -> None:
    pair = settled()
    request_id, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    recorded = pair.server_ear.payloads[-1]
    assert only(pair.take(), Answered).request_id == request_id
    pair.reconnect()
    pair.deliver_to_client(recorded)
    assert not of(pair.take(), Answered)


# ---- everything at once


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.requirement("SEC-39", "SEC-69", "API-12")
def test_cut_anywhere_each_request_ends_once_and_runs_once(seed: int) -> None:
    """SEC-69: connections cut with bytes under way, sessions lost; at most one execution unless it is told."""
    rng = random.Random(seed)
    pair = settled(upkeep=True)
    executed: Counter[bytes] = Counter()
    ended: dict[int, Answered | RequestFailed] = {}
    bodies: dict[int, bytes] = {}
    repeatable: set[int] = set()
    running: list[Request] = []

    def settle(share: float) -> None:
        for request in of(pair.take_server(), Request):
            executed[request.body] += 1
            running.append(request)
        for request in [request for request in running if rng.random() < share]:
            running.remove(request)
            assert isinstance(request.session, ServerSession)
            request.session.result(request.msg_id, RESULT + request.body[4:] * rng.choice((1, 600)), None)
        for event in pair.take():
            if isinstance(event, Answered | RequestFailed):
                assert event.request_id not in ended
                ended[event.request_id] = event

    for number in range(60):
        for _ in range(rng.randrange(3)):
            body = QUERY[:4] + number.to_bytes(4, "little") + rng.randbytes(8)
            may = rng.random() < 0.3
            request_id = pair.session.request(body, repeatable=may)
            bodies[request_id] = body
            if may:
                repeatable.add(request_id)
        step = rng.randrange(10)
        if step < 5:
            pair.run()
        elif step == 5:
            pair.client_writes()  # lost with the connection
            pair.reconnect()
        elif step == 6:
            pair.send()
            settle(0.5)
            pair.server_writes()  # the answers are lost
            pair.reconnect()
        elif step == 7:
            data = pair.client_writes()
            pair.server.receive_data(data[: rng.randrange(len(data) + 1)])
            pair.reconnect()
        elif step == 8 and rng.random() < 0.3:
            running.clear()
            forget_sessions(pair)
        else:
            pair.advance(rng.choice((0.5, 11.0, 31.0)))
        settle(0.5)
    for _ in range(20):
        if pair.client.closed or pair.server.closed:  # too long without a pong
            pair.reconnect()
        pair.advance(11)
        pair.run()
        settle(1.0)
    assert ended.keys() == bodies.keys() and pair.session.unfinished() == []
    for request_id, event in ended.items():
        body = bodies[request_id]
        if isinstance(event, Answered):
            assert event.body[:4] == RESULT[:4] and body[4:] in event.body
            assert executed[body] >= 1
        else:
            assert isinstance(event.error, OutcomeUnknown)
        if request_id not in repeatable:
            assert executed[body] <= 1


@pytest.mark.requirement("API-12")
def test_giving_up_ends_everything_once() -> None:
    pair = settled()
    ask(pair)
    pair.session.request(QUERY)
    pair.lose()
    errors = [type(event.error) for event in of(pair.link.give_up("the connection ended"), RequestFailed)]
    assert errors == [OutcomeUnknown, ConnectionLost]
    assert pair.link.give_up("the connection ended") == []


# ---- a stranger who has recorded what the client sent


class Stranger:
    """Somebody without the key, at a connection of their own, who says again what the client has said."""

    def __init__(self, pair: Pair) -> None:
        self.connection = Connection(Role.SERVER, Detect(pair.server_env), pair.endpoint, pair.server_env)
        self.connection.receive_data(b"".join(pair.to_server))
        self.heard = len(self.said())

    def said(self) -> bytes:
        """What the server says to them."""
        parts = []
        while data := self.connection.data_to_send():
            parts.append(data)
        return b"".join(parts)


def test_a_replayed_payload_diverts_neither_updates_nor_answers() -> None:
    """SEC-73: the server prefers the latest connection of a session, but only the client can open one."""
    pair = settled()
    _, request = ask(pair)
    stranger = Stranger(pair)
    pair.server_session.push(UPDATE)
    assert pair.server_session.result(request.msg_id, RESULT, None) is pair.server
    assert stranger.said() == b""
    pair.run()
    events = pair.take()
    assert only(events, Update) and only(events, Answered)


def test_a_replayed_payload_is_answered_where_it_came_from() -> None:
    pair = settled()
    ask(pair)
    assert Stranger(pair).heard


def test_a_replayed_payload_does_not_take_what_waits_for_the_client() -> None:
    pair = settled()
    _, request = ask(pair)
    pair.lose()
    stranger = Stranger(pair)
    pair.server_session.push(UPDATE)
    assert pair.server_session.result(request.msg_id, RESULT, stranger.connection) is None
    pair.server_env.advance(1.0)
    stranger.connection.handle_timer()
    assert stranger.said() == b""
    assert not stranger.connection.wants_write
    due = stranger.connection.next_deadline()
    assert due is None or due > pair.server_env.monotonic()
    pair.connect()
    pair.run()
    events = pair.take()
    assert only(events, Update) and only(events, Answered)
