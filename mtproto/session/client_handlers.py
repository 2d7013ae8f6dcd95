"""A client's reaction to each service message, in the order of the specification (spec: MSG-140, client duties)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mtproto.errors import BadMessage, DecodeError, RpcError
from mtproto.message.container import CONTAINER
from mtproto.message.gzip import GZIP_PACKED, constructor_of
from mtproto.message.server_time import nearest
from mtproto.schema import mtproto as schema
from mtproto.session import states
from mtproto.session.events import Acknowledged, Event, KeyDestroyed, KeyUnbound, NewSession, SessionOver
from mtproto.session.handlers import (
    ignored,
    on_msg_resend_req,
    on_msgs_state_req,
    on_ping,
    read,
    read_ids,
    read_long,
)
from mtproto.session.keys import Salt, Salts
from mtproto.session.outbox import MAX_RESENDS
from mtproto.session.session import Handler
from mtproto.tl.objects import TLObject

if TYPE_CHECKING:
    from mtproto.session.client import ClientSession
    from mtproto.session.requests import ClientRequest

MAX_RPC_ERROR = (1 << 20) + 1024
"""Bytes of the longest rpc_error (SEC-56)."""
_NOT_INITED = frozenset({"CONNECTION_NOT_INITED", "CONNECTION_LAYER_INVALID"})
_UNBOUND = "AUTH_KEY_PERM_EMPTY"
_TOO_EARLY = frozenset({"MSG_WAIT_TIMEOUT", "MSG_WAIT_FAILED"})
_PINGS = (schema.Ping.ID, schema.PingDelayDisconnect.ID)
_ID_QUERIES = (schema.MsgsStateReq.ID, schema.MsgResendReq.ID, schema.MsgResendAnsReq.ID)


# rpc_result#f35c6d01 req_msg_id:long result:Object = RpcResult
def on_rpc_result(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-100. The first answer wins; a result that cannot be unpacked fails its request only (SEC-43)."""
    req_msg_id = read_long(body, 4)
    request = session.awaiting(req_msg_id)
    if request is None:
        ignored(msg_id, "an rpc_result for no pending request", events)
        return
    session.learn_time(req_msg_id)
    try:
        events += _result(session, request, body[12:], last=req_msg_id == request.msg_ids[-1])
    except DecodeError as error:
        events += session.fail(request, error.with_traceback(None))


def _result(session: ClientSession, request: ClientRequest, result: bytes, *, last: bool) -> list[Event]:
    constructor = constructor_of(result)
    if constructor == GZIP_PACKED:
        result = session.unwrap(result)
        constructor = constructor_of(result)
    if len(result) < 4:
        raise DecodeError("eof", 12)
    if constructor == CONTAINER:
        raise DecodeError("unexpected_constructor", 12, "", "msg_container")
    if constructor == schema.RpcError.ID:
        return _rpc_error(session, request, result, last=last)
    session.initialized = session.initialized or request.preambled  # API-03
    return session.answered(request, result)


# rpc_error#2144ca19 error_code:int error_message:string = RpcError
def _rpc_error(session: ClientSession, request: ClientRequest, result: bytes, *, last: bool) -> list[Event]:
    """``last``: it answers the id under which the request was last sent."""
    answer = read(result, schema.RpcError, MAX_RPC_ERROR)
    if not last and answer.error_message in _NOT_INITED | _TOO_EARLY:  # refused, but under way under another id
        return []
    wrap = session.preamble and request.api and not request.preambled
    if wrap and answer.error_message in _NOT_INITED:  # API-04; what was wrapped and is refused all the same stays so
        session.initialized = False
        return session.send_again([request], 0) or [Acknowledged(request.request_id)]
    error = RpcError(answer.error_code, answer.error_message)
    if error.message == _UNBOUND and session.keys.expires_at is not None and request.resends < MAX_RESENDS:
        return [*session.send_again([request], 0), KeyUnbound(session.keys.auth_key.auth_key_id)]  # MSG-111: not run
    if request.after and answer.error_message in _TOO_EARLY:
        return session.postpone(request, error)
    return session.fail(request, error)


# msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck
def on_msgs_ack(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-76: stops resending, completes nothing; unknown ids are ignored."""
    for acked in read_ids(session, body, schema.MsgsAck):
        request = session.awaiting(acked)
        if request is not None and session.acked(request):
            events.append(Acknowledged(request.request_id))


# bad_server_salt#edab447b bad_msg_id:long bad_msg_seqno:int error_code:int new_server_salt:long = BadMsgNotification
def on_bad_server_salt(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-81 code 48: adopt the salt, send again."""
    notice = read(body, schema.BadServerSalt)
    concerned = session.concerned(notice.bad_msg_id)
    if concerned is None:  # SEC-40
        ignored(msg_id, "bad_server_salt for a message never sent", events)
        return
    session.learn_time(notice.bad_msg_id)
    _client_salts(session).adopt(notice.new_server_salt)
    session.acknowledge_again(notice.bad_msg_id)
    events += session.send_again(concerned, 48)


# bad_msg_notification#a7eff811 bad_msg_id:long bad_msg_seqno:int error_code:int = BadMsgNotification
def on_bad_msg_notification(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-81: each code has its own reaction."""
    notice = read(body, schema.BadMsgNotification)
    concerned = session.concerned(notice.bad_msg_id)
    if concerned is None:  # SEC-40
        ignored(msg_id, "bad_msg_notification for a message never sent", events)
        return
    code = notice.error_code
    session.acknowledge_again(notice.bad_msg_id)
    if code in (16, 17):  # SEC-42: only for known ids
        session.learn_time()
    if code == 16:
        events += session.send_again(concerned, code)
    elif code == 64:
        for request in concerned:
            request.alone = True
        events += session.send_again(concerned, code)
    elif code == 20:
        events += session.repeat_or_fail(concerned, code)
    else:
        events += _renew(session, concerned, code, notice.bad_msg_id)


def _renew(session: ClientSession, concerned: list[ClientRequest], code: int, bad_msg_id: int) -> list[Event]:
    """The codes that end the session: 17, 18, 19, 32, 33 go on in the next one, all others fail the request."""
    events: list[Event] = []
    if code in (17, 18, 32, 33):
        events += session.send_again(concerned, code)
    elif code == 19:
        events += session.repeat_or_fail(concerned, code)
    else:
        for request in concerned:
            events += session.fail(request, BadMessage(code, bad_msg_id))
    return [*events, SessionOver(session, code)]


# new_session_created#9ec20908 first_msg_id:long unique_id:long server_salt:long = NewSession
def on_new_session_created(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-64: adopt the salt; own messages before first_msg_id were not received, at least not in this session.

    One that a lost session may have executed is asked about before it goes again (MSG-97).
    """
    created = read(body, schema.NewSessionCreated)
    if created.unique_id == session.unique_id:  # SEC-48
        ignored(msg_id, "new_session_created with a known unique_id", events)
        return
    session.unique_id = created.unique_id
    _client_salts(session).adopt(created.server_salt)
    events.append(NewSession(created.first_msg_id, created.unique_id))
    before = session.sent_before(created.first_msg_id)
    events += session.send_again([request for request in before if request.repeatable], 0)
    uncertain = [request for request in before if not request.repeatable]
    states.ask(session, [request for request in uncertain if not request.asking])
    for request in uncertain:
        request.carrier = None


# pong#347773c5 msg_id:long ping_id:long = Pong
def on_pong(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-105: both ids are checked (SEC-45)."""
    pong = read(body, schema.Pong)
    request = session.awaiting(pong.msg_id)
    if request is None or not request.is_query(*_PINGS) or request.written[4:12] != body[12:20]:
        ignored(msg_id, "a pong for no pending ping", events)
        return
    session.learn_time(pong.msg_id)
    if session.upkeep is not None:
        session.upkeep.pong(request)
    events += session.answered(request, body)


# future_salts#ae500895 req_msg_id:long now:int salts:vector<future_salt> = FutureSalts
def on_future_salts(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-54: only for an own get_future_salts (SEC-44)."""
    answer = read(body, schema.FutureSalts)
    request = session.awaiting(answer.req_msg_id)
    if request is None or not request.is_query(schema.GetFutureSalts.ID):
        ignored(msg_id, "future_salts for no pending request", events)
        return
    now = session.time.now()
    salts = [Salt(nearest(salt.valid_since, now), nearest(salt.valid_until, now), salt.salt) for salt in answer.salts]
    _client_salts(session).stock(salts, now)
    events += session.answered(request, body)


# msgs_state_info#04deb57d req_msg_id:long info:bytes = MsgsStateInfo
def on_msgs_state_info(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-92: one byte per id asked, else it is discarded (SEC-46)."""
    answer = read(body, schema.MsgsStateInfo)
    request = session.awaiting(answer.req_msg_id)
    if request is None or not request.is_query(*_ID_QUERIES):
        ignored(msg_id, "msgs_state_info for no pending request", events)
        return
    msg_ids = schema.MsgsStateReq.ID.to_bytes(4, "little") + request.written[4:]  # all three have this form
    asked = read_ids(session, msg_ids, schema.MsgsStateReq)
    if len(answer.info) != len(asked):
        ignored(msg_id, "msgs_state_info of the wrong length", events)
        return
    if request.is_query(schema.MsgResendReq.ID):
        events += states.not_resent(session, asked, answer.info)
    else:
        events += states.apply(session, asked, answer.info, via)
    events += session.answered(request, body)


# msgs_all_info#8cc0d131 msg_ids:Vector<long> info:bytes = MsgsAllInfo
def on_msgs_all_info(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-92: what msgs_state_info says, unasked; ids that are not ours are left out."""
    answer = read(body, schema.MsgsAllInfo)
    if len(answer.info) != len(answer.msg_ids):
        ignored(msg_id, "msgs_all_info of the wrong length", events)
    else:
        events += states.apply(session, answer.msg_ids, answer.info, via)


# msg_detailed_info#276d3ec6 msg_id:long answer_msg_id:long bytes:int status:int = MsgDetailedInfo
def on_msg_detailed_info(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-93: an answer that the server has; ``status`` means nothing."""
    info = read(body, schema.MsgDetailedInfo)
    request = session.awaiting(info.msg_id)
    if request is None and info.answer_msg_id not in session.window:
        ignored(msg_id, "msg_detailed_info for no pending request", events)
    else:
        events += states.mentioned(session, msg_id, info.answer_msg_id, info.bytes, request, via)


# msg_new_detailed_info#809db6df answer_msg_id:long bytes:int status:int = MsgDetailedInfo
def on_msg_new_detailed_info(
    session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]
) -> None:
    """MSG-93: a message that the server has and that answers none of ours."""
    info = read(body, schema.MsgNewDetailedInfo)
    events += states.mentioned(session, msg_id, info.answer_msg_id, info.bytes, None, via)


# destroy_session_ok#e22045fc session_id:long · destroy_session_none#62d350c9 session_id:long = DestroySessionRes
def on_destroy_session_res(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-65: the answer names the session, not the request."""
    request = session.find(schema.DestroySession(session_id=read_long(body, 4)).to_bytes())
    if request is None:
        ignored(msg_id, "destroy_session_* for no pending request", events)
    else:
        events += session.answered(request, body)


# destroy_auth_key_ok#f660e1d4 · destroy_auth_key_none#0a9f2259 · destroy_auth_key_fail#ea109b13 = DestroyAuthKeyRes
def on_destroy_auth_key_res(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-106: the answer names nothing at all. After ok the key is gone, and with it whatever still waits."""
    read(body, TLObject)
    request = session.find(schema.DestroyAuthKey().to_bytes())
    if request is None:
        ignored(msg_id, "destroy_auth_key_* for no pending request", events)
        return
    events += session.answered(request, body)
    if constructor_of(body) == schema.DestroyAuthKeyOk.ID:
        events.append(KeyDestroyed(session.keys.auth_key.auth_key_id))


def _client_salts(session: ClientSession) -> Salts:
    salts = session.keys.salts
    if not isinstance(salts, Salts):
        raise TypeError("a client session needs the client's Salts")
    return salts


CLIENT_HANDLERS: Mapping[int, Handler] = {
    schema.RpcResult.ID: on_rpc_result,
    schema.MsgsAck.ID: on_msgs_ack,
    schema.BadServerSalt.ID: on_bad_server_salt,
    schema.BadMsgNotification.ID: on_bad_msg_notification,
    schema.NewSessionCreated.ID: on_new_session_created,
    schema.Pong.ID: on_pong,
    schema.FutureSalts.ID: on_future_salts,
    schema.MsgsStateInfo.ID: on_msgs_state_info,
    schema.MsgsAllInfo.ID: on_msgs_all_info,
    schema.MsgDetailedInfo.ID: on_msg_detailed_info,
    schema.MsgNewDetailedInfo.ID: on_msg_new_detailed_info,
    schema.DestroySessionOk.ID: on_destroy_session_res,
    schema.DestroySessionNone.ID: on_destroy_session_res,
    schema.DestroyAuthKeyOk.ID: on_destroy_auth_key_res,
    schema.DestroyAuthKeyNone.ID: on_destroy_auth_key_res,
    schema.DestroyAuthKeyFail.ID: on_destroy_auth_key_res,
    schema.Ping.ID: on_ping,
    schema.MsgsStateReq.ID: on_msgs_state_req,
    schema.MsgResendReq.ID: on_msg_resend_req,
}
