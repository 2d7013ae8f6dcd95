"""Sessions and connections in memory, for the types that speak of more than one function of the core.

Nothing here decides anything: it puts the core's own Connection and sessions together and reads what they report.
"""

from __future__ import annotations

from mtproto.connection import Connection
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import DecodeError, SecurityError
from mtproto.handshake.states import Created
from mtproto.message.container import is_container, split
from mtproto.message.msg_id import MsgIds
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.client import ClientSession
from mtproto.session.events import Closed, Event, Ignored, RequestFailed, SessionOver, Undecoded
from mtproto.session.keys import KeyState, Salts, SaltSchedule
from mtproto.session.server import ServerSession
from mtproto.session.session import Session
from mtproto.testing import ScriptedEnvironment
from mtproto.tl.registry import decode
from mtproto.transport import Intermediate, Item, Packet
from mtproto.vectors.outcome import Refused

KEY = AuthKey(bytes(range(256)))
SESSION_ID = 1


def long(hexadecimal: str) -> int:
    """A TL long from its 8 bytes on the wire."""
    return int.from_bytes(bytes.fromhex(hexadecimal), "little", signed=True)


def client_session(
    env: ScriptedEnvironment, *, key: AuthKey = KEY, session_id: int = SESSION_ID, confirmed: bool = False
) -> ClientSession:
    """A client's session; ``confirmed`` says whether it trusts its clock (MSG-42)."""
    keys = KeyState(key, Salts(0), Role.CLIENT)
    return ClientSession(keys, session_id, env, ServerTime(env, confirmed=confirmed))


def server_session(
    env: ScriptedEnvironment, *, key: AuthKey = KEY, session_id: int = SESSION_ID, salt: int = 0
) -> ServerSession:
    """A server's session whose current salt is ``salt``."""
    keys = KeyState(key, SaltSchedule(salt, env.unix_time(), env), Role.SERVER)
    session = ServerSession(keys, session_id, env, ServerTime(env))
    session.attach(None)
    return session


def send_under(session: ClientSession, msg_id: int, body: bytes) -> int:
    """Send one request that gets this msg_id; its request_id. The session's clock has to be at 0."""
    session.keys.msg_ids = MsgIds(Role.CLIENT, last=msg_id - 4)
    request_id = session.request(body, repeatable=True)
    session.flush(None)
    return request_id


def bodies(session: Session, via: object = None) -> list[bytes]:
    """The messages that the session would send now by ``via``, out of their container."""
    inner = session.flush(via)
    if inner is None:
        return []
    if is_container(inner.body):
        return [message.body for message in split(inner.body, inner.msg_id, session.role)]
    return [inner.body]


def bad_msg(session: ServerSession, via: object = None) -> Refused | None:
    """The code with which the server answers by ``via``, if it refuses what it was given."""
    for body in bodies(session, via):
        answer = decode(body, schema.read_object)
        if isinstance(answer, schema.BadMsgNotification):
            return Refused(f"bad_msg.{answer.error_code}")
    return None


def raise_refusal(events: list[Event]) -> None:
    """Raise the reason where an event says that a message was refused or could not be read."""
    for event in events:
        if isinstance(event, Closed) and event.error is not None:
            raise event.error
        if isinstance(event, Undecoded):
            raise event.error
        if isinstance(event, Ignored) and isinstance(event.error, SecurityError | DecodeError):
            raise event.error
        if isinstance(event, RequestFailed) and isinstance(event.error, DecodeError):
            raise event.error


class WholePackets(Intermediate):
    """A transport that delivers what it is fed as one payload, of whatever length: the framing is not under test."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[Item]:
        return [Packet(data)]


class OneSession:
    """An endpoint that knows one key and one session of it."""

    def __init__(self, session: Session) -> None:
        self.time = session.time
        self._session = session

    def key_state(self, auth_key_id: int) -> KeyState | None:
        keys = self._session.keys
        return keys if keys.auth_key.auth_key_id == auth_key_id else None

    def session(self, keys: KeyState, session_id: int) -> Session | None:
        return self._session if session_id == self._session.session_id else None

    def plain(self, body: bytes) -> tuple[bytes, Created | None]:
        raise SecurityError("step")

    def replace(self, over: SessionOver) -> tuple[Session, list[Event]]:
        return self._session, []


def receive(session: Session, payload: bytes, env: ScriptedEnvironment) -> Connection:
    """A connection of this session that has received ``payload``; raises what it says against it."""
    connection = Connection(session.role, WholePackets(session.role, env), OneSession(session), env)
    connection.attach(session)
    connection.receive_data(payload)
    raise_refusal(list(iter(connection.next_event, None)))
    return connection
