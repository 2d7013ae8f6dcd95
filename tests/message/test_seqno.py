"""seqno and content-related messages (MSG-35..37, MSG-81 codes 34 and 35)."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from mtproto.message.container import Message, join
from mtproto.message.gzip import pack
from mtproto.message.seqno import EITHER, NEVER_CONTENT, Seqnos, judge_parity
from mtproto.schema import mtproto as schema

GROUPS = json.loads((files("mtproto") / "vectors/data/msg_id_seqno.json").read_text())["groups"]
VECTORS = [test for group in GROUPS if group["type"] == "SeqNo" for test in group["tests"]]
QUERY = b"\x6b\x18\xf9\xc4"


@pytest.mark.parametrize("test", VECTORS, ids=[test["id"] for test in VECTORS])
@pytest.mark.requirement("MSG-35")
def test_the_published_vectors(test: dict[str, dict[str, list[str]]]) -> None:
    seqnos = Seqnos()
    numbers = [seqnos.next(kind == "content") for kind in test["input"]["messages"]]
    assert numbers == test["output"]["seqNos"]


@pytest.mark.requirement("MSG-36", "MSG-81")
def test_an_api_call_is_odd() -> None:
    assert (judge_parity(QUERY, 1), judge_parity(QUERY, 2)) == (0, 35)


@pytest.mark.parametrize(
    "body",
    [
        schema.MsgsAck(msg_ids=[5]).to_bytes(),
        schema.Pong(msg_id=5, ping_id=6).to_bytes(),
        schema.HttpWait(max_delay=0, wait_after=0, max_wait=0).to_bytes(),
        schema.MsgsStateInfo(req_msg_id=5, info=b"\4").to_bytes(),
        join([Message(4, 1, QUERY)]),
    ],
    ids=["msgs_ack", "pong", "http_wait", "msgs_state_info", "msg_container"],
)
@pytest.mark.requirement("MSG-36", "MSG-81")
def test_what_is_never_content_related_is_even(body: bytes) -> None:
    assert (judge_parity(body, 1), judge_parity(body, 2)) == (34, 0)


@pytest.mark.parametrize(
    "body",
    [
        schema.Ping(ping_id=5).to_bytes(),
        schema.PingDelayDisconnect(ping_id=5, disconnect_delay=75).to_bytes(),
        schema.GetFutureSalts(num=1).to_bytes(),
        schema.MsgsStateReq(msg_ids=[5]).to_bytes(),
        schema.MsgResendReq(msg_ids=[5]).to_bytes(),
        schema.RpcDropAnswer(req_msg_id=5).to_bytes(),
        schema.DestroySession(session_id=5).to_bytes(),
        schema.DestroyAuthKey().to_bytes(),
    ],
)
@pytest.mark.requirement("MSG-36")
def test_a_service_query_may_be_either(body: bytes) -> None:
    assert (judge_parity(body, 1), judge_parity(body, 2)) == (0, 0)


def test_the_two_lists_of_msg_36_do_not_overlap() -> None:
    assert not NEVER_CONTENT & EITHER


@pytest.mark.requirement("MSG-37")
def test_a_packed_message_counts_as_what_it_packs() -> None:
    """MSG-37."""
    assert judge_parity(pack(QUERY + bytes(1000)), 1) == 0
    assert judge_parity(pack(QUERY + bytes(1000)), 2) == 35
    acks = pack(schema.MsgsAck(msg_ids=[5] * 100).to_bytes())
    assert acks[:4] == schema.GzipPacked.ID.to_bytes(4, "little")
    assert (judge_parity(acks, 1), judge_parity(acks, 2)) == (34, 0)
