"""The reaction to each service message: one short function per constructor, one table per role (spec: MSG-140).

Every function takes (session, msg_id, body, via, events): ``msg_id`` and ``body`` of the message received,
``via`` the connection it came by, ``events`` the list that reports what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from mtproto.errors import BadMessage, DecodeError, OutcomeUnknown, PeerError, RpcError, TransportFault
from mtproto.message.container import is_container
from mtproto.message.gzip import GZIP_PACKED, constructor_of
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import (
    Acknowledged,
    Answered,
    Event,
    Ignored,
    LinkEvent,
    NewSession,
    SessionOver,
)
from mtproto.session.keys import MAX_SALTS, Salt, Salts, SaltSchedule
from mtproto.session.session import MAX_IDS, Handler, Outgoing, Session
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import decode

if TYPE_CHECKING:
    from mtproto.session.client import ClientRequest, ClientSession
    from mtproto.session.server import ServerSession

T = TypeVar("T", bound=TLObject)
IdList = TypeVar("IdList", schema.MsgsAck, schema.MsgsStateReq, schema.MsgResendReq)
MAX_LENGTH = 16 + 9 * MAX_IDS
"""Bytes of the longest service message, msgs_all_info: gzip_packed would make millions of ids of a small one."""
MAX_RPC_ERROR = (1 << 20) + 1024
"""Bytes of the longest rpc_error (SEC-56)."""
TOO_MANY = -429
_NOT_INITED = frozenset({"CONNECTION_NOT_INITED", "CONNECTION_LAYER_INVALID"})


def read(body: bytes, expected: type[T], limit: int = MAX_LENGTH) -> T:
    """The body as an object of the constructor that the table says it is."""
    if len(body) > limit:
        raise DecodeError("bad_length", 0, "", f"{len(body)} bytes, at most {limit}")
    value = decode(body, schema.read_object)
    if not isinstance(value, expected):
        raise DecodeError("unexpected_constructor", 0, "", value.NAME)
    return value


def _long(body: bytes, pos: int) -> int:
    if len(body) < pos + 8:
        raise DecodeError("eof", len(body))
    return int.from_bytes(body[pos : pos + 8], "little", signed=True)


def _ignored(msg_id: int, what: str, events: list[Event]) -> None:
    events.append(Ignored(msg_id, PeerError(what)))


# ---- client


# rpc_result#f35c6d01 req_msg_id:long result:Object = RpcResult
def on_rpc_result(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-100. The first answer wins; a result that cannot be unpacked fails its request only (SEC-43)."""
    req_msg_id = _long(body, 4)
    request = session.awaiting(req_msg_id)
    if request is None:
        _ignored(msg_id, "an rpc_result for no pending request", events)
        return
    session.learn_time(req_msg_id)
    try:
        events.append(_result(session, request, body[12:]))
    except DecodeError as error:
        events.append(session.fail(request, error.with_traceback(None)))


def _result(session: ClientSession, request: ClientRequest, result: bytes) -> Event:
    if constructor_of(result) == GZIP_PACKED:
        result = session.unwrap(result)
    if len(result) < 4:
        raise DecodeError("eof", 12)
    if is_container(result):
        raise DecodeError("unexpected_constructor", 12, "", "msg_container")
    if constructor_of(result) == schema.RpcError.ID:
        return _rpc_error(session, request, result)
    session.initialized = session.initialized or request.preambled  # API-03
    session.finish(request)
    return Answered(request.request_id, result)


# rpc_error#2144ca19 error_code:int error_message:string = RpcError
def _rpc_error(session: ClientSession, request: ClientRequest, result: bytes) -> Event:
    answer = read(result, schema.RpcError, MAX_RPC_ERROR)
    wrap = session.preamble and request.api and not request.preambled
    if wrap and answer.error_message in _NOT_INITED:  # API-04; what was wrapped and is refused all the same stays so
        session.initialized = False
        failed = session.send_again([request], 0)
        return failed[0] if failed else Acknowledged(request.request_id)
    return session.fail(request, RpcError(answer.error_code, answer.error_message))


# msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck
def on_msgs_ack(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-76: stops resending, completes nothing; unknown ids are ignored."""
    for acked in _ids(session, body, schema.MsgsAck):
        request = session.awaiting(acked)
        if request is not None and session.acked(request):
            events.append(Acknowledged(request.request_id))


# bad_server_salt#edab447b bad_msg_id:long bad_msg_seqno:int error_code:int new_server_salt:long = BadMsgNotification
def on_bad_server_salt(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-81 code 48: adopt the salt, send again."""
    notice = read(body, schema.BadServerSalt)
    concerned = session.concerned(notice.bad_msg_id)
    if concerned is None:  # SEC-40
        _ignored(msg_id, "bad_server_salt for a message never sent", events)
        return
    session.learn_time(notice.bad_msg_id)
    _client_salts(session).adopt(notice.new_server_salt)
    events += session.send_again(concerned, 48)


# bad_msg_notification#a7eff811 bad_msg_id:long bad_msg_seqno:int error_code:int = BadMsgNotification
def on_bad_msg_notification(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-81: each code has its own reaction."""
    notice = read(body, schema.BadMsgNotification)
    concerned = session.concerned(notice.bad_msg_id)
    if concerned is None:  # SEC-40
        _ignored(msg_id, "bad_msg_notification for a message never sent", events)
        return
    code = notice.error_code
    if code in (16, 17):  # SEC-42: only for known ids
        session.learn_time()
    if code == 16:
        events += session.send_again(concerned, code)
    elif code == 64:
        for request in concerned:
            request.alone = True
        events += session.send_again(concerned, code)
    elif code == 20:
        events += _repeat_or_fail(session, concerned)
    else:
        events += _renew(session, concerned, code, notice.bad_msg_id)


def _renew(session: ClientSession, concerned: list[ClientRequest], code: int, bad_msg_id: int) -> list[Event]:
    """The codes that end the session: 17, 18, 19, 32, 33 go on in the next one, all others fail the request."""
    events: list[Event] = []
    if code in (17, 18, 32, 33):
        events += session.send_again(concerned, code)
    elif code == 19:
        events += _repeat_or_fail(session, concerned)
    else:
        events += [session.fail(request, BadMessage(code, bad_msg_id)) for request in concerned]
    return [*events, SessionOver(session, code)]


def _repeat_or_fail(session: ClientSession, concerned: list[ClientRequest]) -> list[Event]:
    """Code 20: the server may have executed them."""
    events = session.send_again([request for request in concerned if request.repeatable], 20)
    for request in concerned:
        if not request.repeatable:
            unknown = OutcomeUnknown(request.request_id, "the server no longer knows the message")
            events.append(session.fail(request, unknown))
    return events


# new_session_created#9ec20908 first_msg_id:long unique_id:long server_salt:long = NewSession
def on_new_session_created(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-64: adopt the salt; own messages before first_msg_id were not received."""
    created = read(body, schema.NewSessionCreated)
    if created.unique_id == session.unique_id:  # SEC-48
        _ignored(msg_id, "new_session_created with a known unique_id", events)
        return
    session.unique_id = created.unique_id
    _client_salts(session).adopt(created.server_salt)
    events.append(NewSession(created.first_msg_id, created.unique_id))
    events += session.send_again(session.sent_before(created.first_msg_id), 0)


# pong#347773c5 msg_id:long ping_id:long = Pong
def on_pong(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-105: both ids are checked (SEC-45)."""
    pong = read(body, schema.Pong)
    request = session.awaiting(pong.msg_id)
    if request is None or not _pings(request, body[12:20]):
        _ignored(msg_id, "a pong for no pending ping", events)
        return
    session.learn_time(pong.msg_id)
    session.finish(request)
    events.append(Answered(request.request_id, body))


# future_salts#ae500895 req_msg_id:long now:int salts:vector<future_salt> = FutureSalts
def on_future_salts(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-54: only for an own get_future_salts (SEC-44)."""
    answer = read(body, schema.FutureSalts)
    request = session.awaiting(answer.req_msg_id)
    if request is None or not _asks(request, schema.GetFutureSalts.ID):
        _ignored(msg_id, "future_salts for no pending request", events)
        return
    salts = [Salt(salt.valid_since, salt.valid_until, salt.salt) for salt in answer.salts]
    _client_salts(session).stock(salts, session.time.now())
    session.finish(request)
    events.append(Answered(request.request_id, body))


# msgs_state_info#04deb57d req_msg_id:long info:bytes = MsgsStateInfo
def on_msgs_state_info(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-92: one byte per id asked, else it is discarded (SEC-46)."""
    answer = read(body, schema.MsgsStateInfo)
    request = session.awaiting(answer.req_msg_id)
    if request is None or not isinstance(request.body, bytes) or not _asks(request, schema.MsgsStateReq.ID):
        _ignored(msg_id, "msgs_state_info for no pending request", events)
        return
    if len(answer.info) != (len(request.body) - 12) // 8:
        _ignored(msg_id, "msgs_state_info of the wrong length", events)
        return
    session.finish(request)
    events.append(Answered(request.request_id, body))


# destroy_session_ok#e22045fc session_id:long · destroy_session_none#62d350c9 session_id:long = DestroySessionRes
def on_destroy_session_res(session: ClientSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-65: the answer names the session, not the request."""
    request = session.find(schema.DestroySession(session_id=_long(body, 4)).to_bytes())
    if request is None:
        _ignored(msg_id, "destroy_session_* for no pending request", events)
        return
    session.finish(request)
    events.append(Answered(request.request_id, body))


def _pings(request: ClientRequest, ping_id: bytes) -> bool:
    ping = _asks(request, schema.Ping.ID) or _asks(request, schema.PingDelayDisconnect.ID)
    return ping and isinstance(request.body, bytes) and request.body[4:12] == ping_id


def _asks(request: ClientRequest, constructor: int) -> bool:
    return isinstance(request.body, bytes) and constructor_of(request.body) == constructor


def _client_salts(session: ClientSession) -> Salts:
    salts = session.keys.salts
    if not isinstance(salts, Salts):
        raise TypeError("a client session needs the client's Salts")
    return salts


# ---- both roles


# ping#7abe77ec ping_id:long = Pong
def on_ping(session: Session, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-105: answered on the same connection, unwrapped."""
    ping = read(body, schema.Ping)
    pong = schema.Pong(msg_id=msg_id, ping_id=ping.ping_id).to_bytes()
    session.enqueue(Outgoing(pong, content=False, answer=True, via=via))


# msgs_state_req#da69fb52 msg_ids:Vector<long> = MsgsStateInfo
def on_msgs_state_req(session: Session, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-91, MSG-95: one byte per id."""
    _send_state_info(session, msg_id, _ids(session, body, schema.MsgsStateReq), via)


# msg_resend_req#7d861a08 msg_ids:Vector<long> = MsgResendReq
def on_msg_resend_req(session: Session, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-94, MSG-95: the messages again under their own ids, or, where one is unknown, the state of all."""
    msg_ids = _ids(session, body, schema.MsgResendReq)
    if not session.repeat(msg_ids, via):
        _send_state_info(session, msg_id, msg_ids, via)


def _send_state_info(session: Session, req_msg_id: int, msg_ids: list[int], via: object) -> None:
    info = bytes(session.state_of(msg_id) for msg_id in msg_ids)
    answer = schema.MsgsStateInfo(req_msg_id=req_msg_id, info=info).to_bytes()
    session.enqueue(Outgoing(answer, content=False, answer=True, via=via))


def _ids(session: Session, body: bytes, expected: type[IdList]) -> list[int]:
    """MSG-72, SEC-78: at most 8192 ids in one message; a server answers −429 to more."""
    count = (len(body) - 12) // 8
    if count > MAX_IDS:
        if session.role is Role.SERVER:
            raise TransportFault(TOO_MANY)
        raise DecodeError("bad_count", 8, "msg_ids", f"{count} ids, at most {MAX_IDS}")
    return read(body, expected).msg_ids


# ---- server


# msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck
def on_client_msgs_ack(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-72, MSG-76: those messages need not be sent again."""
    session.forget(_ids(session, body, schema.MsgsAck))


# ping_delay_disconnect#f3427b8c ping_id:long disconnect_delay:int = Pong
def on_ping_delay_disconnect(
    session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]
) -> None:
    """MSG-105: a ping that also arms the connection's close timer."""
    ping = read(body, schema.PingDelayDisconnect)
    pong = schema.Pong(msg_id=msg_id, ping_id=ping.ping_id).to_bytes()
    session.enqueue(Outgoing(pong, content=False, answer=True, via=via))
    events.append(LinkEvent(float(max(ping.disconnect_delay, 0))))


# get_future_salts#b921bd04 num:int = FutureSalts
def on_get_future_salts(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-54, MSG-56: 1 to 64 contiguous salts, the current one first."""
    query = read(body, schema.GetFutureSalts)
    schedule = session.keys.salts
    if not isinstance(schedule, SaltSchedule):
        raise TypeError("a server session needs the server's SaltSchedule")
    now = session.time.now()
    salts = [
        schema.FutureSalt(valid_since=int(salt.valid_since), valid_until=int(salt.valid_until), salt=salt.salt)
        for salt in schedule.upcoming(now, min(max(query.num, 1), MAX_SALTS))
    ]
    answer = schema.FutureSalts(req_msg_id=msg_id, now=int(now), salts=salts).to_bytes()
    session.enqueue(Outgoing(answer, content=False, answer=True, via=via))


# destroy_session#e7512126 session_id:long = DestroySessionRes
def on_destroy_session(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-65: another session of the same key; the current one is answered with destroy_session_none."""
    session_id = read(body, schema.DestroySession).session_id
    known = session_id != session.session_id and session.keys.sessions.pop(session_id, None) is not None
    answer = schema.DestroySessionOk if known else schema.DestroySessionNone
    session.enqueue(Outgoing(answer(session_id=session_id).to_bytes(), content=False, answer=True, via=via))


# http_wait#9299359f max_delay:int wait_after:int max_wait:int = HttpWait
def on_http_wait(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """TR-103: how long the response may be held, in milliseconds; the last one counts (TR-104)."""
    wait = read(body, schema.HttpWait)
    max_delay, wait_after, max_wait = (
        max(value, 0) / 1000 for value in (wait.max_delay, wait.wait_after, wait.max_wait)
    )
    events.append(LinkEvent(http_wait=(max_delay, wait_after, max_wait)))


# msgs_state_info, msgs_all_info, pong: a client may send them; nothing depends on them here
def on_nothing_to_do(session: Session, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """A message that is legal and needs no reaction; it is decoded all the same."""
    read(body, TLObject)


CLIENT_HANDLERS: Mapping[int, Handler] = {
    schema.RpcResult.ID: on_rpc_result,
    schema.MsgsAck.ID: on_msgs_ack,
    schema.BadServerSalt.ID: on_bad_server_salt,
    schema.BadMsgNotification.ID: on_bad_msg_notification,
    schema.NewSessionCreated.ID: on_new_session_created,
    schema.Pong.ID: on_pong,
    schema.FutureSalts.ID: on_future_salts,
    schema.MsgsStateInfo.ID: on_msgs_state_info,
    schema.DestroySessionOk.ID: on_destroy_session_res,
    schema.DestroySessionNone.ID: on_destroy_session_res,
    schema.Ping.ID: on_ping,
    schema.MsgsStateReq.ID: on_msgs_state_req,
    schema.MsgResendReq.ID: on_msg_resend_req,
}

SERVER_HANDLERS: Mapping[int, Handler] = {
    schema.MsgsAck.ID: on_client_msgs_ack,
    schema.Ping.ID: on_ping,
    schema.PingDelayDisconnect.ID: on_ping_delay_disconnect,
    schema.GetFutureSalts.ID: on_get_future_salts,
    schema.MsgsStateReq.ID: on_msgs_state_req,
    schema.MsgResendReq.ID: on_msg_resend_req,
    schema.DestroySession.ID: on_destroy_session,
    schema.MsgsStateInfo.ID: on_nothing_to_do,
    schema.MsgsAllInfo.ID: on_nothing_to_do,
    schema.Pong.ID: on_nothing_to_do,
    schema.HttpWait.ID: on_http_wait,
}
