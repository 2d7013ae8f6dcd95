"""bad_msg_notification, bad_server_salt and new_session_created on the client (MSG-64, MSG-80..84, SEC-40, 42, 48)."""

from __future__ import annotations

import pytest

from mtproto.errors import BadMessage, ConnectionLost, OutcomeUnknown, PeerError
from mtproto.message.container import Message
from mtproto.message.msg_id import seconds
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Closed, Ignored, NewSession, Request, RequestFailed, SessionOver
from mtproto.session.session import Outgoing
from tests.pair import NOW, SALT, Pair, service
from tests.session.helpers import QUERY, RESULT, of, only, settled

NEW_SALT = 0x7777
PONG = schema.Pong(msg_id=1, ping_id=2).to_bytes()


def notice(msg_id: int, code: int) -> schema.BadMsgNotification:
    return schema.BadMsgNotification(bad_msg_id=msg_id, bad_msg_seqno=1, error_code=code)


def wrong_salt(msg_id: int, salt: int = NEW_SALT) -> schema.BadServerSalt:
    return schema.BadServerSalt(bad_msg_id=msg_id, bad_msg_seqno=1, error_code=48, new_server_salt=salt)


def sent_again(pair: Pair) -> list[bytes]:
    """The bodies of the requests that the client sends now: no acknowledgements, no queries of the session's own."""
    pair.client_ear.take()
    pair.client_writes()
    return [message.body for message in requests(pair)]


def requests(pair: Pair) -> list[Message]:
    """The requests among the messages heard since the last call."""
    return [message for message in pair.client_ear.take() if not service(message.body)]


def salt_of(pair: Pair) -> int:
    return pair.session.keys.salts.current(pair.link.time.now())


# ---- code 48


def test_a_salt_for_a_message_never_sent_is_not_adopted() -> None:
    pair = settled()
    pair.forge(wrong_salt(pair.client_msg_id()), seqno=0)
    assert salt_of(pair) == SALT
    assert only(pair.take(), Ignored)


@pytest.mark.requirement("MSG-53", "MSG-69", "MSG-82")
def test_a_wrong_salt_of_a_container_sends_every_request_in_it_again_once() -> None:
    pair = settled()
    ids = [pair.session.request(QUERY + bytes([i, 0, 0, 0])) for i in range(3)]
    pair.client_writes()
    container = pair.client_ear.payloads[-1]
    pair.forge(wrong_salt(container.msg_id), seqno=0)
    again = sent_again(pair)
    assert again == [QUERY + bytes([i, 0, 0, 0]) for i in range(3)]
    assert pair.client_ear.payloads[-1].salt == NEW_SALT
    assert pair.client_ear.payloads[-1].msg_id > container.msg_id
    pair.forge(wrong_salt(container.msg_id, 5), seqno=0)  # the same container once more: nothing of it is left
    assert sent_again(pair) == []
    assert salt_of(pair) == 5
    assert pair.session.unfinished() == ids


def test_a_wrong_salt_of_one_message_of_a_container_sends_only_that_one_again() -> None:
    pair = settled()
    for i in range(3):
        pair.session.request(QUERY + bytes([i, 0, 0, 0]))
    pair.client_writes()
    messages = pair.client_ear.take()
    pair.forge(wrong_salt(messages[1].msg_id), seqno=0)
    assert sent_again(pair) == [messages[1].body]


@pytest.mark.requirement("MSG-53")
def test_a_wrong_salt_is_also_learnt_through_an_acknowledgement() -> None:
    pair = settled()
    pair.forge(QUERY)
    pair.advance(31)
    pair.client_writes()
    (ack,) = pair.client_ear.take()
    pair.forge(wrong_salt(ack.msg_id), seqno=0)
    assert salt_of(pair) == NEW_SALT


def test_a_wrong_salt_is_also_learnt_through_a_cancelled_request() -> None:
    pair = settled()
    request_id = pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    pair.session.cancel(request_id)
    pair.forge(wrong_salt(message.msg_id), seqno=0)
    assert salt_of(pair) == NEW_SALT
    assert sent_again(pair) == []


def test_a_notice_about_an_id_that_a_request_no_longer_travels_under_sends_nothing_again() -> None:
    pair = settled()
    pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    pair.forge(wrong_salt(message.msg_id), seqno=0)
    assert sent_again(pair) == [QUERY]
    pair.forge(wrong_salt(message.msg_id), seqno=0)
    assert sent_again(pair) == []


@pytest.mark.requirement("MSG-80")
def test_a_notice_about_a_message_older_than_600_s_is_ignored() -> None:
    """MSG-80."""
    pair = settled()
    pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    pair.advance(599)
    pair.forge(wrong_salt(message.msg_id), seqno=0)
    assert salt_of(pair) == NEW_SALT
    pair.client_writes()
    (again,) = requests(pair)
    pair.advance(601)
    pair.forge(wrong_salt(again.msg_id, 5), seqno=0)
    assert salt_of(pair) == NEW_SALT
    assert sent_again(pair) == []


@pytest.mark.requirement("MSG-96")
def test_an_answer_to_an_earlier_id_still_completes_the_request_once() -> None:
    """MSG-96: the first answer wins."""
    pair = settled()
    request_id = pair.session.request(QUERY)
    pair.client_writes()
    (first,) = pair.client_ear.take()
    pair.forge(wrong_salt(first.msg_id), seqno=0)
    pair.client_writes()
    (second,) = pair.client_ear.take()
    for message in (first, second):
        body = schema.RpcResult.ID.to_bytes(4, "little") + message.msg_id.to_bytes(8, "little") + RESULT
        pair.forge(body)
    events = pair.take()
    assert of(events, Answered) == [Answered(request_id, RESULT)]
    assert len(of(events, Ignored)) == 1


# ---- codes 16 and 17


@pytest.mark.parametrize(("code", "ahead"), [(16, -400.0), (17, 400.0)])
@pytest.mark.requirement("MSG-33", "MSG-81")
def test_a_wrong_time_is_learnt_from_the_notice_and_the_request_sent_again(code: int, ahead: float) -> None:
    pair = Pair(client_clock=NOW + ahead)
    request_id = pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    pair.forge(notice(message.msg_id, code), seqno=0)
    assert abs(pair.link.time.now() - NOW) < 1
    pair.client_writes()
    (again,) = requests(pair)
    assert again.body == QUERY and abs(seconds(again.msg_id) - NOW) < 1
    assert pair.session.unfinished() == [request_id]


@pytest.mark.requirement("MSG-60", "MSG-61", "MSG-81")
def test_code_17_begins_a_new_session_with_what_was_refused_or_may_run_twice() -> None:
    """What the server did not refuse it may have executed, with a clock that has been put back since."""
    pair = Pair(client_clock=NOW + 400)
    old = pair.session
    repeatable = pair.session.request(QUERY + bytes(4), repeatable=True)
    taken = pair.session.request(QUERY + bytes([1, 0, 0, 0]))
    pair.client_writes()
    refused = pair.session.request(QUERY)
    pair.client_writes()
    message = pair.client_ear.take()[-1]
    pair.forge(notice(message.msg_id, 17), seqno=0)
    assert pair.session is not old and pair.session.session_id != old.session_id
    events = pair.take()
    assert only(events, SessionOver).code == 17
    failed = only(events, RequestFailed)
    assert failed.request_id == taken and isinstance(failed.error, OutcomeUnknown)
    assert pair.session.unfinished() == [repeatable, refused]
    assert sorted(sent_again(pair)) == sorted([QUERY, QUERY + bytes(4)])
    assert pair.client_ear.payloads[-1].session_id == pair.session.session_id


@pytest.mark.requirement("MSG-81", "MSG-96", "SEC-37")
def test_code_16_keeps_the_session_and_its_ids_increase() -> None:
    pair = Pair(client_clock=NOW - 400)
    old = pair.session
    pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    pair.forge(notice(message.msg_id, 16), seqno=0)
    assert pair.session is old
    pair.client_writes()
    (again,) = requests(pair)
    assert again.msg_id > message.msg_id and again.seqno == message.seqno + 2


@pytest.mark.parametrize("code", [16, 17])
@pytest.mark.parametrize("server", [0.0, 1.0, 2.0**31 - 1, 2.0**31, 2.0**32 - 1])
@pytest.mark.requirement("SEC-42")
def test_an_absurd_time_of_the_server_gives_legal_ids(code: int, server: float) -> None:
    """SEC-42."""
    pair = Pair()
    pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    msg_id = (int(server * 2**32) & ~3) + 1
    msg_id -= (msg_id >> 63) << 64
    pair.forge(notice(message.msg_id, code), msg_id=msg_id, seqno=0)
    pair.client_writes()
    (again,) = requests(pair)
    assert again.body == QUERY and again.msg_id & 3 == 0
    pair.advance(5)
    pair.session.request(QUERY)
    pair.client_writes()
    assert pair.client_ear.take()[0].body == QUERY


@pytest.mark.parametrize("code", [16, 17, 18, 19, 20, 32, 33, 34, 35, 48, 64, 99, -1])
@pytest.mark.requirement("MSG-80", "SEC-40", "SEC-42")
def test_a_notice_for_a_message_never_sent_changes_nothing(code: int) -> None:
    """SEC-40, SEC-42."""
    pair = settled()
    pair.session.request(QUERY)
    pair.client_writes()
    old, time = pair.session, pair.link.time.offset
    pair.forge(notice(pair.client_msg_id() + 4, code), seqno=0, msg_id=pair.server_msg_id(-200))
    assert pair.session is old and not pair.client.closed
    assert abs(pair.link.time.offset - time) < 0.01
    assert [type(event) for event in pair.take()] == [Ignored]
    assert sent_again(pair) == []


@pytest.mark.parametrize("code", [16, 17, 64])
@pytest.mark.requirement("MSG-83", "SEC-40")
def test_no_request_is_sent_more_than_four_times(code: int) -> None:
    """MSG-83: three resends, then it fails."""
    pair = Pair()
    request_id = pair.session.request(QUERY)
    for _ in range(4):
        pair.client_writes()
        message = requests(pair)[-1]
        assert message.body == QUERY
        pair.forge(notice(message.msg_id, code), seqno=0)
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id
    assert isinstance(failed.error, BadMessage) and failed.error.code == code
    assert sent_again(pair) == []


@pytest.mark.requirement("MSG-83")
def test_sessions_ended_again_and_again_through_acknowledgements_do_not_repeat_requests_for_ever() -> None:
    """MSG-83, where the notice names another message than the request."""
    pair = Pair()
    request_id = pair.session.request(QUERY, repeatable=True)
    pair.client_writes()
    sent = len(of_bodies(pair))
    for _ in range(6):
        for _ in range(16):
            pair.forge(b"\x05\x05\x05\x05")
        pair.client_writes()
        acks = [p for p in pair.client_ear.payloads if p.body[:4] != QUERY[:4]]
        pair.forge(notice(acks[-1].msg_id, 17), seqno=0)
        pair.client_writes()
        sent += len(of_bodies(pair))
    assert sent == 4
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id and isinstance(failed.error, BadMessage)


def of_bodies(pair: Pair) -> list[Message]:
    return [message for message in pair.client_ear.take() if message.body == QUERY]


# ---- the other codes


@pytest.mark.parametrize("code", [18, 32, 33])
@pytest.mark.requirement("MSG-60", "MSG-81")
def test_codes_18_32_and_33_repeat_the_request_in_a_new_session(code: int) -> None:
    pair = settled()
    old = pair.session
    pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    pair.forge(notice(message.msg_id, code), seqno=0)
    assert pair.session is not old
    pair.client_writes()
    (again,) = requests(pair)
    assert (again.body, again.seqno) == (QUERY, 1)  # MSG-60: seqnos start over


@pytest.mark.parametrize("code", [18, 32, 33])
@pytest.mark.requirement("MSG-81", "MSG-97")
def test_other_requests_of_the_old_session_have_an_unknown_outcome_unless_repeatable(code: int) -> None:
    pair = settled()
    plain = pair.session.request(QUERY + b"lost")
    repeatable = pair.session.request(QUERY + b"more", repeatable=True)
    pair.client_writes()
    refused = pair.session.request(QUERY)
    pair.client_writes()
    message = pair.client_ear.take()[-1]
    unsent = pair.session.request(QUERY + b"next")
    pair.forge(notice(message.msg_id, code), seqno=0)
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == plain and isinstance(failed.error, OutcomeUnknown)
    assert failed.error.request_id == plain
    assert sorted(pair.session.unfinished()) == [repeatable, refused, unsent]
    assert sorted(sent_again(pair)) == [QUERY, QUERY + b"more", QUERY + b"next"]


@pytest.mark.requirement("MSG-82")
def test_a_container_that_refuses_several_messages_ends_the_session_once() -> None:
    """The natural answer of a server to two messages with bad seqnos."""
    pair = settled()
    old = pair.session
    ids = [pair.session.request(QUERY + bytes([i, 0, 0, 0])) for i in range(3)]
    pair.client_writes()
    messages = pair.client_ear.take()
    inner = [Message(pair.server_msg_id(), 0, notice(m.msg_id, 32).to_bytes()) for m in messages]
    pair.forge_container(*inner, msg_id=pair.server_msg_id(0.001))
    assert not pair.client.closed
    assert pair.session is not old
    only(pair.take(), SessionOver)
    assert pair.session.unfinished() == ids
    assert len(sent_again(pair)) == 3


@pytest.mark.requirement("MSG-81")
def test_code_20_fails_the_request_whose_outcome_nobody_knows() -> None:
    pair = settled()
    request_id = pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    old = pair.session
    pair.forge(notice(message.msg_id, 20), seqno=0)
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id
    assert isinstance(failed.error, OutcomeUnknown) and failed.error.request_id == request_id
    assert pair.session is old


@pytest.mark.requirement("MSG-81")
def test_code_20_repeats_what_may_be_repeated() -> None:
    pair = settled()
    pair.session.request(QUERY, repeatable=True)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    pair.forge(notice(message.msg_id, 20), seqno=0)
    assert sent_again(pair) == [QUERY]


@pytest.mark.requirement("MSG-81", "MSG-82")
def test_code_19_treats_the_requests_of_the_container_as_code_20_in_a_new_session() -> None:
    pair = settled()
    old = pair.session
    plain = pair.session.request(QUERY)
    pair.session.request(QUERY + b"more", repeatable=True)
    pair.client_writes()
    container = pair.client_ear.payloads[-1]
    pair.forge(notice(container.msg_id, 19), seqno=0)
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == plain and isinstance(failed.error, OutcomeUnknown)
    assert pair.session is not old
    assert sent_again(pair) == [QUERY + b"more"]


@pytest.mark.parametrize("code", [34, 35, 48, 99, -5])
@pytest.mark.requirement("MSG-81", "MSG-84")
def test_codes_34_35_and_unknown_ones_fail_the_request(code: int) -> None:
    """MSG-81, MSG-84: 48 inside bad_msg_notification is unknown too."""
    pair = settled()
    old = pair.session
    request_id = pair.session.request(QUERY)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    pair.forge(notice(message.msg_id, code), seqno=0)
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id
    assert isinstance(failed.error, BadMessage) and failed.error.code == code
    assert pair.session is not old


@pytest.mark.requirement("MSG-81", "MSG-82")
def test_code_64_sends_the_requests_again_each_alone() -> None:
    pair = settled()
    for i in range(3):
        pair.session.request(QUERY + bytes([i, 0, 0, 0]))
    pair.client_writes()
    container = pair.client_ear.payloads[-1]
    before = len(pair.client_ear.payloads)
    pair.forge(notice(container.msg_id, 64), seqno=0)
    assert len(sent_again(pair)) == 3
    payloads = pair.client_ear.payloads[before:]
    assert [p.body for p in payloads] == [QUERY + bytes([i, 0, 0, 0]) for i in range(3)]


@pytest.mark.requirement("MSG-69")
def test_a_container_whose_requests_were_all_cancelled_is_still_known() -> None:
    pair = settled()
    ids = [pair.session.request(QUERY) for _ in range(3)]
    pair.client_writes()
    container = pair.client_ear.payloads[-1]
    for request_id in ids:
        pair.session.cancel(request_id)
    pair.forge(wrong_salt(container.msg_id), seqno=0)
    assert salt_of(pair) == NEW_SALT
    assert pair.session.unfinished() == [] and sent_again(pair) == []


def test_a_cancelled_request_in_a_refused_container_is_not_sent_again() -> None:
    pair = settled()
    keep, drop = pair.session.request(QUERY), pair.session.request(QUERY + b"drop")
    pair.client_writes()
    container = pair.client_ear.payloads[-1]
    pair.session.cancel(drop)
    pair.forge(wrong_salt(container.msg_id), seqno=0)
    assert sent_again(pair) == [QUERY]
    assert pair.session.unfinished() == [keep]


# ---- what a lost connection makes of it


@pytest.mark.parametrize("code", [17, 32])
def test_a_request_written_in_an_ended_session_is_not_called_unsent(code: int) -> None:
    """ConnectionLost would say that it was certainly not executed."""
    pair = settled()
    written = pair.session.request(QUERY, repeatable=True)
    pair.client_writes()
    (message,) = pair.client_ear.take()
    unwritten = pair.session.request(QUERY)
    pair.forge(notice(message.msg_id, code), seqno=0)
    pair.lose()
    events = pair.session.give_up("nobody waits")
    failed = {event.request_id: type(event.error) for event in of(events, RequestFailed)}
    assert failed == {written: OutcomeUnknown, unwritten: ConnectionLost}


# ---- new_session_created


def created(first_msg_id: int, unique_id: int = 1, salt: int = NEW_SALT) -> schema.NewSessionCreated:
    return schema.NewSessionCreated(first_msg_id=first_msg_id, unique_id=unique_id, server_salt=salt)


@pytest.mark.requirement("MSG-53", "MSG-64")
def test_a_new_session_is_acknowledged_reported_and_its_salt_adopted() -> None:
    pair = settled()
    msg_id = pair.server_msg_id()
    pair.forge(created(pair.client_msg_id()), msg_id=msg_id)
    assert only(pair.take(), NewSession).unique_id == 1
    assert salt_of(pair) == NEW_SALT
    pair.advance(31)
    pair.client_writes()
    (ack,) = pair.client_ear.objects()
    assert ack == schema.MsgsAck(msg_ids=[msg_id])


@pytest.mark.requirement("MSG-64", "SEC-48")
def test_the_same_unique_id_is_ignored() -> None:
    """SEC-48."""
    pair = settled()
    pair.forge(created(pair.client_msg_id()))
    pair.session.request(QUERY)
    pair.client_writes()
    pair.take()
    pair.forge(created(2**63 - 1, salt=5))
    assert only(pair.take(), Ignored)
    assert salt_of(pair) == NEW_SALT
    assert sent_again(pair) == []


@pytest.mark.requirement("MSG-64")
def test_messages_before_first_msg_id_are_sent_again_and_later_ones_are_not() -> None:
    """MSG-64."""
    pair = settled()
    pair.session.request(QUERY + b"earl", repeatable=True)
    pair.client_writes()
    pair.session.request(QUERY + b"late", repeatable=True)
    pair.client_writes()
    late = pair.client_ear.take()[-1]
    pair.forge(created(late.msg_id))
    assert sent_again(pair) == [QUERY + b"earl"]


@pytest.mark.requirement("MSG-97")
def test_one_that_may_not_run_twice_is_asked_about_first() -> None:
    """MSG-97: a session that the server lost may have executed it."""
    pair = settled()
    request_id = pair.session.request(QUERY + b"earl")
    pair.client_writes()
    (early,) = requests(pair)
    pair.session.request(QUERY + b"late")
    pair.client_writes()
    (late,) = requests(pair)
    pair.forge(created(late.msg_id))
    pair.client_writes()
    (question,) = [m for m in pair.client_ear.take() if m.body[:4] != schema.MsgsAck.ID.to_bytes(4, "little")]
    assert question.body == schema.MsgsStateReq(msg_ids=[early.msg_id]).to_bytes()
    pair.forge(schema.MsgsStateInfo(req_msg_id=question.msg_id, info=b"\1"), seqno=0)
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id and isinstance(failed.error, OutcomeUnknown)
    assert sent_again(pair) == []


@pytest.mark.requirement("MSG-64")
def test_first_msg_id_is_compared_with_the_id_of_the_container() -> None:
    pair = settled()
    for i in range(2):
        pair.session.request(QUERY + bytes([i, 0, 0, 0]), repeatable=True)
    pair.client_writes()
    container = pair.client_ear.payloads[-1]
    pair.forge(created(container.msg_id))
    assert sent_again(pair) == []
    pair.forge(created(container.msg_id + 4, unique_id=2))
    assert len(sent_again(pair)) == 2


@pytest.mark.parametrize("first_msg_id", [0, -1, 2**63 - 1])
@pytest.mark.requirement("MSG-83", "SEC-48")
def test_absurd_announcements_do_not_repeat_requests_for_ever(first_msg_id: int) -> None:
    """SEC-48, MSG-83."""
    pair = settled()
    pair.session.request(QUERY, repeatable=True)
    count = len(sent_again(pair))
    for unique_id in range(10, 20):
        pair.forge(created(first_msg_id, unique_id=unique_id))
        count += len(sent_again(pair))
    assert count == (4 if first_msg_id > 0 else 1)


def test_a_first_container_is_announced_once() -> None:
    pair = Pair()
    for _ in range(3):
        pair.session.request(QUERY)
    pair.send()
    assert len(of(pair.take_server(), Request)) == 3
    pair.answer()
    new = only(pair.take(), NewSession)
    assert new.first_msg_id == pair.client_ear.payloads[0].msg_id


def test_the_latest_thousand_service_messages_are_known_and_no_more_are_kept() -> None:
    pair = settled()
    sent = []
    for _ in range(1001):
        pair.session.enqueue(Outgoing(PONG, content=False))
        pair.client_writes()
        sent.append(pair.client_ear.take()[0].msg_id)
    assert pair.session.concerned(sent[0]) is None
    assert pair.session.concerned(sent[1]) == pair.session.concerned(sent[-1]) == []


@pytest.mark.parametrize("code", [17, 18, 19, 32, 33, 34, 35, 255])
def test_a_server_that_refuses_session_after_session_loses_the_connection(code: int) -> None:
    """MSG-83: each new session pings, so that without a limit the two would talk like that for ever."""
    pair = settled(upkeep=True)
    pair.advance(61)
    refused = 0
    while pair.client_writes() and refused < 20:
        refused += 1
        pair.forge(notice(pair.client_ear.payloads[-1].msg_id, code), seqno=0)
    events = pair.take()
    assert refused == len(of(events, SessionOver)) == 5
    assert isinstance(only(events, Closed).error, PeerError)
    assert isinstance(events[-1], Closed)


def test_sessions_that_end_now_and_then_are_renewed_as_often_as_it_takes() -> None:
    pair = settled(upkeep=True)
    for _ in range(20):
        pair.advance(31)
        pair.session.request(QUERY, repeatable=True)
        pair.client_writes()
        pair.forge(notice(pair.client_ear.payloads[-1].msg_id, 33), seqno=0)
    assert len(of(pair.take(), SessionOver)) == 20
