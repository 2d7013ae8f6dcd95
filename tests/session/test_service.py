"""Service messages of both roles: ping, salts, states, resending, sessions (MSG-54, 65, 90..95, 105, SEC-44..47)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mtproto.message.container import Message, is_container
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Closed, Ignored, RequestFailed
from mtproto.session.server import ServerSession
from tests.pair import NOW, SALT, Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled


def service(pair: Pair, query: schema.TLObject) -> int:
    return pair.session.request(query.to_bytes(), content=False, api=False)


def sent(pair: Pair) -> Message:
    pair.client_writes()
    return pair.client_ear.take()[-1]


# ---- ping


@pytest.mark.requirement("MSG-31", "MSG-104", "MSG-105")
def test_a_ping_is_answered_by_its_pong() -> None:
    pair = settled()
    request_id = service(pair, schema.Ping(ping_id=77))
    message = sent(pair)
    assert message.seqno % 2 == 0
    pair.server.receive_data(pair.to_server[-1])
    pair.answer()
    pong = schema.Pong(msg_id=message.msg_id, ping_id=77)
    assert only(pair.take(), Answered) == Answered(request_id, pong.to_bytes())
    (answer,) = pair.server_ear.take()
    assert answer.msg_id % 4 == 1 and answer.seqno % 2 == 0  # MSG-31


@pytest.mark.requirement("MSG-105", "SEC-45")
def test_a_pong_with_a_wrong_ping_id_or_msg_id_counts_for_nothing() -> None:
    """SEC-45."""
    pair = settled()
    request_id = service(pair, schema.Ping(ping_id=77))
    message = sent(pair)
    for msg_id, ping_id in ((message.msg_id, 78), (message.msg_id + 4, 77), (0, 0)):
        pair.forge(schema.Pong(msg_id=msg_id, ping_id=ping_id), seqno=0)
        assert only(pair.take(), Ignored)
    assert pair.session.unfinished() == [request_id]


def test_a_pong_cannot_answer_an_api_call() -> None:
    pair = settled()
    request_id, request = ask(pair, QUERY + bytes(4))
    ping_id = int.from_bytes(QUERY[4:] + bytes(4), "little")
    pair.forge(schema.Pong(msg_id=request.msg_id, ping_id=ping_id), seqno=0)
    assert only(pair.take(), Ignored)
    assert pair.session.unfinished() == [request_id]


@pytest.mark.requirement("MSG-105")
def test_the_client_answers_a_ping_of_the_server() -> None:
    pair = settled()
    msg_id = pair.server_msg_id()
    pair.forge(schema.Ping(ping_id=5), msg_id=msg_id, seqno=0)
    message = sent(pair)
    assert message.body == schema.Pong(msg_id=msg_id, ping_id=5).to_bytes()
    assert message.msg_id % 4 == 0 and message.seqno % 2 == 0


@pytest.mark.requirement("MSG-105")
def test_ping_delay_disconnect_closes_the_connection_after_the_delay_without_another_one() -> None:
    """MSG-105."""
    pair = settled()
    pair.forge_from_client(schema.PingDelayDisconnect(ping_id=5, disconnect_delay=75), seqno=2)
    pair.server_writes()
    assert pair.server_ear.objects()[-1].ping_id == 5
    pair.advance(74)
    assert not pair.server.closed
    pair.forge_from_client(schema.PingDelayDisconnect(ping_id=6, disconnect_delay=75), seqno=2)
    pair.advance(74)
    pair.forge_from_client(schema.Ping(ping_id=6), seqno=2)  # an ordinary ping does not count
    assert not pair.server.closed
    pair.advance(2)
    assert pair.server.closed


@pytest.mark.parametrize("delay", [-(2**31), -1, 0])
def test_a_delay_below_one_second_closes_at_the_next_timer(delay: int) -> None:
    pair = settled()
    pair.forge_from_client(schema.PingDelayDisconnect(ping_id=5, disconnect_delay=delay), seqno=2)
    assert not pair.server.closed
    pair.server.handle_timer()
    assert pair.server.closed


# ---- salts


@pytest.mark.requirement("MSG-54", "MSG-56")
def test_future_salts_are_adopted_when_their_time_comes() -> None:
    """MSG-54, MSG-56."""
    pair = settled()
    request_id = service(pair, schema.GetFutureSalts(num=3))
    pair.run()
    answer = next(event for event in pair.take() if isinstance(event, Answered))
    assert answer.request_id == request_id
    salts = schema.read_object(answer.body, 0)[0].salts
    assert [b.valid_since - a.valid_since for a, b in pairwise(salts)] == [1800, 1800]
    assert salts[0].salt == SALT
    pair.advance(1800)
    assert pair.session.keys.salts.current(pair.link.time.now()) == salts[1].salt
    pair.advance(1800)
    request_id, request = ask(pair)
    assert pair.client_ear.payloads[-1].salt == salts[2].salt
    assert request


@pytest.mark.parametrize(("num", "count"), [(-5, 1), (0, 1), (1, 1), (64, 64), (65, 64), (2**31 - 1, 64)])
@pytest.mark.requirement("MSG-54", "MSG-56")
def test_a_server_gives_1_to_64_salts(num: int, count: int) -> None:
    pair = settled()
    pair.forge_from_client(schema.GetFutureSalts(num=num), seqno=2)
    pair.server_writes()
    answer = pair.server_ear.objects()[-1]
    assert isinstance(answer, schema.FutureSalts)
    assert len(answer.salts) == count
    for salt in answer.salts:
        assert salt.valid_until >= salt.valid_since + 1800
    assert answer.salts[0].salt == pair.endpoint.keys.salts.current(pair.endpoint.time.now())


@pytest.mark.parametrize("since", [-86400, 0, 86400])
def test_salts_are_foretold_across_the_end_of_32_bit_time(since: int) -> None:
    """2038-01-19: a time that does not fit a TL int ended the server's process instead of the query."""
    pair = Pair()
    for env in (pair.client_env, pair.server_env):
        env.advance(2**31 + since - NOW)
    service(pair, schema.GetFutureSalts(num=64))
    pair.run()
    salts = pair.endpoint.keys.salts.upcoming(pair.endpoint.time.now(), 3)
    for salt in salts[1:]:
        pair.advance(1801)
        assert pair.session.keys.salts.current(pair.link.time.now()) == salt.salt


def future(pair: Pair, req_msg_id: int, *salts: tuple[float, float, int]) -> schema.FutureSalts:
    now = pair.endpoint.time.now()
    entries = [
        schema.FutureSalt(valid_since=int(now + since), valid_until=int(now + until), salt=salt)
        for since, until, salt in salts
    ]
    return schema.FutureSalts(req_msg_id=req_msg_id, now=int(now), salts=entries)


@pytest.mark.requirement("MSG-54", "SEC-44")
def test_unsolicited_future_salts_are_ignored() -> None:
    """SEC-44."""
    pair = settled()
    _, request = ask(pair)
    for req_msg_id in (request.msg_id, pair.client_msg_id(), 0):
        pair.forge(future(pair, req_msg_id, (-10, 3600, 5)), seqno=0)
        assert only(pair.take(), Ignored)
    assert pair.session.keys.salts.current(pair.link.time.now()) == SALT


@pytest.mark.requirement("SEC-44")
def test_past_and_empty_intervals_are_left_out() -> None:
    pair = settled()
    service(pair, schema.GetFutureSalts(num=64))
    message = sent(pair)
    body = future(pair, message.msg_id, (-7200, -3600, 1), (100, 100, 2), (200, 100, 3), (300, 4000, 4))
    pair.forge(body, seqno=0)
    pair.advance(250)
    assert pair.session.keys.salts.current(pair.link.time.now()) == SALT
    pair.advance(100)
    assert pair.session.keys.salts.current(pair.link.time.now()) == 4


@pytest.mark.requirement("SEC-44")
def test_a_million_future_salts_are_refused() -> None:
    """SEC-44, as small as gzip makes them."""
    pair = settled()
    request_id = service(pair, schema.GetFutureSalts(num=64))
    message = sent(pair)
    head = future(pair, message.msg_id).to_bytes()[:-4]
    flood = head + (1_000_000).to_bytes(4, "little") + bytes(16 * 1_000_000)
    pair.forge(packed(flood), seqno=0)
    assert only(pair.take(), Ignored)
    assert pair.session.unfinished() == [request_id]


def packed(body: bytes) -> bytes:
    from mtproto.message.gzip import pack

    return pack(body)


@pytest.mark.requirement("MSG-51")
def test_the_servers_salt_changes_every_1800_s_and_the_previous_one_is_accepted_as_long() -> None:
    """MSG-51."""
    pair = settled()
    salts, seen = pair.endpoint.keys.salts, [SALT]
    for _ in range(5):
        pair.advance(1700)
        now = pair.endpoint.time.now()
        assert salts.current(now) == seen[-1]
        pair.advance(100)
        now = pair.endpoint.time.now()
        seen.append(salts.current(now))
        assert [salts.accepts(salt, now) for salt in seen[-3:]] == [False, True, True][-len(seen) :]
    assert len(set(seen)) == 6
    assert not salts.accepts(12345, now)


@pytest.mark.requirement("MSG-52")
def test_a_client_away_for_days_learns_the_salt_by_bad_server_salt() -> None:
    """MSG-52."""
    pair = settled()
    pair.advance(3 * 86400)
    request_id = pair.session.request(QUERY)
    pair.run()
    request = pair.take_server()[-1]
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()


# ---- states and resending


@pytest.mark.requirement("MSG-91")
def test_the_state_of_messages_received_running_answered_unknown() -> None:
    """MSG-91."""
    pair = settled()
    _, running = ask(pair)
    _, answered = ask(pair)
    pair.server_session.result(answered.msg_id, RESULT, None)
    ids = [running.msg_id, answered.msg_id, answered.msg_id + 400, running.msg_id + 4]
    request_id = service(pair, schema.MsgsStateReq(msg_ids=ids))
    pair.run()
    answer = next(e for e in pair.take() if isinstance(e, Answered) and e.request_id == request_id)
    info = schema.read_object(answer.body, 0)[0].info
    assert [state & 7 for state in info] == [4, 4, 2, 2]
    assert info[0] & 32 and not info[0] & 64
    assert info[1] & 64


@pytest.mark.requirement("MSG-91")
def test_an_id_below_the_window_is_state_1_and_one_above_everything_is_state_3() -> None:
    pair = settled()
    assert pair.server_session.state_of(pair.client_msg_id(100)) == 3
    low = pair.server_session.first_msg_id + 4
    assert pair.server_session.state_of(low) == 2
    assert pair.server_session.state_of(low - 8) == 1  # a session that was lost may have received it
    for _ in range(1000):
        pair.server_session.window.add(pair.client_msg_id())
    assert pair.server_session.state_of(low) == 1


@pytest.mark.parametrize("length", [0, 1, 3, 8192])
@pytest.mark.requirement("MSG-92", "SEC-46")
def test_state_info_of_the_wrong_length_or_for_no_request_is_ignored(length: int) -> None:
    """SEC-46."""
    pair = settled()
    request_id = service(pair, schema.MsgsStateReq(msg_ids=[4, 8]))
    message = sent(pair)
    pair.forge(schema.MsgsStateInfo(req_msg_id=message.msg_id, info=b"\xff" * length), seqno=0)
    pair.forge(schema.MsgsStateInfo(req_msg_id=message.msg_id + 4, info=b"\xff" * 2), seqno=0)
    assert len(of(pair.take(), Ignored)) == 2
    assert pair.session.unfinished() == [request_id]
    pair.forge(schema.MsgsStateInfo(req_msg_id=message.msg_id, info=b"\xff\xff"), seqno=0)
    assert only(pair.take(), Answered).request_id == request_id


@pytest.mark.requirement("MSG-95")
def test_the_client_answers_msgs_state_req_and_msg_resend_req_with_states() -> None:
    """MSG-95."""
    pair = settled()
    known = pair.server_msg_id()
    pair.forge(b"\x11\x22\x33\x44upda", msg_id=known)
    for kind in (schema.MsgsStateReq, schema.MsgResendReq):
        msg_id = pair.server_msg_id()
        pair.forge(kind(msg_ids=[known, known + (1 << 40), 5]), msg_id=msg_id, seqno=0)
        pair.client_writes()
        (info,) = [item for item in pair.client_ear.objects() if isinstance(item, schema.MsgsStateInfo)]
        assert info.req_msg_id == msg_id
        assert list(info.info) == [4, 3, 2]


@pytest.mark.requirement("MSG-94", "SEC-80")
def test_a_server_sends_unacknowledged_messages_again_under_their_ids() -> None:
    """MSG-94."""
    pair = settled()
    pair.server_session.push(b"\x11\x22\x33\x44upda")
    pair.server_writes()
    (lost,) = pair.server_ear.take()
    pair.forge_from_client(schema.MsgResendReq(msg_ids=[lost.msg_id]), seqno=2)
    pair.server_writes()
    assert pair.server_ear.take() == [lost]
    assert is_container(pair.server_ear.payloads[-1].body)


def test_the_same_id_8192_times_is_sent_again_once() -> None:
    pair = settled()
    pair.server_session.push(b"\x11\x22\x33\x44" + bytes(1000))
    pair.server_writes()
    (lost,) = pair.server_ear.take()
    pair.forge_from_client(schema.MsgResendReq(msg_ids=[lost.msg_id] * 8192), seqno=2)
    pair.server_writes()
    assert pair.server_ear.take() == [lost]


def test_a_request_that_is_asked_for_again_and_again_leaves_once() -> None:
    """A container with the same id twice would be refused as a whole (MSG-68); a thousand copies would fill memory."""
    pair = settled()
    ask(pair)
    (lost,) = pair.client_ear.take()
    queries = [Message(pair.server_msg_id(), 0, schema.MsgResendReq(msg_ids=[lost.msg_id]).to_bytes()) for _ in "123"]
    pair.forge_container(*queries)
    pair.client_writes()
    assert pair.client_ear.take() == [lost]
    pair.forge(schema.MsgResendReq(msg_ids=[lost.msg_id]), seqno=0)  # and again, once it has left
    pair.client_writes()
    assert pair.client_ear.take() == [lost]


@pytest.mark.requirement("MSG-94")
def test_one_unknown_id_is_answered_with_the_state_of_all() -> None:
    pair = settled()
    pair.server_session.push(b"\x11\x22\x33\x44upda")
    pair.server_writes()
    (lost,) = pair.server_ear.take()
    pair.forge_from_client(schema.MsgResendReq(msg_ids=[lost.msg_id, 5]), seqno=2)
    pair.server_writes()
    assert len(pair.server_ear.objects()[-1].info) == 2


# ---- sessions


@pytest.mark.requirement("MSG-65")
def test_another_session_of_the_key_is_destroyed_and_the_current_one_is_not() -> None:
    """MSG-65."""
    pair = settled()
    other = ServerSession(pair.endpoint.keys, 99, pair.server_env, pair.endpoint.time)
    pair.endpoint.keys.sessions[99] = other
    own = pair.session.session_id
    for session_id, kind in ((99, "ok"), (99, "none"), (own, "none")):
        request_id = service(pair, schema.DestroySession(session_id=session_id))
        pair.run()
        answer = only(pair.take(), Answered)
        assert answer.request_id == request_id
        assert f"destroy_session_{kind}" == schema.read_object(answer.body, 0)[0].NAME
    assert list(pair.endpoint.keys.sessions) == [own]


def test_destroy_session_ok_for_no_request_is_ignored() -> None:
    pair = settled()
    pair.forge(schema.DestroySessionOk(session_id=99), seqno=0)
    assert only(pair.take(), Ignored)


# ---- results


def result_of(msg_id: int, body: bytes) -> bytes:
    return schema.RpcResult.ID.to_bytes(4, "little") + msg_id.to_bytes(8, "little", signed=True) + body


@pytest.mark.requirement("MSG-100", "SEC-43")
def test_a_result_for_an_unknown_or_foreign_request_is_ignored_and_acknowledged() -> None:
    """SEC-43, MSG-100."""
    pair = settled()
    for req_msg_id in (0, 5, pair.client_msg_id()):
        pair.forge(result_of(req_msg_id, RESULT))
        assert only(pair.take(), Ignored)
    pair.advance(31)
    pair.client_writes()
    assert len(pair.client_ear.objects()[0].msg_ids) == 3


@pytest.mark.parametrize(
    "result",
    [
        b"",
        schema.RpcError.ID.to_bytes(4, "little"),
        bytes.fromhex("a1cf7230"),
        bytes.fromhex("a1cf7230") + b"\x08notagzip" + bytes(3),
        bytes.fromhex("dcf8f173") + bytes(4),
    ],
    ids=["none", "rpc_error cut", "gzip cut", "no gzip", "container"],
)
@pytest.mark.requirement("SEC-33", "SEC-43")
def test_a_result_that_cannot_be_unpacked_fails_its_request_only(result: bytes) -> None:
    pair = settled()
    failing, request = ask(pair)
    other, other_request = ask(pair)
    pair.forge(result_of(request.msg_id, result))
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == failing and not pair.client.closed
    pair.forge(result_of(other_request.msg_id, RESULT))
    assert only(pair.take(), Answered).request_id == other


@pytest.mark.requirement("MSG-101", "SEC-56")
def test_an_rpc_error_of_a_mebibyte_that_is_not_utf_8_is_an_rpc_error() -> None:
    """SEC-56."""
    pair = settled()
    request_id, request = ask(pair)
    text = b"\xff_" * (1 << 19)
    body = schema.RpcError(error_code=-5, error_message=text.decode("utf-8", "surrogateescape")).to_bytes()
    pair.forge(result_of(request.msg_id, body))
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id
    assert failed.error.code == -5
    assert failed.error.message.encode("utf-8", "surrogateescape") == text
    assert len(str(failed.error)) < 300


def test_a_larger_one_fails_the_request_with_a_decode_error() -> None:
    pair = settled()
    request_id, request = ask(pair)
    body = schema.RpcError(error_code=400, error_message="_" * (15 << 20)).to_bytes()
    pair.forge(result_of(request.msg_id, packed(body)))
    failed = only(pair.take(), RequestFailed)
    assert failed.request_id == request_id and type(failed.error).__name__ == "DecodeError"


@pytest.mark.requirement("MSG-141")
def test_the_wrapped_answer_of_a_service_query_counts_too() -> None:
    """MSG-141."""
    pair = settled()
    request_id = service(pair, schema.DestroySession(session_id=99))
    message = sent(pair)
    answer = schema.DestroySessionNone(session_id=99).to_bytes()
    pair.forge(result_of(message.msg_id, answer))
    assert only(pair.take(), Answered) == Answered(request_id, answer)


@pytest.mark.requirement("SEC-33")
def test_a_flood_of_acknowledgements_packed_in_a_few_bytes_is_refused() -> None:
    """SEC-33: two million ids would be 80 MB of Python."""
    pair = settled()
    flood = schema.MsgsAck(msg_ids=[0] * 100_000).to_bytes()
    pair.forge(packed(flood), seqno=0)
    assert only(pair.take(), Ignored) and not pair.client.closed
    pair.forge_from_client(packed(flood), seqno=2)
    assert only(pair.take_server(), Closed)
