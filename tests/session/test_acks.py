"""Acknowledgements on both sides (MSG-36, MSG-72..76)."""

from __future__ import annotations

import pytest

from mtproto.message.container import Message, join
from mtproto.schema import mtproto as schema
from mtproto.session.events import Acknowledged, Answered, Closed, Request
from mtproto.session.session import MAX_IDS
from tests.pair import Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled

UPDATE = b"\x11\x22\x33\x44upda"


def acks_of(objects: list[object]) -> list[list[int]]:
    return [item.msg_ids for item in objects if isinstance(item, schema.MsgsAck)]


# ---- the client


@pytest.mark.parametrize("alone", [True, False])
def test_what_was_acknowledged_in_a_payload_that_was_refused_is_acknowledged_again(alone: bool) -> None:
    """The salts change every half hour; the server would keep what it was not told of for the rest of the session."""
    pair = settled()
    acked = [pair.server_msg_id() for _ in range(16)]
    for msg_id in acked:
        pair.forge(UPDATE, msg_id=msg_id)
    if not alone:
        pair.session.request(QUERY)
    pair.client_writes()
    assert acks_of(pair.client_ear.objects()) == [acked]
    refused = pair.client_ear.payloads[-1]
    notice = schema.BadServerSalt(bad_msg_id=refused.msg_id, bad_msg_seqno=0, error_code=48, new_server_salt=5)
    pair.forge(notice, seqno=0)
    pair.client_writes()
    assert acks_of(pair.client_ear.objects()) == [acked]


def test_the_acknowledgements_of_few_payloads_are_remembered() -> None:
    pair = settled()
    for _ in range(40):
        pair.forge(UPDATE)
        pair.session.request(QUERY)
        pair.client_writes()
    assert len(pair.session._ack_batches) == 16


@pytest.mark.requirement("MSG-73")
def test_an_acknowledgement_waits_for_the_next_payload() -> None:
    pair = settled()
    msg_id = pair.server_msg_id()
    pair.forge(UPDATE, msg_id=msg_id)
    assert not pair.client.wants_write
    pair.session.request(QUERY)
    pair.client_writes()
    assert len(pair.client_ear.payloads[-1].body) > 60  # one container
    assert acks_of(pair.client_ear.objects()) == [[msg_id]]


@pytest.mark.requirement("MSG-73", "MSG-150")
def test_it_leaves_alone_after_30_seconds() -> None:
    pair = settled()
    msg_id = pair.server_msg_id()
    pair.forge(UPDATE, msg_id=msg_id)
    due = pair.client.next_deadline()
    assert due is not None and 29 < due - pair.client_env.monotonic() <= 30
    pair.advance(29.9)
    assert not pair.client.wants_write
    pair.advance(0.1)
    assert pair.client.wants_write
    pair.client_writes()
    assert acks_of(pair.client_ear.objects()) == [[msg_id]]
    assert pair.client.next_deadline() is None


@pytest.mark.requirement("MSG-73", "MSG-150")
def test_sixteen_leave_at_once() -> None:
    pair = settled()
    ids = [pair.server_msg_id() for _ in range(16)]
    for msg_id in ids[:15]:
        pair.forge(UPDATE, msg_id=msg_id)
    assert not pair.client.wants_write
    pair.forge(UPDATE, msg_id=ids[15])
    assert pair.client.wants_write
    pair.client_writes()
    assert acks_of(pair.client_ear.objects()) == [ids]


@pytest.mark.requirement("MSG-73")
def test_even_messages_are_not_acknowledged() -> None:
    pair = settled()
    pair.forge(schema.Pong(msg_id=5, ping_id=6), seqno=2)
    pair.advance(31)
    assert not pair.client.wants_write


@pytest.mark.requirement("MSG-36")
def test_an_acknowledgement_is_itself_even_and_its_payload_may_be_bare() -> None:
    pair = settled()
    pair.forge(UPDATE)
    pair.advance(31)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    assert message.seqno % 2 == 0
    assert pair.client_ear.payloads[-1].body == message.body


@pytest.mark.requirement("MSG-72")
def test_more_than_8192_are_split() -> None:
    """MSG-72."""
    pair = settled()
    ids = list(range(1, 2 * MAX_IDS * 4 + 40, 4))
    for msg_id in ids:
        pair.session.acknowledge(msg_id)
    pair.client_writes()
    parts = acks_of(pair.client_ear.objects())
    assert [len(part) for part in parts] == [8192, 8192, len(ids) - 2 * 8192]
    assert [msg_id for part in parts for msg_id in part] == ids
    assert not pair.client.wants_write


@pytest.mark.requirement("MSG-76")
def test_an_acknowledged_request_is_reported_once_and_still_waits() -> None:
    """MSG-76."""
    pair = settled()
    request_id, request = ask(pair)
    for _ in range(2):
        pair.forge(schema.MsgsAck(msg_ids=[request.msg_id, 4, -1, 0]), seqno=0)
    assert of(pair.take(), Acknowledged) == [Acknowledged(request_id)]
    assert pair.session.unfinished() == [request_id]
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()


# ---- the server


@pytest.mark.requirement("MSG-74")
def test_a_request_that_takes_longer_than_half_a_second_is_acknowledged() -> None:
    """MSG-74."""
    pair = settled()
    _, request = ask(pair)
    due = pair.server.next_deadline()
    assert due is not None and 0.49 < due - pair.server_env.monotonic() <= 0.5
    pair.advance(0.4)
    assert not pair.server.wants_write
    pair.advance(0.1)
    assert pair.server.wants_write
    pair.server_writes()
    assert acks_of(pair.server_ear.objects()) == [[request.msg_id]]
    assert pair.server.next_deadline() is None


@pytest.mark.requirement("MSG-74")
def test_a_quick_answer_is_acknowledgement_enough() -> None:
    pair = settled()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.server_writes()
    pair.advance(1)
    pair.server_writes()
    assert acks_of(pair.server_ear.objects()) == []


@pytest.mark.parametrize("count", [MAX_IDS, MAX_IDS + 1])
@pytest.mark.parametrize("kind", [schema.MsgsAck, schema.MsgsStateReq, schema.MsgResendReq])
@pytest.mark.requirement("MSG-72", "SEC-78")
def test_a_server_takes_8192_ids_and_answers_429_to_more(count: int, kind: type[schema.MsgsAck]) -> None:
    """MSG-72, SEC-78."""
    pair = settled()
    pair.forge_from_client(kind(msg_ids=[5] * count), seqno=2)
    if count == MAX_IDS:
        assert not pair.server.closed
        return
    assert pair.server.closed
    only(pair.take_server(), Closed)
    assert pair.server.data_to_send() == b"\x04\0\0\0" + (-429).to_bytes(4, "little", signed=True)


def test_a_request_before_the_message_that_ends_the_connection_is_served() -> None:
    """It counts as received: if it were not executed, its sender would wait for ever."""
    pair = settled()
    first, second = pair.client_msg_id(), pair.client_msg_id()
    too_many = schema.MsgsAck(msg_ids=[5] * (MAX_IDS + 1)).to_bytes()
    pair.forge_from_client(join([Message(first, 101, QUERY), Message(second, 102, too_many)]), seqno=102)
    events = pair.take_server()
    assert only(events, Request).msg_id == first
    assert events[-1] is only(events, Closed)


def test_what_the_client_acknowledged_is_not_sent_again() -> None:
    pair = settled()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    pair.advance(31)
    pair.run()
    pair.server_ear.take()
    again(pair)
    assert [m.body for m in pair.server_ear.take() if RESULT in m.body] == []


@pytest.mark.requirement("MSG-75", "SEC-80")
def test_what_it_did_not_is_sent_again_on_the_next_connection_under_its_own_id() -> None:
    """MSG-75, SEC-80: in a container with a fresh id."""
    pair = settled()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.server_session.push(b"\x11\x22\x33\x44push")
    pair.server_writes()
    lost = {m.msg_id: (m.seqno, m.body) for m in pair.server_ear.take()}
    outer = pair.server_ear.payloads[-1]
    again(pair)
    repeated = {m.msg_id: (m.seqno, m.body) for m in pair.server_ear.take()}
    assert lost.items() <= repeated.items()
    assert pair.server_ear.payloads[-1].msg_id > outer.msg_id


def again(pair: Pair) -> None:
    """A new connection, and something on it so that the server sees the session there."""
    pair.client.receive_eof()
    pair.server.receive_eof()
    pair.collect()
    pair.connect()
    pair.session.request(QUERY)
    pair.send()
    pair.take_server()
    pair.answer()


@pytest.mark.requirement("MSG-41")
def test_a_repeated_message_is_recognised_and_acknowledged_again() -> None:
    pair = settled()
    _, request = ask(pair)
    pair.server_session.push(UPDATE)
    pair.run()
    before = [event for event in pair.take() if isinstance(event, Answered)]
    again(pair)
    assert before == [] and not [e for e in pair.take() if getattr(e, "body", None) == UPDATE]
    assert request


def test_at_most_1000_unacknowledged_messages_are_kept() -> None:
    pair = settled()
    for i in range(3000):
        pair.server_session.push(UPDATE + i.to_bytes(4, "little"))
        pair.server_writes()
    assert len(pair.server_session._unacked) <= 1000


def test_at_most_1000_updates_wait_for_a_client_that_is_away() -> None:
    pair = settled()
    session = pair.server_session
    pair.server.receive_eof()
    for _ in range(3000):
        assert session.push(UPDATE) is None
    assert len(session._queue) == 1000


def test_at_most_10000_updates_wait_for_a_client_that_does_not_read() -> None:
    session = settled().server_session
    for _ in range(11_000):
        session.push(UPDATE)
    assert len(session._queue) == 10_000


@pytest.mark.requirement("MSG-76")
def test_an_acknowledgement_of_unknown_ids_is_ignored() -> None:
    pair = settled()
    pair.forge_from_client(schema.MsgsAck(msg_ids=[0, 5, -1, 2**63 - 1]), seqno=2)
    assert pair.take_server() == [] and not pair.server.closed


def test_messages_bound_to_a_lost_connection_die_with_it_and_others_do_not() -> None:
    pair = settled()
    pair.forge_from_client(schema.Ping(ping_id=5), seqno=2)
    pair.server_session.push(UPDATE)
    pair.server.receive_eof()
    again(pair)
    bodies = [m.body for m in pair.server_ear.take()]
    assert UPDATE in bodies
    assert not [body for body in bodies if body[:4] == schema.Pong.ID.to_bytes(4, "little")]


@pytest.mark.requirement("SEC-73")
def test_requests_are_reported_once_however_often_their_connection_changes() -> None:
    pair = settled()
    _, request = ask(pair)
    again(pair)
    assert not of(pair.take_server(), Request)
    assert request.msg_id in pair.server_session.window
