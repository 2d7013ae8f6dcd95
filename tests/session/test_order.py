"""Order, salts and sessions: what may come in any order, what belongs to the key, what to the session."""

from __future__ import annotations

import pytest

from mtproto.message.container import MSG_COPY
from mtproto.message.gzip import GZIP_PACKED
from mtproto.message.seqno import EITHER, NEVER_CONTENT
from mtproto.schema import mtproto as schema
from mtproto.session.client import ClientSession
from mtproto.session.events import Answered, Request, Update
from mtproto.session.server import ServerSession
from tests.pair import SALT, Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled
from tests.testdc.rig import World

UPDATE = b"\x11\x22\x33\x44upda"


@pytest.mark.requirement("MSG-39", "SEC-38")
def test_a_client_takes_messages_whatever_the_order_of_their_seqnos() -> None:
    """Several connections interleave; only the low bit says anything: whether to acknowledge."""
    pair = settled()
    ids = [pair.server_msg_id() for _ in range(6)]
    for msg_id, seqno in zip(reversed(ids), (9, 3, 101, 3, 2, 2**31 - 1), strict=True):
        pair.forge(UPDATE, msg_id=msg_id, seqno=seqno)
    assert len(of(pair.take(), Update)) == 6 and not pair.client.closed
    pair.advance(31)
    pair.client_writes()
    (ack,) = [item for item in pair.client_ear.objects() if isinstance(item, schema.MsgsAck)]
    assert sorted(ack.msg_ids) == sorted(set(ids) - {ids[1]})


@pytest.mark.requirement("MSG-67", "SEC-38")
def test_results_may_come_in_any_order() -> None:
    pair = settled()
    asked = [ask(pair) for _ in range(5)]
    for number, (_, request) in reversed(list(enumerate(asked))):
        pair.server_session.result(request.msg_id, RESULT + bytes([number, 0, 0, 0]), None)
        pair.answer()
    answered = of(pair.take(), Answered)
    assert [event.request_id for event in answered] == [request_id for request_id, _ in reversed(asked)]
    assert {event.request_id: event.body[-4] for event in answered} == {id_: n for n, (id_, _) in enumerate(asked)}


@pytest.mark.requirement("MSG-50")
def test_a_salt_is_good_for_every_session_of_its_key() -> None:
    pair = settled()
    pair.session.keys.salts.adopt(SALT)
    pair.client.release(pair.session)
    pair.link.use(pair.session.keys)
    pair.client.attach(pair.session)
    _, request = ask(pair)
    assert request
    pair.server_writes()
    assert not [item for item in pair.server_ear.objects() if isinstance(item, schema.BadServerSalt)]


@pytest.mark.requirement("TR-124", "MSG-61")
def test_sessions_that_share_a_connection_get_their_own_answers() -> None:
    pair = settled()
    first = pair.session
    pair.link.use(first.keys)
    second = pair.session
    pair.client.attach(second)
    ids = {session.session_id: session.request(QUERY) for session in (first, second)}
    pair.send()
    requests = of(pair.take_server(), Request)
    assert {request.session.session_id for request in requests} == ids.keys()
    for request in requests:
        assert isinstance(request.session, ServerSession)
        request.session.result(request.msg_id, RESULT, None)
    pair.server_writes()
    for payload in pair.server_ear.payloads[-4:]:
        assert payload.session_id in ids


@pytest.mark.requirement("MSG-103")
def test_a_second_result_for_a_request_is_not_sent() -> None:
    world = World()
    calls = []
    world.dc.handle("help.getNearestDc", calls.append, login=False)  # type: ignore[arg-type]
    client = world.client()
    client.begin("help.getNearestDc")
    for _ in range(2):
        calls[0].answer(True)
        world.run()
    assert len(client.received(schema.RpcResult)) == 1


TO_SERVER = {
    schema.MsgsAck, schema.MsgsStateReq, schema.MsgsStateInfo, schema.MsgsAllInfo, schema.MsgResendReq,
    schema.MsgResendAnsReq, schema.RpcDropAnswer, schema.GetFutureSalts, schema.Ping, schema.PingDelayDisconnect,
    schema.Pong, schema.DestroySession, schema.HttpWait,
}  # fmt: skip
TO_CLIENT = {
    schema.MsgsAck, schema.BadMsgNotification, schema.BadServerSalt, schema.MsgsStateReq, schema.MsgsStateInfo,
    schema.MsgsAllInfo, schema.MsgDetailedInfo, schema.MsgNewDetailedInfo, schema.MsgResendReq, schema.RpcResult,
    schema.FutureSalts, schema.Ping, schema.Pong, schema.DestroySessionOk, schema.DestroySessionNone,
    schema.NewSessionCreated, schema.DestroyAuthKeyOk, schema.DestroyAuthKeyNone, schema.DestroyAuthKeyFail,
}  # fmt: skip


@pytest.mark.requirement("MSG-36", "MSG-140")
def test_every_line_of_the_table_of_service_messages_has_its_reaction_in_each_role() -> None:
    """Containers, msg_copy and gzip_packed are taken apart before; destroy_auth_key is the datacenter's."""
    assert {kind.ID for kind in TO_CLIENT} == set(ClientSession.handlers)
    assert {kind.ID for kind in TO_SERVER} <= set(ServerSession.handlers)
    assert schema.MsgCopy.ID == MSG_COPY and schema.GzipPacked.ID == GZIP_PACKED
    free = {schema.MsgsStateReq, schema.MsgResendReq, schema.RpcDropAnswer, schema.GetFutureSalts, schema.Ping,
            schema.PingDelayDisconnect, schema.DestroySession}  # fmt: skip
    assert {kind.ID for kind in free} <= EITHER
    assert {kind.ID for kind in (schema.MsgsAck, schema.MsgsStateInfo, schema.Pong, schema.HttpWait)} <= NEVER_CONTENT


@pytest.mark.requirement("MSG-140")
@pytest.mark.parametrize("kind", sorted(TO_SERVER, key=lambda kind: kind.NAME), ids=lambda kind: kind.NAME)
def test_the_datacenter_takes_every_service_message_of_a_client(kind: type[schema.TLObject]) -> None:
    pair: Pair = settled()
    value = {
        schema.MsgsAck: schema.MsgsAck(msg_ids=[5]),
        schema.MsgsStateReq: schema.MsgsStateReq(msg_ids=[5]),
        schema.MsgsStateInfo: schema.MsgsStateInfo(req_msg_id=5, info=b"\4"),
        schema.MsgsAllInfo: schema.MsgsAllInfo(msg_ids=[5], info=b"\4"),
        schema.MsgResendReq: schema.MsgResendReq(msg_ids=[5]),
        schema.MsgResendAnsReq: schema.MsgResendAnsReq(msg_ids=[5]),
        schema.RpcDropAnswer: schema.RpcDropAnswer(req_msg_id=5),
        schema.GetFutureSalts: schema.GetFutureSalts(num=1),
        schema.Ping: schema.Ping(ping_id=5),
        schema.PingDelayDisconnect: schema.PingDelayDisconnect(ping_id=5, disconnect_delay=60),
        schema.Pong: schema.Pong(msg_id=5, ping_id=6),
        schema.DestroySession: schema.DestroySession(session_id=5),
        schema.HttpWait: schema.HttpWait(max_delay=0, wait_after=0, max_wait=0),
    }[kind]
    pair.forge_from_client(value, seqno=1000)
    assert not pair.server.closed and not of(pair.take_server(), Request)
    pair.server_writes()
    refused = (schema.BadMsgNotification, schema.BadServerSalt)
    assert not [item for item in pair.server_ear.objects() if isinstance(item, refused)]
    only([*of(pair.take(), Update), Update(0, b"")], Update)
