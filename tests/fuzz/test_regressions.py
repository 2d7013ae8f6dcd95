"""Inputs that once broke a rule, and the worst ones that can be made on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtproto.errors import DecodeError
from mtproto.message.container import Message, join
from mtproto.message.envelope import Inner, seal
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.schema.api import read_object, types
from mtproto.session.events import Answered, Ignored, RequestFailed
from mtproto.tl.registry import decode
from tests.fuzz.harness import MIB, MOST, keeps_bounds
from tests.fuzz.messages import bomb, packed
from tests.pair import AUTH_KEY, SALT, Pair

QUERY = b"\x01\x02\x03\x04hell"
VECTOR = bytes.fromhex("15c4b51c")


def feed(pair: Pair, receiver: Role, body: bytes, *, seqno: int = 1, unpacked: bool = False) -> None:
    """One payload with this body, within its bounds."""
    sender = receiver.opposite
    msg_id = pair.server_msg_id() if sender is Role.SERVER else pair.client_msg_id()
    payload, _ = seal(AUTH_KEY, Inner(SALT, pair.session.session_id, msg_id, seqno, body), sender, pair.server_env)
    data = len(payload).to_bytes(4, "little") + payload
    connection = pair.client if receiver is Role.CLIENT else pair.server

    def process() -> None:
        connection.receive_data(data)
        while connection.data_to_send():
            pass

    keeps_bounds(data, lambda: process, gunzip=unpacked)
    pair.collect()


def waiting() -> tuple[Pair, int, int]:
    """A client that waits for one answer: the pair, the request_id and the msg_id."""
    pair = Pair()
    request_id = pair.session.request(QUERY)
    pair.send()
    pair.answer()
    pair.take()
    return pair, request_id, pair.client_ear.messages[0].msg_id


def result(msg_id: int, body: bytes) -> bytes:
    return schema.RpcResult.ID.to_bytes(4, "little") + msg_id.to_bytes(8, "little", signed=True) + body


# ---- bombs (SEC-33)


@pytest.mark.parametrize("size", [15_200_000, 17_000_000])
@pytest.mark.requirement("TL-63", "SEC-33")
def test_a_result_that_unpacks_to_15_mib_is_taken_and_17_are_not(size: int) -> None:
    pair, request_id, msg_id = waiting()
    feed(pair, Role.CLIENT, result(msg_id, bomb(b"head", size)), unpacked=True)
    (event,) = (event for event in pair.take() if not isinstance(event, Ignored))  # fed again where it was slow
    assert isinstance(event, Answered if size < 16 * MIB else RequestFailed) and event.request_id == request_id


@pytest.mark.parametrize("size", [15_200_000, 17_000_000])
def test_an_rpc_result_that_is_packed_whole_keeps_the_bound_too(size: int) -> None:
    pair, request_id, msg_id = waiting()
    feed(pair, Role.CLIENT, bomb(result(msg_id, b"head"), size), unpacked=True)
    assert pair.session.unfinished() == [request_id] and not pair.client.closed


@pytest.mark.parametrize("receiver", Role)
@pytest.mark.parametrize("size", [15_200_000, 17_000_000])
@pytest.mark.parametrize(
    "head",
    [
        schema.MsgsAck.ID.to_bytes(4, "little") + VECTOR + (1_900_000).to_bytes(4, "little"),
        schema.MsgsStateReq.ID.to_bytes(4, "little") + VECTOR + (1_900_000).to_bytes(4, "little"),
        schema.MsgsStateInfo.ID.to_bytes(4, "little") + bytes(8) + b"\xfe\0\0\xe0",
        schema.FutureSalts.ID.to_bytes(4, "little") + bytes(12) + (900_000).to_bytes(4, "little"),
        schema.MsgContainer.ID.to_bytes(4, "little") + (500_000).to_bytes(4, "little"),
        schema.RpcError.ID.to_bytes(4, "little") + bytes(4) + b"\xfe\0\0\xe0",
        b"\x11\x22\x33\x44",
    ],
    ids=["acks", "state_req", "state_info", "salts", "container", "rpc_error", "unknown"],
)
@pytest.mark.requirement("SEC-33")
def test_no_packed_message_costs_more_than_16_mib(receiver: Role, size: int, head: bytes) -> None:
    pair, _, _ = waiting()
    for seqno in (2, 1001):
        feed(pair, receiver, bomb(head, size), seqno=seqno, unpacked=True)


def test_a_packed_rpc_error_of_15_mib_keeps_the_bound() -> None:
    pair, request_id, msg_id = waiting()
    error = schema.RpcError.ID.to_bytes(4, "little") + bytes(4) + b"\xfe\xff\xff\xdf" + b"\xff_" * 7_340_032
    feed(pair, Role.CLIENT, result(msg_id, packed(error)), unpacked=True)
    (event,) = (event for event in pair.take() if not isinstance(event, Ignored))  # fed again where it was slow
    assert isinstance(event, RequestFailed) and event.request_id == request_id


@pytest.mark.requirement("TL-83", "SEC-33")
def test_many_bombs_in_one_container_share_one_limit() -> None:
    pair, _, _ = waiting()
    messages = [Message(pair.server_msg_id(), 2 * i + 1, bomb(b"head", 15_200_000)) for i in range(8)]
    feed(pair, Role.CLIENT, join(messages), seqno=0, unpacked=True)


# ---- the densest payloads


@pytest.mark.parametrize("receiver", Role)
@pytest.mark.parametrize("query", [schema.Ping(ping_id=5), schema.MsgsStateReq(msg_ids=[]), schema.MsgsAck(msg_ids=[])])
def test_1020_small_messages_in_a_container(receiver: Role, query: schema.Ping) -> None:
    pair, _, _ = waiting()
    fresh = pair.server_msg_id if receiver is Role.CLIENT else pair.client_msg_id
    messages = [Message(fresh(), 0, query.to_bytes()) for _ in range(1020)]
    feed(pair, receiver, join(messages), seqno=2)
    assert not pair.client.closed and not pair.server.closed


def test_1020_repetitions_of_messages_received_before() -> None:
    pair, _, _ = waiting()
    messages = [Message(pair.server_msg_id(), 2 * i + 1, b"\x11\x22\x33\x44") for i in range(990)]
    for _ in range(3):
        feed(pair, Role.CLIENT, join(messages), seqno=0)


@pytest.mark.parametrize("receiver", Role)
def test_the_longest_lists_of_ids(receiver: Role) -> None:
    pair, _, _ = waiting()
    for kind in (schema.MsgsAck, schema.MsgsStateReq, schema.MsgResendReq):
        feed(pair, receiver, kind(msg_ids=list(range(8180))).to_bytes(), seqno=2)


def vector_of(data: bytes) -> Callable[[], bytes]:
    """64 KiB of one element inside ``updates``, and then something that is none."""
    count = (MOST - 100) // len(data)

    def build() -> bytes:
        head = types.Updates.ID.to_bytes(4, "little") + VECTOR + bytes(4) + VECTOR
        return head + (count + 1).to_bytes(4, "little") + data * count + b"\xff" * 24

    return build


@pytest.mark.parametrize("data", [types.User(id=1).to_bytes()], ids=["user"])
@pytest.mark.requirement("TL-86", "SEC-34")
def test_a_vector_of_the_most_spacious_objects_that_ends_badly(data: bytes) -> None:
    """27 times its size in memory; read again to say where it ends."""
    body = vector_of(data)()

    def process() -> None:
        with pytest.raises(DecodeError):
            decode(body, read_object)

    keeps_bounds(body, lambda: process)


def test_a_container_that_refuses_both_requests_of_another() -> None:
    """Each notice ends the session; the second one found it ended already (UsageError from receive_data)."""
    pair = Pair()
    for _ in range(2):
        pair.session.request(QUERY)
    pair.send()
    notices = [
        schema.BadMsgNotification(bad_msg_id=m.msg_id, bad_msg_seqno=1, error_code=32) for m in pair.client_ear.messages
    ]
    messages = [Message(pair.server_msg_id(), 0, notice.to_bytes()) for notice in notices]
    feed(pair, Role.CLIENT, join(messages), seqno=0)
    assert not pair.client.closed


@pytest.mark.parametrize("msg_id", [1, -1, -(2**63) + 1, 2**63 - 1])
@pytest.mark.requirement("SEC-42")
def test_a_time_that_no_clock_shows(msg_id: int) -> None:
    """Learnt from a notice, it gave msg_ids of more than 64 bits (struct.error from data_to_send)."""
    pair, _, sent = waiting()
    notice = schema.BadMsgNotification(bad_msg_id=sent, bad_msg_seqno=1, error_code=17)
    inner = Inner(SALT, pair.session.session_id, msg_id, 0, notice.to_bytes())
    payload, _ = seal(AUTH_KEY, inner, Role.SERVER, pair.server_env)
    pair.client.receive_data(len(payload).to_bytes(4, "little") + payload)
    assert pair.client.data_to_send()
