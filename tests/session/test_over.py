"""What a request leaves behind when it is over, or goes under another id: nothing (MSG-93..97)."""

from __future__ import annotations

import pytest

from mtproto.errors import OutcomeUnknown, RpcError
from mtproto.message.container import Message
from mtproto.schema import mtproto as schema
from mtproto.session.events import RequestFailed
from tests.pair import Pair, service
from tests.session.helpers import QUERY, only, settled


def sent(pair: Pair, *, repeatable: bool = False) -> tuple[int, int]:
    """A request (id and msg_id) that has left and that the server does nothing about."""
    request_id = pair.session.request(QUERY, repeatable=repeatable)
    pair.client_writes()
    return request_id, pair.client_ear.take()[-1].msg_id


def calls(pair: Pair) -> list[int]:
    """The msg_ids of the API calls that the client sends now."""
    pair.client_writes()
    return [message.msg_id for message in pair.client_ear.take() if not service(message.body)]


def resend(*msg_ids: int) -> schema.MsgResendReq:
    return schema.MsgResendReq(msg_ids=list(msg_ids))


def together(pair: Pair, *bodies: bytes) -> None:
    """The client receives all of this in one payload, so that it says nothing in between."""
    pair.forge_container(*[Message(pair.server_msg_id(), 0, body) for body in bodies], msg_id=pair.server_msg_id())


# ---- repetitions


@pytest.mark.requirement("MSG-94", "MSG-97")
def test_a_request_that_failed_is_not_repeated_afterwards() -> None:
    """Its caller has been told that it may have run; what was asked for before that would let it run again."""
    pair = settled()
    _, msg_id = sent(pair)
    told = schema.MsgsAllInfo(msg_ids=[msg_id], info=b"\1")
    together(pair, resend(msg_id).to_bytes(), told.to_bytes())
    assert isinstance(only(pair.take(), RequestFailed).error, OutcomeUnknown)
    assert calls(pair) == []


@pytest.mark.requirement("MSG-94", "MSG-102")
def test_a_request_that_was_cancelled_is_not_repeated_afterwards() -> None:
    pair = settled()
    request_id, msg_id = sent(pair)
    pair.forge(resend(msg_id), seqno=0)
    pair.session.cancel(request_id)
    assert calls(pair) == []


@pytest.mark.requirement("MSG-94", "MSG-96")
def test_a_request_that_goes_under_another_id_is_not_repeated_under_the_one_before() -> None:
    pair = settled()
    _, msg_id = sent(pair)
    told = schema.MsgsAllInfo(msg_ids=[msg_id], info=b"\2")
    together(pair, resend(msg_id).to_bytes(), told.to_bytes())
    (again,) = calls(pair)
    assert again > msg_id


@pytest.mark.requirement("MSG-94")
def test_what_is_asked_for_again_after_it_was_repeated_is_repeated_again() -> None:
    pair = settled()
    _, msg_id = sent(pair)
    for _ in "12":
        pair.forge(resend(msg_id), seqno=0)
        assert calls(pair) == [msg_id]


@pytest.mark.parametrize("repeatable", [False, True])
@pytest.mark.requirement("MSG-94", "MSG-97")
def test_after_a_lost_connection_only_what_may_run_twice_is_repeated(repeatable: bool) -> None:
    """MSG-97: whether it has run is what the client asks; a server that lost its session cannot know."""
    pair = settled()
    _, msg_id = sent(pair, repeatable=repeatable)
    pair.reconnect()
    pair.client_writes(), pair.client_ear.take()
    pair.forge(resend(msg_id), seqno=0)
    assert calls(pair) == ([msg_id] if repeatable else [])


@pytest.mark.requirement("MSG-94", "MSG-95")
def test_what_is_not_repeated_is_answered_with_states() -> None:
    pair = settled()
    _, msg_id = sent(pair)
    pair.reconnect()
    pair.client_writes(), pair.client_ear.take()
    query = pair.server_msg_id()
    pair.forge(resend(msg_id), msg_id=query, seqno=0)
    pair.client_writes()
    (states,) = [item for item in pair.client_ear.objects() if isinstance(item, schema.MsgsStateInfo)]
    assert states.req_msg_id == query and len(states.info) == 1


@pytest.mark.requirement("MSG-97")
def test_what_the_server_says_to_have_on_this_connection_is_repeated_again() -> None:
    pair = settled()
    _, msg_id = sent(pair)
    pair.reconnect()
    pair.forge(schema.MsgsAllInfo(msg_ids=[msg_id], info=b"\4"), seqno=0)
    pair.client_writes(), pair.client_ear.take()
    pair.forge(resend(msg_id), seqno=0)
    assert calls(pair) == [msg_id]


@pytest.mark.parametrize("acknowledged", [False, True])
@pytest.mark.requirement("MSG-64", "MSG-97")
def test_what_a_lost_session_may_have_run_is_not_repeated_for_the_next(acknowledged: bool) -> None:
    """The connection has outlived the server's session (MSG-63)."""
    pair = settled()
    _, msg_id = sent(pair)
    if acknowledged:
        pair.forge(schema.MsgsAck(msg_ids=[msg_id]), seqno=0)
    created = schema.NewSessionCreated(first_msg_id=pair.client_msg_id(), unique_id=5, server_salt=5)
    pair.forge(created)
    pair.client_writes(), pair.client_ear.take()
    pair.forge(resend(msg_id), seqno=0)
    assert calls(pair) == []


# ---- answers that are fetched


def mentioned(pair: Pair) -> tuple[int, int]:
    """A request (id and msg_id) whose answer the server has only mentioned."""
    request_id, msg_id = sent(pair)
    answer = pair.server_msg_id(answer=True)
    pair.forge(schema.MsgDetailedInfo(msg_id=msg_id, answer_msg_id=answer, bytes=5000, status=0), seqno=0)
    return request_id, msg_id


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.requirement("MSG-93", "SEC-47")
def test_an_answer_that_nobody_waits_for_any_more_is_not_fetched(asked: bool) -> None:
    pair = settled()
    request_id, _ = mentioned(pair)
    if asked:
        pair.client_writes(), pair.client_ear.take()
    pair.session.cancel(request_id)
    assert pair.session.fetched == {}
    pair.client_writes()
    assert not any(isinstance(item, schema.MsgResendReq) for item in pair.client_ear.objects())


@pytest.mark.requirement("MSG-93", "SEC-47")
def test_an_answer_to_a_request_that_failed_is_not_fetched() -> None:
    pair = settled()
    _, msg_id = mentioned(pair)
    error = schema.RpcError(error_code=400, error_message="GONE")
    pair.forge(schema.RpcResult.ID.to_bytes(4, "little") + msg_id.to_bytes(8, "little") + error.to_bytes())
    assert isinstance(only(pair.take(), RequestFailed).error, RpcError)
    assert pair.session.fetched == {}


@pytest.mark.requirement("MSG-93")
def test_the_end_of_one_request_leaves_the_answers_of_others_wanted() -> None:
    pair = settled()
    first, _ = mentioned(pair)
    mentioned(pair)
    pair.session.cancel(first)
    assert len(pair.session.fetched) == 1
