"""What the client accepts: parity, duplicates, the window, the clock, containers (MSG-10, MSG-40..43, SEC-25..32)."""

from __future__ import annotations

import pytest

from mtproto.errors import DecodeError, SecurityError
from mtproto.message.container import Message, join
from mtproto.message.gzip import pack
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Closed, Ignored, NewSession, Request, SessionOver, Undecoded, Update
from tests.pair import Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled

UPDATE = b"\x11\x22\x33\x44upda"


def rpc_result(msg_id: int, result: bytes = RESULT) -> bytes:
    return schema.RpcResult.ID.to_bytes(4, "little") + msg_id.to_bytes(8, "little", signed=True) + result


def acks(pair: Pair) -> list[int]:
    """The ids that the client acknowledges when their time has come."""
    pair.client_ear.take()
    pair.advance(31)
    pair.client_writes()
    return [msg_id for ack in pair.client_ear.objects() if isinstance(ack, schema.MsgsAck) for msg_id in ack.msg_ids]


def ended_by(pair: Pair) -> str:
    assert pair.client.closed
    closed = only(pair.take(), Closed)
    assert isinstance(closed.error, SecurityError)
    return closed.error.check


# ---- parity, session


@pytest.mark.parametrize("low", [0, 2])
@pytest.mark.requirement("MSG-10", "SEC-26")
def test_an_even_msg_id_closes_the_connection(low: int) -> None:
    """SEC-26."""
    pair = settled()
    pair.forge(UPDATE, msg_id=(pair.server_msg_id() & ~3) + low)
    assert ended_by(pair) == "msg_id_parity"


@pytest.mark.requirement("MSG-10", "SEC-25")
def test_a_message_of_another_session_is_not_processed() -> None:
    """SEC-25, R3."""
    pair = settled()
    pair.forge(UPDATE, session_id=pair.session.session_id ^ 1)
    assert only(pair.take(), Ignored) and not pair.client.closed
    assert acks(pair) == []


@pytest.mark.requirement("MSG-10")
def test_session_id_zero_closes_the_connection() -> None:
    pair = settled()
    pair.forge(UPDATE, session_id=0)
    assert ended_by(pair) == "session_id"


@pytest.mark.requirement("MSG-11")
def test_the_salt_of_an_incoming_message_is_not_compared() -> None:
    """MSG-11."""
    pair = settled()
    pair.forge(UPDATE, salt=1)
    assert only(pair.take(), Update).body == UPDATE


# ---- duplicates and the window


@pytest.mark.requirement("MSG-41", "SEC-27")
def test_a_replayed_payload_is_not_processed_again_but_acknowledged_again() -> None:
    """SEC-27."""
    pair = settled()
    msg_id = pair.server_msg_id()
    for _ in range(3):
        pair.forge(UPDATE, msg_id=msg_id)
    events = pair.take()
    assert len(of(events, Update)) == 1 and len(of(events, Ignored)) == 2
    assert acks(pair) == [msg_id] * 3


@pytest.mark.requirement("MSG-43", "SEC-28")
def test_the_window_survives_a_reconnect() -> None:
    """SEC-28, MSG-43."""
    pair = settled()
    msg_id = pair.server_msg_id()
    pair.forge(UPDATE, msg_id=msg_id)
    pair.client.receive_eof()
    pair.collect()
    pair.take()
    pair.connect()
    pair.forge(UPDATE, msg_id=msg_id)
    assert only(pair.take(), Ignored)


@pytest.mark.requirement("MSG-41", "MSG-43", "MSG-60", "SEC-29")
def test_a_message_held_back_until_1000_newer_ones_came_ends_the_session() -> None:
    """SEC-29, MSG-41."""
    pair = settled()
    old, held = pair.session, pair.server_msg_id()
    for _ in range(1000):
        pair.forge(UPDATE)
    pair.take()
    pair.forge(UPDATE, msg_id=held)
    events = pair.take()
    assert not of(events, Update)
    assert only(events, SessionOver).session is old
    assert pair.session is not old and not pair.client.closed
    assert len(pair.session.window) == 0  # MSG-43


@pytest.mark.requirement("MSG-41")
def test_an_inner_message_below_the_window_ends_the_session_and_is_not_acknowledged() -> None:
    pair = settled()
    old, held = pair.session, pair.server_msg_id()
    for _ in range(1000):
        pair.forge(UPDATE)
    pair.take()
    fresh = pair.server_msg_id()
    pair.forge_container(Message(held, 1, UPDATE), Message(fresh, 3, UPDATE), msg_id=pair.server_msg_id(0.001))
    events = pair.take()
    assert [event.msg_id for event in of(events, Update)] == [fresh]
    assert only(events, SessionOver)
    assert pair.session is not old
    assert held not in acks(pair)


@pytest.mark.requirement("MSG-40", "SEC-27")
def test_every_message_of_the_last_1000_is_recognised_when_replayed() -> None:
    pair = settled()
    ids = [pair.server_msg_id() for _ in range(900)]
    for msg_id in ids:
        pair.forge(UPDATE, msg_id=msg_id)
    pair.take()
    for msg_id in ids:
        pair.forge(UPDATE, msg_id=msg_id)
    assert {type(event) for event in pair.take()} == {Ignored}


# ---- the clock


@pytest.mark.parametrize("ahead", [-301.0, 31.0, 86400.0, -86400.0])
@pytest.mark.requirement("MSG-40", "MSG-41", "SEC-30")
def test_a_message_outside_300_and_30_seconds_closes_the_connection(ahead: float) -> None:
    """SEC-30, MSG-41."""
    pair = settled()
    pair.forge(UPDATE, msg_id=pair.server_msg_id(ahead))
    assert ended_by(pair) == "msg_id_time"
    assert not of(pair.take(), Update)


@pytest.mark.parametrize("ahead", [-299.0, 29.0])
@pytest.mark.requirement("MSG-40")
def test_a_message_inside_them_is_accepted(ahead: float) -> None:
    pair = settled()
    pair.forge(UPDATE, msg_id=pair.server_msg_id(ahead))
    assert only(pair.take(), Update)


@pytest.mark.parametrize("ahead", [-301.0, 31.0, 86400.0 * 3650])
@pytest.mark.requirement("MSG-42")
def test_before_the_clock_is_confirmed_any_time_is_accepted(ahead: float) -> None:
    """MSG-42."""
    pair = Pair()
    pair.forge(UPDATE, msg_id=pair.server_msg_id(ahead))
    assert only(pair.take(), Update)
    assert not pair.link.time.confirmed


@pytest.mark.requirement("MSG-41", "MSG-42")
def test_each_connection_confirms_the_clock_anew() -> None:
    """MSG-41, MSG-42: a clock that stood still (a suspended machine) is set again on the next connection."""
    pair = settled()
    pair.server_env.advance(3600)
    pair.session.request(QUERY)
    pair.client_writes()
    pair.forge(UPDATE)
    assert ended_by(pair) == "msg_id_time"
    pair.connect()
    request_id = pair.session.request(QUERY)
    pair.run()
    for request in of(pair.take_server(), Request):  # the first one is told to be lost, and goes again
        pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take() and pair.session.unfinished() == []
    assert abs(pair.link.time.now() - pair.endpoint.time.now()) < 1


@pytest.mark.requirement("MSG-33")
def test_only_an_answer_confirms_the_clock_not_an_update() -> None:
    """MSG-33."""
    pair = Pair()
    pair.forge(UPDATE)
    pair.forge(rpc_result(pair.client_msg_id()))
    assert not pair.link.time.confirmed
    _, request = ask(pair)
    pair.forge(rpc_result(request.msg_id))
    assert pair.link.time.confirmed


@pytest.mark.requirement("MSG-34")
def test_an_answer_older_than_its_request_lowers_the_offset() -> None:
    """MSG-34: more than 15 s means that the local clock was ahead."""
    pair = settled()
    _, request = ask(pair)
    pair.forge(rpc_result(request.msg_id), msg_id=pair.server_msg_id(-14, answer=True))
    assert abs(pair.link.time.now() - pair.endpoint.time.now()) < 1
    _, request = ask(pair)
    pair.forge(rpc_result(request.msg_id), msg_id=pair.server_msg_id(-20, answer=True))
    assert abs(pair.link.time.now() - (pair.endpoint.time.now() - 20)) < 1


@pytest.mark.requirement("MSG-30", "SEC-42")
def test_ids_go_on_increasing_when_the_offset_is_lowered() -> None:
    pair = settled()
    _, request = ask(pair)
    pair.forge(rpc_result(request.msg_id), msg_id=pair.server_msg_id(-20, answer=True))
    pair.session.request(QUERY)
    pair.client_writes()
    assert pair.client_ear.payloads[-1].msg_id > request.msg_id


@pytest.mark.parametrize("ahead", [-400.0, 400.0])
@pytest.mark.requirement("MSG-41", "SEC-30")
def test_notices_about_an_own_recent_message_count_despite_a_bad_time(ahead: float) -> None:
    """MSG-41, SEC-30."""
    pair = settled()
    pair.session.request(QUERY)
    pair.client_writes()
    message = pair.client_ear.take()[-1]
    body = schema.BadServerSalt(bad_msg_id=message.msg_id, bad_msg_seqno=1, error_code=48, new_server_salt=5)
    pair.forge(body, msg_id=pair.server_msg_id(ahead), seqno=0)
    assert not pair.client.closed
    assert pair.session.keys.salts.current(pair.link.time.now()) == 5


@pytest.mark.parametrize("ahead", [-400.0, 400.0])
def test_notices_about_an_unknown_message_with_a_bad_time_close_the_connection(ahead: float) -> None:
    pair = settled()
    body = schema.BadServerSalt(bad_msg_id=pair.client_msg_id(), bad_msg_seqno=1, error_code=48, new_server_salt=5)
    pair.forge(body, msg_id=pair.server_msg_id(ahead), seqno=0)
    assert ended_by(pair) == "msg_id_time"


# ---- containers


@pytest.mark.requirement("MSG-40", "MSG-41", "SEC-31")
def test_a_message_that_repeats_an_earlier_id_costs_only_itself() -> None:
    """SEC-31."""
    pair = settled()
    first = Message(pair.server_msg_id(), 1, UPDATE)
    pair.forge_container(first, msg_id=pair.server_msg_id())
    pair.take()
    other = Message(pair.server_msg_id(), 3, UPDATE)
    pair.forge_container(first, other, msg_id=pair.server_msg_id())
    events = pair.take()
    assert [event.msg_id for event in of(events, Update)] == [other.msg_id]
    assert [event.msg_id for event in of(events, Ignored)] == [first.msg_id]
    assert acks(pair) == [first.msg_id, first.msg_id, other.msg_id]


@pytest.mark.requirement("TL-69", "TL-84", "MSG-73", "MSG-142", "SEC-34")
def test_a_message_that_cannot_be_decoded_costs_only_itself() -> None:
    """TL-84, MSG-142: it is acknowledged and handed up."""
    pair = settled()
    broken = schema.NewSessionCreated.ID.to_bytes(4, "little") + b"shrt"
    messages = [Message(pair.server_msg_id(), 2 * i + 1, body) for i, body in enumerate((UPDATE, broken, UPDATE))]
    pair.forge_container(*messages, msg_id=pair.server_msg_id())
    events = pair.take()
    assert [event.msg_id for event in of(events, Update)] == [messages[0].msg_id, messages[2].msg_id]
    undecoded = only(events, Undecoded)
    assert undecoded.msg_id == messages[1].msg_id and undecoded.body == broken
    assert isinstance(undecoded.error, DecodeError)
    assert not pair.client.closed
    assert acks(pair) == [message.msg_id for message in messages]


@pytest.mark.requirement("MSG-142")
def test_an_even_message_that_cannot_be_decoded_is_ignored() -> None:
    """MSG-142."""
    pair = settled()
    pair.forge(schema.MsgsAck.ID.to_bytes(4, "little") + b"shrt", seqno=2)
    assert [type(event) for event in pair.take()] == [Ignored]
    assert acks(pair) == []


@pytest.mark.requirement("MSG-12", "MSG-66", "SEC-31", "SEC-32")
def test_a_malformed_container_is_refused_whole() -> None:
    """MSG-66, SEC-31, SEC-32: not even the acknowledgements inside it are processed."""
    good = Message(5, 1, UPDATE)
    outer = 1 << 40 | 1
    cases = {
        "inner id of a client": join([good, Message(8, 3, UPDATE)]),
        "inner id above the container": join([good, Message(outer + 4, 3, UPDATE)]),
        "inner id twice": join([good, good]),
        "count too large": b"\xdc\xf8\xf1\x73\x03\0\0\0" + join([good])[8:],
        "nested": join([good, Message(9, 3, join([]))]),
        "nested through gzip": join([good, Message(9, 3, pack(join([Message(1, 1, bytes(4000))])))]),
        "trailing bytes": join([good]) + bytes(4),
    }
    for name, body in cases.items():
        pair = Pair()
        pair.forge(body, msg_id=outer, seqno=0)
        events = pair.take()
        assert not of(events, Update), name
        closed = only(events, Closed)
        assert isinstance(closed.error, SecurityError) and closed.error.check == "container", name


@pytest.mark.requirement("MSG-71")
def test_an_empty_container_is_ignored() -> None:
    pair = settled()
    pair.forge_container()
    assert pair.take() == [] and not pair.client.closed  # MSG-71


@pytest.mark.requirement("TL-83", "SEC-33")
def test_all_of_one_payload_may_unpack_to_16_mib_together() -> None:
    """TL-83, SEC-33: ten packed messages of 2 MiB each: the first eight fit."""
    pair = settled()
    packed = pack(UPDATE + bytes((2 << 20) - 8))
    messages = [Message(pair.server_msg_id(), 2 * i + 1, packed) for i in range(10)]
    pair.forge_container(*messages, msg_id=pair.server_msg_id())
    events = pair.take()
    assert len(of(events, Update)) == 8
    assert [event.error.kind for event in of(events, Undecoded) if isinstance(event.error, DecodeError)] == [
        "gzip_limit",
        "gzip_limit",
    ]
    pair.forge(packed)
    assert only(pair.take(), Update)  # the next payload starts anew


# ---- what a server has no business to send


@pytest.mark.parametrize(
    "body",
    [
        schema.ReqPqMulti(nonce=bytes(16)),
        schema.GetFutureSalts(num=5),
        schema.DestroySession(session_id=5),
        schema.DestroyAuthKey(),
        schema.RpcDropAnswer(req_msg_id=5),
        schema.PingDelayDisconnect(ping_id=1, disconnect_delay=0),
        schema.HttpWait(max_delay=0, wait_after=0, max_wait=0),
    ],
    ids=lambda body: body.NAME,
)
@pytest.mark.requirement("MSG-143")
def test_queries_of_a_server_are_ignored(body: schema.Ping) -> None:
    """MSG-143."""
    pair = settled()
    pair.forge(body)
    assert [type(event) for event in pair.take()] == [Ignored]
    assert pair.client.next_deadline() is not None  # only the acknowledgement of an odd message waits
    pair.client_writes()
    assert pair.client_ear.objects() == []


@pytest.mark.requirement("TL-70")
def test_a_message_inside_msg_copy_is_unwrapped_once() -> None:
    """TL-70."""
    pair = settled()
    pair.forge(copy_of(UPDATE), seqno=0)
    assert only(pair.take(), Update).body == UPDATE
    pair.forge(copy_of(copy_of(UPDATE)), seqno=1)
    assert only(pair.take(), Undecoded)


def copy_of(body: bytes) -> bytes:
    head = schema.MsgCopy.ID.to_bytes(4, "little") + bytes.fromhex("11e5b85b") + (5).to_bytes(8, "little")
    return head + bytes(4) + len(body).to_bytes(4, "little") + body


@pytest.mark.requirement("TR-10")
def test_events_before_the_end_come_before_it() -> None:
    """TR-10: whatever the segmentation."""
    for chunk in (1, 1 << 20):
        pair = settled()
        pair.chunk = chunk
        pair.forge(UPDATE)
        pair.forge(UPDATE, msg_id=4)
        pair.forge(UPDATE)
        assert [type(event) for event in pair.take()] == [Update, Closed]


def test_a_new_session_notice_of_a_bad_time_counts_for_an_own_first_message() -> None:
    pair = settled()
    pair.session.request(QUERY)
    pair.client_writes()
    message = pair.client_ear.take()[-1]
    body = schema.NewSessionCreated(first_msg_id=message.msg_id, unique_id=9, server_salt=5)
    pair.forge(body, msg_id=pair.server_msg_id(400))
    assert only(pair.take(), NewSession)
