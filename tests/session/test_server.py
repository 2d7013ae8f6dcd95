"""The server's checks in their order, repetitions and results (MSG-31, 53..55, 62, 66..68, 70, 81, 90, 103, 131)."""

from __future__ import annotations

import pytest

from mtproto.message.container import Message, join
from mtproto.message.gzip import pack
from mtproto.schema import mtproto as schema
from mtproto.session.events import Request
from tests.pair import SALT, Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled

ACK = schema.MsgsAck(msg_ids=[5]).to_bytes()


def refusal(pair: Pair, *, of_id: int | None = None) -> int | None:
    """The code with which the server refused (the message ``of_id``), None where it did not."""
    pair.server_writes()
    for item in pair.server_ear.objects():
        if isinstance(item, schema.BadMsgNotification | schema.BadServerSalt) and of_id in (None, item.bad_msg_id):
            return item.error_code
    return None


def executed(pair: Pair) -> list[bytes]:
    return [event.body for event in of(pair.take_server(), Request)]


def fresh() -> Pair:
    """A pair whose server knows the session and has nothing to say; the next content-related seqno is 1001."""
    pair = settled()
    pair.forge_from_client(QUERY, seqno=999)
    pair.server_session.result(only(pair.take_server(), Request).msg_id, RESULT, None)
    pair.server_writes()
    pair.server_ear.take()
    return pair


# ---- one message


@pytest.mark.parametrize("low", [1, 2, 3])
@pytest.mark.requirement("MSG-10", "MSG-81")
def test_an_id_that_is_not_0_modulo_4_is_code_18(low: int) -> None:
    pair = fresh()
    pair.forge_from_client(QUERY, msg_id=pair.client_msg_id() + low, seqno=1001)
    assert (refusal(pair), executed(pair)) == (18, [])


@pytest.mark.parametrize(("ahead", "code"), [(-301, 16), (-86400, 16), (31, 17), (86400, 17), (-299, None), (29, None)])
@pytest.mark.requirement("MSG-40", "MSG-81", "SEC-73")
def test_an_id_outside_300_and_30_seconds_is_code_16_or_17(ahead: int, code: int | None) -> None:
    pair = settled()
    pair.forge_from_client(QUERY, msg_id=pair.client_msg_id(ahead), seqno=999 if ahead > 0 else 1)
    if ahead == -299:  # earlier than all others, with a seqno below theirs
        assert refusal(pair) in (None, 33)
    else:
        assert (refusal(pair), executed(pair)) == (code, [] if code else [QUERY])


@pytest.mark.parametrize("msg_id", [0, 4, -4, 2**63 - 4, -(2**63)])
def test_absurd_ids_are_refused_by_their_time(msg_id: int) -> None:
    pair = fresh()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert refusal(pair) in (16, 17) and executed(pair) == []


@pytest.mark.requirement("MSG-131")
def test_an_id_whose_lower_half_is_empty_is_accepted() -> None:
    """MSG-131: a published client sends them."""
    pair = fresh()
    pair.forge_from_client(QUERY, msg_id=(pair.client_msg_id(20) >> 32) << 32, seqno=1001)
    assert (refusal(pair), executed(pair)) == (None, [QUERY])


@pytest.mark.requirement("MSG-55", "SEC-73")
def test_an_unknown_salt_is_code_48_with_the_right_one_and_nothing_is_executed() -> None:
    """MSG-55."""
    pair = fresh()
    msg_id = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001, salt=5)
    pair.server_writes()
    (notice,) = pair.server_ear.objects()
    assert notice == schema.BadServerSalt(bad_msg_id=msg_id, bad_msg_seqno=1001, error_code=48, new_server_salt=SALT)
    assert executed(pair) == []


@pytest.mark.requirement("MSG-131")
def test_the_same_message_with_the_right_salt_is_no_replay() -> None:
    """MSG-131."""
    pair = fresh()
    msg_id = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001, salt=5)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert executed(pair) == [QUERY]


@pytest.mark.parametrize("seqno", [1000, 1002])
@pytest.mark.requirement("MSG-81")
def test_an_even_api_call_is_code_35(seqno: int) -> None:
    pair = fresh()
    pair.forge_from_client(QUERY, seqno=seqno)
    assert (refusal(pair), executed(pair)) == (35, [])


@pytest.mark.requirement("MSG-81")
def test_an_odd_acknowledgement_is_code_34() -> None:
    pair = fresh()
    pair.forge_from_client(ACK, seqno=1001)
    assert refusal(pair) == 34


@pytest.mark.requirement("TL-61", "MSG-37")
def test_a_packed_call_has_the_parity_of_what_it_packs() -> None:
    """MSG-37."""
    pair = fresh()
    body = pack(QUERY + bytes(1000))
    pair.forge_from_client(body, seqno=1001)
    assert (refusal(pair), executed(pair)) == (None, [QUERY + bytes(1000)])
    pair.forge_from_client(body, seqno=1004)
    assert refusal(pair) == 35


@pytest.mark.requirement("MSG-81")
def test_seqnos_that_fall_with_rising_ids_are_code_32_and_the_reverse_is_33() -> None:
    pair = fresh()
    first, second, third = (pair.client_msg_id(i / 1000) for i in range(3))
    pair.forge_from_client(QUERY, msg_id=second, seqno=1003)
    pair.forge_from_client(QUERY, msg_id=third, seqno=1001)
    assert refusal(pair, of_id=third) == 32
    pair.forge_from_client(QUERY, msg_id=first, seqno=1005)
    assert refusal(pair, of_id=first) == 33
    assert executed(pair) == [QUERY]


def test_messages_of_two_connections_may_arrive_in_any_order() -> None:
    pair = fresh()
    first, second = pair.client_msg_id(), pair.client_msg_id(0.001)
    pair.forge_from_client(QUERY, msg_id=second, seqno=1003)
    pair.forge_from_client(QUERY, msg_id=first, seqno=1001)
    assert (refusal(pair), executed(pair)) == (None, [QUERY, QUERY])


@pytest.mark.requirement("TL-89")
def test_a_query_that_cannot_be_unpacked_gets_an_rpc_error() -> None:
    """TL-89."""
    pair = fresh()
    pair.forge_from_client(bytes.fromhex("a1cf7230") + b"\x08notagzip" + bytes(3), seqno=1001)
    assert executed(pair) == []
    pair.server_writes()
    (answer,) = [m.body for m in pair.server_ear.take() if m.body[:4] == schema.RpcResult.ID.to_bytes(4, "little")]
    error, _ = schema.read_object(answer, 12)
    assert (error.error_code, error.error_message) == (400, "INPUT_FETCH_ERROR")


@pytest.mark.requirement("MSG-81")
def test_an_id_below_the_full_window_is_code_20() -> None:
    pair = fresh()
    held = pair.client_msg_id()
    for _ in range(1000):
        pair.server_session.window.add(pair.client_msg_id())
    pair.forge_from_client(QUERY, msg_id=held, seqno=1001)
    assert (refusal(pair, of_id=held), executed(pair)) == (20, [])


# ---- the order of the checks


@pytest.mark.requirement("MSG-131")
def test_the_checks_come_in_the_order_of_msg_131() -> None:
    """Each message breaks one rule more than the next."""
    pair = fresh()
    (request,) = ask_more(pair)
    malformed = join([Message(3, 1, QUERY)])
    steps = [
        (18, {"msg_id": pair.client_msg_id(-400) + 1, "salt": 5, "seqno": 1001}),
        (16, {"msg_id": pair.client_msg_id(-400), "salt": 5, "seqno": 1001}),
        (17, {"msg_id": pair.client_msg_id(400), "salt": 5, "seqno": 1001}),
        (19, {"msg_id": request.msg_id, "salt": 5, "seqno": 1001}),
        (48, {"salt": 5, "seqno": 1001}),
        (64, {"seqno": 1001}),
    ]
    for code, fields in steps:
        pair.forge_from_client(malformed, **fields)
        assert refusal(pair) == code
    pair.forge_from_client(join([Message(4, 1, ACK)]), seqno=3)
    assert refusal(pair) == 34
    pair.forge_from_client(join([Message(4, 1, ACK)]), seqno=2)
    assert refusal(pair) == 32
    pair.forge_from_client(ACK, seqno=1)  # parity before order
    assert refusal(pair) == 34
    assert executed(pair) == []


def ask_more(pair: Pair) -> list[Request]:
    pair.forge_from_client(QUERY, seqno=1001)
    return of(pair.take_server(), Request)


# ---- containers


@pytest.mark.requirement("MSG-70")
def test_a_container_is_judged_by_its_own_id_and_its_messages_may_be_old() -> None:
    """MSG-70."""
    pair = Pair()
    old = Message(pair.client_msg_id(-5000), 1, QUERY)
    pair.forge_from_client(join([old]), seqno=2)
    assert (refusal(pair), executed(pair)) == (None, [QUERY])


@pytest.mark.requirement("MSG-66", "MSG-68", "MSG-81")
def test_a_malformed_container_is_code_64_and_nothing_of_it_is_executed() -> None:
    pair = fresh()
    good = Message(pair.client_msg_id(), 1001, QUERY)
    for bad in (
        join([good, good]),
        join([good, Message(7, 1003, QUERY)]),
        join([good, Message(pair.client_msg_id(10), 1003, QUERY)]),
        join([good, Message(8, 1003, join([]))]),
        join([good])[:-4],
        join([good]) + bytes(4),
        bytes.fromhex("dcf8f173") + (1021).to_bytes(4, "little") + bytes(30_000),
    ):
        pair.forge_from_client(bad, seqno=1002)
        assert (refusal(pair), executed(pair)) == (64, [])


@pytest.mark.requirement("TL-62")
def test_a_packed_container_is_code_64() -> None:
    """TL-62."""
    pair = fresh()
    inside = pack(join([Message(4 * i + 4, 0, ACK) for i in range(40)]))
    pair.forge_from_client(inside, seqno=1002)
    assert refusal(pair) == 64


@pytest.mark.requirement("MSG-66", "MSG-81")
def test_a_container_with_a_known_id_is_code_19() -> None:
    pair = fresh()
    (request,) = ask_more(pair)
    pair.forge_from_client(join([Message(pair.client_msg_id(-1), 1003, QUERY)]), msg_id=request.msg_id, seqno=1004)
    assert (refusal(pair), executed(pair)) == (19, [])


@pytest.mark.requirement("MSG-68", "MSG-90")
def test_a_message_inside_a_container_seen_before_costs_only_itself() -> None:
    """MSG-68, MSG-90."""
    pair = fresh()
    first = Message(pair.client_msg_id(), 1001, QUERY)
    pair.forge_from_client(join([first]), seqno=1002)
    assert executed(pair) == [QUERY]
    second = Message(pair.client_msg_id(), 1003, QUERY + b"more")
    pair.forge_from_client(join([first, second]), seqno=1004)
    assert executed(pair) == [QUERY + b"more"]
    pair.server_writes()
    assert schema.MsgsAck(msg_ids=[first.msg_id]) in pair.server_ear.objects()


@pytest.mark.requirement("MSG-67")
def test_one_bad_message_of_a_container_costs_only_itself() -> None:
    pair = fresh()
    even = Message(pair.client_msg_id(), 1000, QUERY + b"even")
    good = Message(pair.client_msg_id(), 1001, QUERY)
    pair.forge_from_client(join([even, good]), seqno=1002)
    assert executed(pair) == [QUERY]
    assert refusal(pair, of_id=even.msg_id) == 35


# ---- repetitions and results


@pytest.mark.requirement("MSG-90", "MSG-103", "SEC-73")
def test_a_repeated_request_is_not_executed_again_but_answered_again() -> None:
    """MSG-90, SEC-73."""
    pair = fresh()
    msg_id = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert executed(pair) == [QUERY]
    pair.server_writes()
    assert pair.server_ear.objects() == [schema.MsgsAck(msg_ids=[msg_id])]  # it is still running
    pair.server_session.result(msg_id, RESULT, None)
    pair.server_writes()
    (answer,) = pair.server_ear.take()
    kept = len(pair.server_session._unacked)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    pair.server_writes()
    (again,) = pair.server_ear.take()
    assert again == answer  # under its own id: a copy under another one would wait for an acknowledgement for ever
    assert len(pair.server_session._unacked) == kept
    assert executed(pair) == []


@pytest.mark.requirement("MSG-31", "API-60")
def test_answers_are_1_modulo_4_and_updates_and_announcements_3() -> None:
    """MSG-31."""
    pair = Pair()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.server_session.push(b"\x11\x22\x33\x44upda")
    pair.server_writes()
    kinds = {m.body[:4]: m.msg_id % 4 for m in pair.server_ear.take()}
    assert kinds == {
        schema.NewSessionCreated.ID.to_bytes(4, "little"): 3,
        schema.RpcResult.ID.to_bytes(4, "little"): 1,
        b"\x11\x22\x33\x44": 3,
    }


@pytest.mark.requirement("MSG-31", "MSG-35", "MSG-38")
def test_what_the_server_sends_has_rising_ids_and_right_seqnos() -> None:
    """MSG-31, MSG-35, MSG-38."""
    pair = Pair()
    for _ in range(5):
        for _ in range(3):
            pair.session.request(QUERY)
        pair.send()
        for request in of(pair.take_server(), Request):
            pair.server_session.result(request.msg_id, RESULT, None)
        pair.answer()
    count = 0
    for payload in pair.server_ear.payloads:
        assert payload.seqno % 2 == 0
    for message in pair.server_ear.take():
        assert message.seqno == 2 * count + (message.seqno & 1)
        count += message.seqno & 1
    ids = [payload.msg_id for payload in pair.server_ear.payloads]
    assert ids == sorted(set(ids))


@pytest.mark.requirement("MSG-62")
def test_a_session_is_announced_with_the_salt_and_its_first_message() -> None:
    """MSG-62."""
    pair = Pair()
    _, request = ask(pair)
    pair.server_writes()
    (created,) = pair.server_ear.objects()
    assert isinstance(created, schema.NewSessionCreated)
    assert (created.first_msg_id, created.server_salt) == (request.msg_id, SALT)


@pytest.mark.requirement("MSG-62")
def test_an_earlier_message_that_comes_later_is_announced_again() -> None:
    """MSG-62."""
    pair = Pair()
    first, second = pair.client_msg_id(), pair.client_msg_id(0.5)
    pair.forge_from_client(QUERY, msg_id=second, seqno=3)
    pair.forge_from_client(QUERY, msg_id=first, seqno=1)
    pair.server_writes()
    created = [item for item in pair.server_ear.objects() if isinstance(item, schema.NewSessionCreated)]
    assert [item.first_msg_id for item in created] == [second, first]
    assert created[0].unique_id != created[1].unique_id


def test_a_message_that_was_refused_creates_no_session() -> None:
    pair = Pair()
    pair.forge_from_client(QUERY, msg_id=pair.client_msg_id(-400))
    pair.forge_from_client(QUERY, salt=5)
    pair.server_writes()
    assert not [item for item in pair.server_ear.objects() if isinstance(item, schema.NewSessionCreated)]


@pytest.mark.requirement("MSG-133")
def test_a_result_prefers_the_connection_of_its_request() -> None:
    """MSG-133."""
    pair = fresh()
    session = pair.server_session
    other = object()
    session.attach(other)
    assert session.result(4, RESULT, pair.server) is pair.server
    assert session.result(8, RESULT, other) is other
    session.detach(other)
    assert session.result(12, RESULT, other) is pair.server
    session.detach(pair.server)
    assert session.result(16, RESULT, other) is None
    assert session.push(RESULT) is None


@pytest.mark.requirement("MSG-130")
def test_the_answers_kept_for_repetitions_are_bounded() -> None:
    pair = fresh()
    for i in range(3000):
        pair.server_session.result(4 * i + 4, RESULT, None)
        pair.server_writes()
    assert len(pair.server_session._answers) <= 1000 and len(pair.server_session._unacked) <= 1000


@pytest.mark.requirement("TR-105")
def test_http_wait_over_tcp_has_no_result() -> None:
    """TR-105."""
    pair = fresh()
    pair.forge_from_client(schema.HttpWait(max_delay=0, wait_after=0, max_wait=0), seqno=1000)
    assert pair.take_server() == [] and refusal(pair) is None


@pytest.mark.parametrize(
    "body",
    [
        schema.MsgsStateInfo(req_msg_id=5, info=b"\4"),
        schema.MsgsAllInfo(msg_ids=[5], info=b"\4"),
        schema.Pong(msg_id=5, ping_id=6),
    ],
    ids=lambda body: body.NAME,
)
def test_states_and_pongs_of_a_client_have_no_effect(body: schema.Pong) -> None:
    pair = fresh()
    pair.forge_from_client(body, seqno=1000)
    assert pair.take_server() == [] and refusal(pair) is None and not pair.server.closed
