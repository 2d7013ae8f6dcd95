"""What a client's session does of its own accord (MSG-54, MSG-65, MSG-77, MSG-105, MSG-106, MSG-150, SEC-45)."""

from __future__ import annotations

import pytest

from mtproto.errors import ConnectionLost, OutcomeUnknown
from mtproto.message.container import Message
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Closed, KeyDestroyed, RequestFailed
from mtproto.tl.objects import TLObject
from tests.pair import Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled


def said(pair: Pair) -> list[TLObject]:
    """The client's service messages since the last call, acknowledgements left out."""
    return [item for item in pair.client_ear.objects() if not isinstance(item, schema.MsgsAck)]


def live(pair: Pair, seconds: float) -> None:
    """Let time pass as a front end does: everyone acts when something is due, and bytes move."""
    end = pair.client_env.monotonic() + seconds
    while (now := pair.client_env.monotonic()) < end and not pair.client.closed:
        due = [d for d in (pair.client.next_deadline(), pair.server.next_deadline()) if d is not None]
        pair.advance(max(min([*due, end]) - now, 0.0))
        pair.run()


@pytest.mark.requirement("MSG-105", "MSG-150")
def test_a_ping_leaves_every_60_seconds_and_keeps_the_connection() -> None:
    """MSG-105."""
    pair = settled(upkeep=True)
    live(pair, 600)
    pings = [item for item in said(pair) if isinstance(item, schema.PingDelayDisconnect)]
    assert 9 <= len(pings) <= 11
    assert {ping.disconnect_delay for ping in pings} == {75}
    assert len({ping.ping_id for ping in pings}) == len(pings)
    assert not pair.client.closed and not pair.server.closed and pair.session.unfinished() == []


def test_nothing_of_it_is_reported() -> None:
    pair = settled(upkeep=True)
    live(pair, 4000)
    assert pair.take() == [] and pair.session._queries == {}


@pytest.mark.requirement("MSG-105")
def test_the_server_ends_a_connection_whose_client_pings_no_more() -> None:
    pair = settled(upkeep=True)
    live(pair, 70)
    pair.server_env.advance(76)
    pair.server.handle_timer()
    assert pair.server.closed


@pytest.mark.parametrize("wrong", [None, "ping_id", "msg_id"])
@pytest.mark.requirement("TR-125", "SEC-45", "SEC-68")
def test_without_the_right_pong_the_client_ends_the_connection(wrong: str | None) -> None:
    """SEC-45: at the time of the next ping; other traffic does not count."""
    pair = settled(upkeep=True)
    pair.advance(60)
    pair.client_writes()
    messages = pair.client_ear.take()
    (message,) = [m for m in messages if m.body[:4] == schema.PingDelayDisconnect.ID.to_bytes(4, "little")]
    ping, _ = schema.read_object(message.body, 0)
    if wrong:
        ids = (message.msg_id + 4, ping.ping_id) if wrong == "msg_id" else (message.msg_id, ping.ping_id + 1)
        pair.forge(schema.Pong(msg_id=ids[0], ping_id=ids[1]), seqno=0)
    pair.forge(b"\x11\x22\x33\x44upda")
    pair.advance(59)
    assert not pair.client.closed
    pair.advance(1.1)
    pair.collect()
    assert isinstance(only(pair.take(), Closed).error, ConnectionLost)


@pytest.mark.requirement("MSG-54")
def test_future_salts_are_fetched_once_and_then_before_they_run_out() -> None:
    """MSG-54."""
    pair = settled(upkeep=True)
    live(pair, 300)
    assert [item.num for item in said(pair) if isinstance(item, schema.GetFutureSalts)] == [64]
    live(pair, 63 * 1800 - 600)
    assert not [item for item in said(pair) if isinstance(item, schema.GetFutureSalts)]
    live(pair, 1800)
    assert [item.num for item in said(pair) if isinstance(item, schema.GetFutureSalts)] == [64]
    heard = pair.server_ear.objects()
    assert not [item for item in heard if isinstance(item, schema.BadServerSalt)]
    salts = [payload.salt for payload in pair.client_ear.payloads]
    assert len(set(salts)) > 60


@pytest.mark.requirement("MSG-54", "MSG-150")
def test_a_server_that_gives_no_salts_is_asked_once_a_minute_at_most() -> None:
    pair = settled(upkeep=True)
    count = 0
    for _ in range(600):
        pair.advance(1)
        pair.client_writes()
        for message in pair.client_ear.take():
            if message.body[:4] == schema.GetFutureSalts.ID.to_bytes(4, "little"):
                count += 1
                empty = schema.FutureSalts(req_msg_id=message.msg_id, now=0, salts=[])
                pair.forge(empty, seqno=0)
            elif message.body[:4] == schema.PingDelayDisconnect.ID.to_bytes(4, "little"):
                ping_id = int.from_bytes(message.body[4:12], "little", signed=True)
                pair.forge(schema.Pong(msg_id=message.msg_id, ping_id=ping_id), seqno=0)
    assert 8 <= count <= 10 and not pair.client.closed


def test_a_salt_that_nobody_foretold_ends_the_stock() -> None:
    pair = settled(upkeep=True)
    live(pair, 100)
    _, request = ask(pair)
    pair.forge(
        schema.BadServerSalt(bad_msg_id=request.msg_id, bad_msg_seqno=1, error_code=48, new_server_salt=77), seqno=0
    )
    pair.advance(3600)
    assert pair.session.keys.salts.current(pair.link.time.now()) == 77


@pytest.mark.requirement("MSG-77", "MSG-150")
def test_a_request_that_nobody_acknowledges_is_asked_about_after_10_seconds() -> None:
    """MSG-77."""
    pair = settled(upkeep=True)
    ids = [pair.session.request(QUERY) for _ in range(2)]
    pair.client_writes()
    messages = [m.msg_id for m in pair.client_ear.take() if m.body == QUERY]
    pair.advance(9.9)
    assert not pair.client.wants_write
    pair.advance(0.2)
    pair.client_writes()
    assert said(pair) == [schema.MsgsStateReq(msg_ids=messages)]
    pair.advance(9)
    assert not pair.client.wants_write
    pair.advance(1.1)
    pair.client_writes()
    assert said(pair) == [schema.MsgsStateReq(msg_ids=messages)]
    assert pair.session.unfinished() == ids


@pytest.mark.requirement("MSG-77", "SEC-39")
def test_the_answer_to_the_question_brings_a_lost_request_there() -> None:
    pair = settled(upkeep=True)
    request_id = pair.session.request(QUERY)
    pair.client_writes()  # it is lost
    pair.client.receive_data(b"")
    pair.advance(10.1)
    pair.run()
    request = pair.take_server()[-1]
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()


def test_an_acknowledged_or_answered_request_is_not_asked_about() -> None:
    pair = settled(upkeep=True)
    ask(pair)
    _, answered = ask(pair)
    pair.server_session.result(answered.msg_id, RESULT, None)
    live(pair, 55)
    assert not [item for item in said(pair) if isinstance(item, schema.MsgsStateReq)]


def test_an_idle_session_has_one_deadline_ahead_and_nothing_to_write() -> None:
    pair = settled(upkeep=True)
    due = pair.client.next_deadline()
    assert due is not None and 25 < due - pair.client_env.monotonic() <= 60
    assert not pair.client.wants_write


# ---- sessions and keys that end


@pytest.mark.requirement("MSG-65")
def test_an_abandoned_session_is_destroyed_on_the_server() -> None:
    """MSG-65."""
    pair = settled()
    old = pair.session.session_id
    _, request = ask(pair)
    pair.forge(schema.BadMsgNotification(bad_msg_id=request.msg_id, bad_msg_seqno=1, error_code=32), seqno=0)
    pair.run()
    assert pair.session.session_id != old
    assert old not in pair.endpoint.keys.sessions and pair.session.session_id in pair.endpoint.keys.sessions
    assert pair.session._queries == {} and not of(pair.take(), Answered)


@pytest.mark.parametrize(
    ("answer", "gone"),
    [(schema.DestroyAuthKeyOk, True), (schema.DestroyAuthKeyNone, False), (schema.DestroyAuthKeyFail, False)],
)
@pytest.mark.requirement("MSG-104", "MSG-106")
def test_the_answer_to_destroy_auth_key_names_nothing_but_is_recognised(answer: type[TLObject], gone: bool) -> None:
    """MSG-106."""
    pair = settled()
    request_id = pair.session.request(schema.DestroyAuthKey().to_bytes(), content=False, api=False)
    pair.client_writes()
    pair.forge(answer(), seqno=0)
    events = pair.take()
    assert only(events, Answered) == Answered(request_id, answer().to_bytes())
    assert len(of(events, KeyDestroyed)) == gone


@pytest.mark.requirement("MSG-106")
def test_an_answer_to_destroy_auth_key_that_was_not_sent_is_ignored() -> None:
    pair = settled()
    pair.session.request(schema.DestroyAuthKey().to_bytes(), content=False, api=False)
    pair.forge(schema.DestroyAuthKeyOk(), seqno=0)
    assert not of(pair.take(), KeyDestroyed)


def test_a_link_without_its_key_ends_what_waits() -> None:
    pair = settled()
    request_id, _ = ask(pair)
    (failed,) = of(pair.link.forget(), RequestFailed)
    assert failed.request_id == request_id and isinstance(failed.error, OutcomeUnknown)
    assert pair.link.keys is None and pair.link.current is None


def test_the_sessions_own_queries_are_bounded_however_many_go_unanswered() -> None:
    pair = settled()
    for _ in range(10_000):
        pair.session.query(schema.Ping(ping_id=1).to_bytes())
        pair.session.flush(pair.client)
    assert len(pair.session._queries) == 8192 and len(pair.session._by_msg_id) == 8192


def test_a_wrong_salt_sends_the_sessions_own_queries_again() -> None:
    pair = settled()
    pair.session.query(schema.GetFutureSalts(num=3).to_bytes())
    pair.client_writes()
    message: Message = pair.client_ear.take()[-1]
    pair.forge(
        schema.BadServerSalt(bad_msg_id=message.msg_id, bad_msg_seqno=0, error_code=48, new_server_salt=9), seqno=0
    )
    pair.client_writes()
    assert said(pair) == [schema.GetFutureSalts(num=3)]


def test_questions_that_nobody_answers_do_not_pile_up() -> None:
    """One about silent requests every 10 s, and one about salts each minute, for as long as the connection lives."""
    pair = settled(upkeep=True)
    pair.session.request(QUERY)
    pair.client_writes()
    kinds: list[type] = []
    for _ in range(60):
        pair.client_env.advance(11)
        for line in pair.session.upkeep._lines.values():  # type: ignore[union-attr]
            line.ping_at = float("inf")
        pair.client.handle_timer()
        pair.client_writes()
        kinds += [type(item) for item in pair.client_ear.objects()]
    assert kinds.count(schema.MsgsStateReq) == 60 and kinds.count(schema.GetFutureSalts) >= 9
    assert len(pair.session._queries) <= 2
