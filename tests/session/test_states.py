"""States of messages, answers that are mentioned, messages asked for again: both roles (MSG-77, 90..95, SEC-46, 47)."""

from __future__ import annotations

import random

import pytest

from mtproto.errors import OutcomeUnknown, PeerError, UsageError
from mtproto.message.container import Message, is_container
from mtproto.message.gzip import LIMIT
from mtproto.schema import mtproto as schema
from mtproto.session.events import Acknowledged, Answered, Event, Ignored, Request, RequestFailed, Update
from mtproto.session.session import MAX_IDS
from mtproto.tl.objects import TLObject
from tests.pair import Pair, service
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled

BIG = RESULT + random.Random(1).randbytes(5000)
UPDATE = b"\x11\x22\x33\x44" + random.Random(2).randbytes(4000)


def spoken(pair: Pair) -> list[TLObject]:
    """The client's service messages since the last call, acknowledgements left out."""
    pair.client_writes()
    return [item for item in pair.client_ear.objects() if not isinstance(item, schema.MsgsAck)]


def sent_again(pair: Pair) -> list[bytes]:
    pair.client_writes()
    return [m.body for m in pair.client_ear.take() if not service(m.body)]


def asked(pair: Pair, *, repeatable: bool = False) -> tuple[int, int]:
    """A request (id and msg_id) whose message the server got but never saw: it is lost with the test's own ear."""
    request_id = pair.session.request(QUERY, repeatable=repeatable)
    pair.client_writes()
    return request_id, pair.client_ear.take()[-1].msg_id


def told(pair: Pair, state: int, msg_id: int) -> list[Event]:
    """What the client makes of this state of its message."""
    pair.forge(schema.MsgsAllInfo(msg_ids=[msg_id], info=bytes([state])), seqno=0)
    return pair.take()


# ---- states, as the client takes them


@pytest.mark.parametrize("state", [2, 3, 2 | 8, 3 | 16])
@pytest.mark.requirement("MSG-92", "MSG-96", "SEC-37")
def test_a_message_that_was_not_received_goes_again_under_a_new_id(state: int) -> None:
    """MSG-92."""
    pair = settled()
    request_id, msg_id = asked(pair)
    assert told(pair, state, msg_id) == []
    pair.client_writes()
    (again,) = pair.client_ear.take()
    assert again.body == QUERY and again.msg_id > msg_id
    assert pair.session.unfinished() == [request_id]


@pytest.mark.requirement("MSG-92", "MSG-97")
def test_a_message_of_which_nothing_is_known_goes_again_only_where_it_may_be_repeated() -> None:
    """MSG-97: the server may have executed it."""
    pair = settled()
    _, msg_id = asked(pair, repeatable=True)
    told(pair, 1, msg_id)
    assert sent_again(pair) == [QUERY]
    pair = settled()
    request_id, msg_id = asked(pair)
    failed = only(told(pair, 1, msg_id), RequestFailed)
    assert failed.request_id == request_id and isinstance(failed.error, OutcomeUnknown)
    assert sent_again(pair) == []


@pytest.mark.parametrize("state", [4, 4 | 32, 4 | 32 | 64, 4 | 128])
@pytest.mark.requirement("MSG-92")
def test_a_message_that_was_received_is_acknowledged_once(state: int) -> None:
    pair = settled()
    request_id, msg_id = asked(pair)
    assert told(pair, state, msg_id) == [Acknowledged(request_id)]
    assert told(pair, state, msg_id) == []
    assert sent_again(pair) == []


@pytest.mark.parametrize("state", [0, 5, 6, 7, 255])
@pytest.mark.requirement("SEC-46")
def test_a_state_that_means_nothing_changes_nothing(state: int) -> None:
    """SEC-46."""
    pair = settled()
    request_id, msg_id = asked(pair, repeatable=True)
    assert told(pair, state, msg_id) == []
    assert sent_again(pair) == [] and pair.session.unfinished() == [request_id]


def test_the_state_of_an_earlier_id_of_a_request_or_of_a_foreign_one_changes_nothing() -> None:
    pair = settled()
    _, first = asked(pair)
    told(pair, 2, first)
    assert sent_again(pair) == [QUERY]
    for msg_id in (first, pair.client_msg_id(), 0, -1):
        assert told(pair, 1, msg_id) == [] and told(pair, 2, msg_id) == []
    assert sent_again(pair) == []


@pytest.mark.requirement("SEC-46")
def test_states_and_ids_of_different_numbers_are_ignored() -> None:
    pair = settled()
    _, msg_id = asked(pair, repeatable=True)
    for msg_ids, info in (([msg_id], b""), ([msg_id], b"\2\2"), ([], b"\2")):
        pair.forge(schema.MsgsAllInfo(msg_ids=msg_ids, info=info), seqno=0)
        assert only(pair.take(), Ignored)
    assert sent_again(pair) == []


@pytest.mark.requirement("MSG-83")
def test_a_message_lost_again_and_again_is_given_up_after_three_resends() -> None:
    """MSG-83."""
    pair = settled()
    request_id, msg_id = asked(pair)
    for _ in range(3):
        assert told(pair, 2, msg_id) == []
        pair.client_writes()
        msg_id = pair.client_ear.take()[-1].msg_id
    failed = only(told(pair, 2, msg_id), RequestFailed)
    assert failed.request_id == request_id and isinstance(failed.error, OutcomeUnknown)
    assert sent_again(pair) == []


# ---- answers that are mentioned, as the client takes them


def mention(request: int, answer: int, size: int = 5000) -> schema.MsgDetailedInfo:
    return schema.MsgDetailedInfo(msg_id=request, answer_msg_id=answer, bytes=size, status=0)


@pytest.mark.requirement("MSG-93", "SEC-47")
def test_an_answer_that_is_mentioned_is_fetched_once() -> None:
    """MSG-93, SEC-47."""
    pair = settled()
    _, msg_id = asked(pair)
    answer = pair.server_msg_id(answer=True)
    pair.forge(mention(msg_id, answer), seqno=0)
    assert spoken(pair) == [schema.MsgResendReq(msg_ids=[answer])]
    pair.forge(mention(msg_id, answer), seqno=0)
    assert only(pair.take(), Ignored) and spoken(pair) == []


@pytest.mark.requirement("MSG-93")
def test_one_that_was_received_is_acknowledged_again() -> None:
    pair = settled()
    request_id, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    (answer,) = [m.msg_id for m in pair.server_ear.take() if RESULT in m.body]
    assert only(pair.take(), Answered).request_id == request_id
    pair.advance(31)
    pair.client_writes(), pair.client_ear.take()
    for notice in (mention(request.msg_id, answer), schema.MsgNewDetailedInfo(answer_msg_id=answer, bytes=9, status=0)):
        pair.forge(notice, seqno=0)
        pair.advance(31)
        pair.client_writes()
        assert pair.client_ear.objects() == [schema.MsgsAck(msg_ids=[answer])]


@pytest.mark.requirement("MSG-93", "SEC-47")
def test_an_answer_to_a_message_never_sent_is_not_fetched() -> None:
    pair = settled()
    pair.forge(mention(pair.client_msg_id(), pair.server_msg_id(answer=True)), seqno=0)
    assert only(pair.take(), Ignored) and spoken(pair) == []


@pytest.mark.parametrize("size", [LIMIT + 1, 2**31 - 1])
@pytest.mark.requirement("MSG-93", "SEC-47")
def test_an_answer_that_is_too_large_fails_its_request_unfetched(size: int) -> None:
    pair = settled()
    request_id, msg_id = asked(pair)
    pair.forge(mention(msg_id, pair.server_msg_id(answer=True), size), seqno=0)
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id and type(failed.error) is PeerError
    assert spoken(pair) == []


@pytest.mark.parametrize("size", [0, -1, -(2**31), LIMIT + 1])
def test_an_update_of_an_impossible_size_is_not_fetched(size: int) -> None:
    pair = settled()
    pair.forge(schema.MsgNewDetailedInfo(answer_msg_id=pair.server_msg_id(), bytes=size, status=0), seqno=0)
    assert only(pair.take(), Ignored) and spoken(pair) == []


def test_an_answer_under_an_id_of_a_client_is_not_fetched() -> None:
    pair = settled()
    _, msg_id = asked(pair)
    pair.forge(mention(msg_id, pair.client_msg_id()), seqno=0)
    assert only(pair.take(), Ignored) and spoken(pair) == []


@pytest.mark.requirement("SEC-47")
def test_a_flood_of_mentions_is_bounded() -> None:
    """SEC-47."""
    pair = settled()
    ids = [pair.server_msg_id() for _ in range(MAX_IDS + 50)]
    for start in range(0, len(ids), 1000):
        notices = [schema.MsgNewDetailedInfo(answer_msg_id=i, bytes=8, status=0) for i in ids[start : start + 1000]]
        inner = [Message(pair.server_msg_id(), 0, notice.to_bytes()) for notice in notices]
        pair.forge_container(*inner, msg_id=pair.server_msg_id())
    assert len(of(pair.take(), Ignored)) == 50
    assert len(spoken(pair)) == MAX_IDS


def test_an_answer_that_the_server_has_no_more_leaves_the_outcome_unknown() -> None:
    pair = settled()
    request_id, msg_id = asked(pair)
    pair.forge(mention(msg_id, pair.server_msg_id(answer=True)), seqno=0)
    pair.client_writes()
    query = pair.client_ear.take()[-1]
    pair.forge(schema.MsgsStateInfo(req_msg_id=query.msg_id, info=b"\1"), seqno=0)
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id and isinstance(failed.error, OutcomeUnknown)
    assert pair.session.fetched == {}


@pytest.mark.requirement("MSG-94", "MSG-95")
def test_the_client_sends_a_request_again_under_its_own_id_when_the_server_asks_for_it() -> None:
    """MSG-94, MSG-95."""
    pair = settled(preamble=b"PREAMBLE")
    pair.session.initialized = False
    request_id = pair.session.request(QUERY + bytes(400))
    pair.client_writes()
    first = pair.client_ear.take()[-1]
    pair.forge(schema.MsgResendReq(msg_ids=[first.msg_id, first.msg_id]), seqno=0)
    pair.send()
    assert pair.client_ear.take() == [first] and is_container(pair.client_ear.payloads[-1].body)
    request = only(pair.take_server(), Request)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert only(pair.take(), Answered).request_id == request_id


# ---- the server


@pytest.mark.requirement("MSG-90")
def test_a_large_answer_is_mentioned_when_its_request_is_repeated() -> None:
    """MSG-90."""
    pair = settled()
    msg_id = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=999)
    pair.server_session.result(msg_id, BIG, None)
    pair.server_writes()
    (answer,) = pair.server_ear.take()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=999)
    pair.server_writes()
    info = schema.MsgDetailedInfo(msg_id=msg_id, answer_msg_id=answer.msg_id, bytes=len(answer.body), status=0)
    assert pair.server_ear.objects() == [info]
    pair.forge_from_client(schema.MsgResendReq(msg_ids=[answer.msg_id]), seqno=1000)
    pair.server_writes()
    assert pair.server_ear.take() == [answer]


def test_an_answer_that_is_still_queued_is_not_sent_twice() -> None:
    pair = settled()
    msg_id = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=999)
    pair.server_session.result(msg_id, RESULT, None)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=999)
    pair.server_writes()
    assert len([m for m in pair.server_ear.take() if RESULT in m.body]) == 1


@pytest.mark.requirement("MSG-75", "MSG-93")
def test_large_messages_are_mentioned_on_the_next_connection_and_fetched_by_the_client() -> None:
    """MSG-75, MSG-93: an update here; small ones go again at once."""
    pair = settled()
    pair.server_session.push(UPDATE)
    pair.server_session.push(UPDATE[:8])
    pair.server_writes()
    lost = pair.server_ear.take()
    pair.server.receive_eof()
    pair.client.receive_eof()
    pair.collect()
    pair.connect()
    pair.session.request(schema.Ping(ping_id=1).to_bytes(), content=False, api=False)
    pair.send()
    pair.server_writes()
    heard = pair.server_ear.take()
    mentions = [m.body for m in heard if m.body[:4] == schema.MsgNewDetailedInfo.ID.to_bytes(4, "little")]
    large, small = lost
    info = schema.MsgNewDetailedInfo(answer_msg_id=large.msg_id, bytes=len(large.body), status=0)
    assert mentions == [info.to_bytes()] and small in heard and large not in heard
    pair.client.receive_data(pair.to_client[-1])
    pair.run()
    assert {event.body for event in of(pair.take(), Update)} == {UPDATE, UPDATE[:8]}


@pytest.mark.requirement("MSG-94")
def test_answers_are_sent_again_by_the_ids_of_their_requests() -> None:
    """MSG-94: msg_resend_ans_req."""
    pair = settled()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.server_writes()
    (answer,) = pair.server_ear.take()
    pair.forge_from_client(schema.MsgResendAnsReq(msg_ids=[request.msg_id]), seqno=1000)
    pair.server_writes()
    assert pair.server_ear.take() == [answer]
    pair.forge_from_client(schema.MsgResendAnsReq(msg_ids=[request.msg_id, 4]), seqno=1000)
    pair.server_writes()
    (info,) = pair.server_ear.objects()
    assert isinstance(info, schema.MsgsStateInfo) and [state & 7 for state in info.info] == [4, 1]


@pytest.mark.requirement("MSG-91")
def test_a_server_learns_from_the_client_what_it_has() -> None:
    """MSG-91, MSG-92, in the other direction."""
    pair = settled()
    for name in (b"here", b"lost"):
        pair.server_session.push(UPDATE[:4] + name)
        pair.server_writes()
    here, lost = pair.server_ear.take()
    pair.client.receive_data(pair.to_client[-2])
    pair.server_session.ask_states([here.msg_id, lost.msg_id])
    pair.answer()
    pair.send()
    pair.server_ear.take()
    pair.answer()
    assert pair.server_ear.take() == [lost]
    assert [event.body[4:] for event in of(pair.take(), Update)] == [b"here", b"lost"]


def test_states_of_the_wrong_number_or_unasked_change_nothing_on_a_server() -> None:
    pair = settled()
    pair.server_session.push(UPDATE[:8])
    pair.server_writes()
    (update,) = pair.server_ear.take()
    pair.server_session.ask_states([update.msg_id])
    pair.server_writes()
    (question,) = pair.server_ear.take()
    pair.forge_from_client(schema.MsgsStateInfo(req_msg_id=question.msg_id, info=b"\4\4"), seqno=1000)
    pair.forge_from_client(schema.MsgsStateInfo(req_msg_id=question.msg_id, info=b"\4"), seqno=1000)
    pair.forge_from_client(schema.MsgsStateInfo(req_msg_id=5, info=b"\4"), seqno=1000)
    pair.forge_from_client(schema.MsgsAllInfo(msg_ids=[update.msg_id], info=b""), seqno=1000)
    assert update.msg_id in pair.server_session._unacked
    pair.forge_from_client(schema.MsgsAllInfo(msg_ids=[update.msg_id], info=b"\4"), seqno=1000)
    assert update.msg_id not in pair.server_session._unacked


def test_a_server_asks_for_at_most_8192_states_and_remembers_few_questions() -> None:
    pair = settled()
    for count in (0, MAX_IDS + 1):
        with pytest.raises(UsageError):
            pair.server_session.ask_states([5] * count)
    for _ in range(200):
        pair.server_session.ask_states([5])
    pair.server_writes()
    assert len(pair.server_session.asked) == 64


def test_a_server_tells_states_unasked() -> None:
    pair = settled()
    request_id, msg_id = asked(pair)
    pair.server_session.tell_states([msg_id])
    pair.answer()
    assert sent_again(pair) == [QUERY] and pair.session.unfinished() == [request_id]
