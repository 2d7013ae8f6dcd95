"""A server's reaction to each service message (spec: MSG-140, server duties)."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

from mtproto.message.server_time import stamp
from mtproto.schema import mtproto as schema
from mtproto.session.events import Event, LinkEvent
from mtproto.session.handlers import (
    on_msg_resend_req,
    on_msgs_state_req,
    on_ping,
    read,
    read_ids,
    reply,
    reply_states,
)
from mtproto.session.keys import MAX_SALTS, SaltSchedule
from mtproto.session.session import Handler, Session
from mtproto.tl.objects import TLObject

if TYPE_CHECKING:
    from mtproto.session.server import ServerSession


# msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck
def on_client_msgs_ack(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-72, MSG-76: those messages need not be sent again."""
    session.forget(read_ids(session, body, schema.MsgsAck))


# ping_delay_disconnect#f3427b8c ping_id:long disconnect_delay:int = Pong
def on_ping_delay_disconnect(
    session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]
) -> None:
    """MSG-105: a ping that also arms the connection's close timer."""
    ping = read(body, schema.PingDelayDisconnect)
    reply(session, schema.Pong(msg_id=msg_id, ping_id=ping.ping_id), via)
    events.append(LinkEvent(float(max(ping.disconnect_delay, 0))))


# get_future_salts#b921bd04 num:int = FutureSalts
def on_get_future_salts(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-54, MSG-56: 1 to 64 contiguous salts, the current one first; nobody is to use one before its time."""
    query = read(body, schema.GetFutureSalts)
    schedule = session.keys.salts
    if not isinstance(schedule, SaltSchedule):
        raise TypeError("a server session needs the server's SaltSchedule")
    now = session.time.now()
    salts = [
        schema.FutureSalt(
            valid_since=stamp(ceil(salt.valid_since)), valid_until=stamp(salt.valid_until), salt=salt.salt
        )
        for salt in schedule.upcoming(now, min(max(query.num, 1), MAX_SALTS))
    ]
    reply(session, schema.FutureSalts(req_msg_id=msg_id, now=stamp(now), salts=salts), via)


# destroy_session#e7512126 session_id:long = DestroySessionRes
def on_destroy_session(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-65: another session of the same key; the current one is answered with destroy_session_none."""
    session_id = read(body, schema.DestroySession).session_id
    known = session_id != session.session_id and session.keys.drop_session(session_id) is not None
    answer = schema.DestroySessionOk if known else schema.DestroySessionNone
    reply(session, answer(session_id=session_id), via)


# msgs_state_info#04deb57d req_msg_id:long info:bytes = MsgsStateInfo
def on_client_state_info(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """The states that the server asked for; what answers no question of its own counts for nothing (MSG-92)."""
    answer = read(body, schema.MsgsStateInfo)
    session.note_states(session.asked.pop(answer.req_msg_id, []), answer.info)


# msgs_all_info#8cc0d131 msg_ids:Vector<long> info:bytes = MsgsAllInfo
def on_client_all_info(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """The same, unasked."""
    answer = read(body, schema.MsgsAllInfo)
    session.note_states(answer.msg_ids, answer.info)


# msg_resend_ans_req#8610baeb msg_ids:Vector<long> = MsgResendReq
def on_msg_resend_ans_req(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-94: the answers to these requests again, or, where one has none, the state of all."""
    msg_ids = read_ids(session, body, schema.MsgResendAnsReq)
    if not session.answer_again(msg_ids, via):
        reply_states(session, msg_id, msg_ids, via)


# rpc_drop_answer#58e4a740 req_msg_id:long = RpcDropAnswer
def on_rpc_drop_answer(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-102: answered in an rpc_result."""
    session.result(msg_id, session.drop_answer(read(body, schema.RpcDropAnswer).req_msg_id).to_bytes(), via)


# http_wait#9299359f max_delay:int wait_after:int max_wait:int = HttpWait
def on_http_wait(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """TR-103: how long the response may be held, in milliseconds; the last one counts (TR-104)."""
    wait = read(body, schema.HttpWait)
    max_delay, wait_after, max_wait = (
        max(value, 0) / 1000 for value in (wait.max_delay, wait.wait_after, wait.max_wait)
    )
    events.append(LinkEvent(http_wait=(max_delay, wait_after, max_wait)))


# pong: a client may send it; nothing depends on it here
def on_nothing_to_do(session: Session, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """A message that is legal and needs no reaction; it is decoded all the same."""
    read(body, TLObject)


SERVER_HANDLERS: Mapping[int, Handler] = {
    schema.MsgsAck.ID: on_client_msgs_ack,
    schema.Ping.ID: on_ping,
    schema.PingDelayDisconnect.ID: on_ping_delay_disconnect,
    schema.GetFutureSalts.ID: on_get_future_salts,
    schema.MsgsStateReq.ID: on_msgs_state_req,
    schema.MsgsStateInfo.ID: on_client_state_info,
    schema.MsgsAllInfo.ID: on_client_all_info,
    schema.MsgResendReq.ID: on_msg_resend_req,
    schema.MsgResendAnsReq.ID: on_msg_resend_ans_req,
    schema.RpcDropAnswer.ID: on_rpc_drop_answer,
    schema.DestroySession.ID: on_destroy_session,
    schema.Pong.ID: on_nothing_to_do,
    schema.HttpWait.ID: on_http_wait,
}
