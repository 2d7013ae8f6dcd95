"""What the reactions to service messages share, and those of both roles (spec: MSG-140).

One short function per constructor, one table per role in ``client_handlers.py`` and ``server_handlers.py``. Every
function takes (session, msg_id, body, via, events): ``msg_id`` and ``body`` of the message received, ``via`` the
connection it came by, ``events`` the list that reports what happened.
"""

from __future__ import annotations

from typing import TypeVar

from mtproto.errors import DecodeError, PeerError, TransportFault
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Event, Ignored
from mtproto.session.session import MAX_IDS, Outgoing, Session
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import decode

T = TypeVar("T", bound=TLObject)
IdList = TypeVar("IdList", schema.MsgsAck, schema.MsgsStateReq, schema.MsgResendReq, schema.MsgResendAnsReq)
MAX_LENGTH = 16 + 9 * MAX_IDS
"""Bytes of the longest service message, msgs_all_info: gzip_packed would make millions of ids of a small one."""
TOO_MANY = -429


def read(body: bytes, expected: type[T], limit: int = MAX_LENGTH) -> T:
    """The body as an object of the constructor that the table says it is."""
    if len(body) > limit:
        raise DecodeError("bad_length", 0, "", f"{len(body)} bytes, at most {limit}")
    value = decode(body, schema.read_object)
    if not isinstance(value, expected):
        raise DecodeError("unexpected_constructor", 0, "", value.NAME)
    return value


def read_long(body: bytes, pos: int) -> int:
    """The long at ``pos``. Raises DecodeError."""
    if len(body) < pos + 8:
        raise DecodeError("eof", len(body))
    return int.from_bytes(body[pos : pos + 8], "little", signed=True)


def read_ids(session: Session, body: bytes, expected: type[IdList]) -> list[int]:
    """MSG-72, SEC-78: at most 8192 ids in one message; a server answers −429 to more."""
    count = (len(body) - 12) // 8
    if count > MAX_IDS:
        if session.role is Role.SERVER:
            raise TransportFault(TOO_MANY)
        raise DecodeError("bad_count", 8, "msg_ids", f"{count} ids, at most {MAX_IDS}")
    return read(body, expected).msg_ids


def ignored(msg_id: int, what: str, events: list[Event]) -> None:
    """Report a message that has no effect."""
    events.append(Ignored(msg_id, PeerError(what)))


def reply(session: Session, answer: TLObject, via: object) -> None:
    """Answer a service query: unwrapped, not content-related, by the connection it came by (MSG-104)."""
    session.enqueue(Outgoing(answer.to_bytes(), content=False, answer=True, via=via))


def reply_states(session: Session, req_msg_id: int, msg_ids: list[int], via: object) -> None:
    """msgs_state_info: one byte per id (MSG-91)."""
    reply(session, schema.MsgsStateInfo(req_msg_id=req_msg_id, info=session.tell(msg_ids)), via)


# ping#7abe77ec ping_id:long = Pong
def on_ping(session: Session, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-105: answered on the same connection, unwrapped."""
    reply(session, schema.Pong(msg_id=msg_id, ping_id=read(body, schema.Ping).ping_id), via)


# msgs_state_req#da69fb52 msg_ids:Vector<long> = MsgsStateInfo
def on_msgs_state_req(session: Session, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-91, MSG-95: one byte per id."""
    reply_states(session, msg_id, read_ids(session, body, schema.MsgsStateReq), via)


# msg_resend_req#7d861a08 msg_ids:Vector<long> = MsgResendReq
def on_msg_resend_req(session: Session, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """MSG-94, MSG-95: the messages again under their own ids, or, where one is unknown, the state of all."""
    msg_ids = read_ids(session, body, schema.MsgResendReq)
    if not session.repeat(msg_ids, via):
        reply_states(session, msg_id, msg_ids, via)
