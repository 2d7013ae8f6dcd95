"""rpc_drop_answer: a cancelled request is cancelled on the server too (MSG-102)."""

from __future__ import annotations

import random

import pytest

from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Ignored, Request
from tests.pair import Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled


def results(pair: Pair) -> list[bytes]:
    """The results that the server sends now."""
    pair.server_writes()
    head = schema.RpcResult.ID.to_bytes(4, "little")
    return [m.body[12:] for m in pair.server_ear.take() if m.body[:4] == head]


def drop(pair: Pair, msg_id: int) -> None:
    pair.forge_from_client(schema.RpcDropAnswer(req_msg_id=msg_id), seqno=1000)


@pytest.mark.requirement("MSG-102", "MSG-103", "API-12")
def test_a_sent_request_that_is_cancelled_is_dropped_on_the_server() -> None:
    pair = settled()
    request_id, request = ask(pair)
    pair.session.cancel(request_id)
    assert pair.session.unfinished() == []
    pair.send()
    assert pair.client_ear.objects() == [schema.RpcDropAnswer(req_msg_id=request.msg_id)]
    assert results(pair) == [schema.RpcAnswerDroppedRunning().to_bytes()] * 2
    assert pair.server_session.result(request.msg_id, RESULT, None) is None
    assert results(pair) == []


@pytest.mark.requirement("MSG-102")
def test_what_comes_of_a_cancelled_request_reaches_nobody_and_is_acknowledged() -> None:
    pair = settled()
    request_id, _ = ask(pair)
    pair.session.cancel(request_id)
    pair.run()
    events = pair.take()
    assert [type(event) for event in events] == [Ignored]  # the result of the request; that of the query is expected
    assert pair.session._queries == {}
    pair.advance(31)
    pair.client_writes()
    (ack,) = pair.client_ear.objects()[-1:]
    assert isinstance(ack, schema.MsgsAck) and len(ack.msg_ids) == 2


def test_a_request_that_was_not_sent_is_dropped_in_silence() -> None:
    pair = settled()
    pair.session.cancel(pair.session.request(QUERY))
    pair.session.cancel(12345)
    assert not pair.client.wants_write


def test_a_service_query_that_is_cancelled_has_no_answer_to_drop() -> None:
    pair = settled()
    request_id = pair.session.request(schema.Ping(ping_id=1).to_bytes(), content=False, api=False)
    pair.client_writes()
    pair.session.cancel(request_id)
    assert not pair.client.wants_write


@pytest.mark.requirement("MSG-102")
def test_an_answer_that_was_sent_and_not_acknowledged_is_dropped() -> None:
    pair = settled()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.server_writes()
    (answer,) = pair.server_ear.take()
    drop(pair, request.msg_id)
    dropped = schema.RpcAnswerDropped(msg_id=answer.msg_id, seq_no=answer.seqno, bytes=len(answer.body))
    assert results(pair) == [dropped.to_bytes()]
    assert answer.msg_id not in pair.server_session._unacked
    drop(pair, request.msg_id)
    assert results(pair) == [schema.RpcAnswerUnknown().to_bytes()]


@pytest.mark.requirement("MSG-102")
def test_an_answer_that_still_waits_is_not_sent() -> None:
    pair = settled()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    drop(pair, request.msg_id)
    assert results(pair) == [schema.RpcAnswerDropped(msg_id=0, seq_no=0, bytes=len(RESULT) + 12).to_bytes()]


@pytest.mark.requirement("MSG-102")
def test_an_answer_that_was_acknowledged_or_never_asked_for_is_unknown() -> None:
    pair = settled()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    pair.advance(31)
    pair.run()
    pair.server_ear.take()
    for msg_id in (request.msg_id, pair.client_msg_id(), 0):
        drop(pair, msg_id)
        assert results(pair) == [schema.RpcAnswerUnknown().to_bytes()]


@pytest.mark.requirement("API-12")
def test_cancelling_and_answering_in_any_order_ends_each_request_at_most_once() -> None:
    rng = random.Random(5)
    pair = settled()
    waiting: list[tuple[int, Request]] = []
    cancelled, answered = set(), []
    for _ in range(300):
        action = rng.randrange(4)
        if action == 0:
            waiting.append(ask(pair))
        elif waiting:
            request_id, request = waiting.pop(rng.randrange(len(waiting)))
            if action == 1:
                pair.session.cancel(request_id)
                cancelled.add(request_id)
            else:
                pair.server_session.result(request.msg_id, RESULT, None)
        if rng.randrange(3) == 0:
            pair.run()
        answered += [event.request_id for event in of(pair.take(), Answered)]
    pair.run()
    answered += [event.request_id for event in of(pair.take(), Answered)]
    assert len(answered) == len(set(answered)) > 20 and not cancelled & set(answered) and len(cancelled) > 20
    assert sorted(pair.session.unfinished()) == sorted(request_id for request_id, _ in waiting)
    assert pair.session._queries == {}


def test_a_container_of_a_call_and_its_cancellation_gives_one_result() -> None:
    pair = settled()
    request_id = pair.session.request(QUERY)
    pair.client_writes()
    pair.session.cancel(request_id)
    pair.client_writes()
    for data in pair.to_server[-2:]:
        pair.server.receive_data(data)
    pair.collect()
    request = only(pair.take_server(), Request)  # it was already dropped when it is executed
    pair.server_session.result(request.msg_id, RESULT, None)
    assert results(pair) == [schema.RpcAnswerDroppedRunning().to_bytes()] * 2
