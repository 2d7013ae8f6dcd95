"""Connection: bytes ↔ events for one socket, in either role.

It owns the transport, one client key exchange, the unencrypted msg_ids and the close timer. What outlives a socket
belongs to its ``Endpoint``: the clock, the keys, the sessions, the server's open key exchanges. OPEN → CLOSED is
its only state; ``Closed`` is its last event, and nothing it is fed is raised (TR-10, MSG-08, MSG-12).
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from mtproto.crypto.kdf import quick_ack_token
from mtproto.environment import Environment
from mtproto.errors import ConnectionLost, FramingError, MTProtoError, PeerError, SecurityError, TransportFault
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.states import Created
from mtproto.message.container import is_container, split
from mtproto.message.envelope import Inner, open, seal
from mtproto.message.msg_id import MsgIds, signed
from mtproto.message.plain import open_plain, pack_plain
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.session.client import ClientSession
from mtproto.session.events import Closed, Event, Ignored, KeyCreated, LinkEvent, SessionOver, Traced
from mtproto.session.keys import KeyState
from mtproto.session.session import Session
from mtproto.transport.base import Packet, QuickAck, Transport

FIRST_PACKET_TIMEOUT = 15.0
NOT_FOUND = -404
_REPLAYED = frozenset({"msg_id_duplicate", "msg_id_too_old"})
_PLAIN = bytes(8)


class Endpoint(Protocol):
    """What outlives a connection: one datacenter as its client knows it, or the datacenter itself."""

    time: ServerTime

    def key_state(self, auth_key_id: int) -> KeyState | None:
        """The state of a usable auth key, None where there is none (TR-59)."""

    def session(self, keys: KeyState, session_id: int) -> Session | None:
        """The session of that key; a server makes it on demand, a client has only its own (MSG-10)."""

    def plain(self, body: bytes) -> tuple[bytes, Created | None]:
        """Server: the answer to an unencrypted query (AUTH-03)."""

    def replace(self, over: SessionOver) -> tuple[Session, list[Event]]:
        """Client: the session that takes over from one that cannot go on (MSG-60)."""


class Connection:
    """One connection. Feed it what the socket gives, write what ``data_to_send`` returns, read its events.

    ``trace``: report every message in and out as ``Traced``. ``closed`` and ``error`` say what the ``Closed`` event
    will say, before it is read; ``heard``, whether anything authentic came at all.
    """

    __slots__ = ("role", "transport", "endpoint", "env", "_trace", "_events", "_out", "_sessions", "_exchange",
                 "_plain_ids", "_close_at", "closed", "error", "heard")  # fmt: skip

    def __init__(
        self, role: Role, transport: Transport, endpoint: Endpoint, env: Environment, *, trace: bool = False
    ) -> None:
        self.role = role
        self.transport = transport
        self.endpoint = endpoint
        self.env = env
        self._trace = trace
        self._events: deque[Event] = deque()
        self._out: list[bytes] = []
        self._sessions: dict[int, Session] = {}
        self._exchange: Exchange | None = None
        self._plain_ids = MsgIds(role)
        self.closed = False
        self.heard = False
        self.error: MTProtoError | None = None
        if role is Role.CLIENT:
            self._close_at = None
            endpoint.time.confirmed = False  # MSG-42: each connection has to hear the server's clock
        else:
            self._close_at = env.monotonic() + FIRST_PACKET_TIMEOUT  # TR-22

    # ---- what the owner asks for

    def start_key_exchange(self, exchange: Exchange) -> None:
        """Client: begin a key exchange on this connection; ``KeyCreated`` or ``Closed`` tells how it ended."""
        self._exchange = exchange
        self._send_plain(exchange.start())

    def attach(self, session: Session) -> None:
        """Let ``session`` send and receive by this connection."""
        self._sessions[session.session_id] = session
        session.attach(self)

    def release(self, session: Session) -> None:
        """Carry ``session`` no longer: its endpoint dropped it (MSG-63)."""
        if self._sessions.get(session.session_id) is session:
            del self._sessions[session.session_id]
            self._events.extend(session.detach(self))

    def close(self, error: MTProtoError | None = None) -> None:
        """End the connection from this side. Requests stay with their session, which may go on by another one."""
        if self.closed:
            return
        self.closed = True
        self.error = error
        self._close_at = None
        for session in self._sessions.values():
            self._events.extend(session.detach(self))
        self._events.append(Closed(error))

    # ---- bytes in

    def receive_data(self, data: bytes) -> None:
        """Process bytes from the socket. Never raises: what is wrong with them is in the events."""
        if self.closed:
            return
        try:
            for item in self.transport.feed(data):
                self._receive_item(item)
        except PeerError as error:
            self._fail(error)

    def receive_eof(self) -> None:
        """The peer closed its side."""
        self.close()

    def _receive_item(self, item: Packet | QuickAck | TransportFault | FramingError) -> None:
        if isinstance(item, Packet):
            if not self._sessions:  # TR-22: it has spoken; from here on only ping_delay_disconnect counts
                self._close_at = None
            if item.payload[:8] == _PLAIN:
                self._receive_plain(item.payload)
            else:
                self._receive_encrypted(item)
        elif not isinstance(item, QuickAck):  # TR-53: a quick ack completes nothing
            raise item

    def _receive_plain(self, payload: bytes) -> None:
        msg_id, body = open_plain(payload, self.role.opposite)
        if self._trace:
            self._note("in", msg_id, None, body)
        if self.role is Role.SERVER:
            answer, created = self.endpoint.plain(body)
            self._send_plain(answer)
        else:
            if self._exchange is None:  # AUTH-06, SEC-19
                raise SecurityError("step", "an unencrypted message", "none outside a key exchange")
            result = self._exchange.receive(body)
            created = result if isinstance(result, Created) else None
            if isinstance(result, bytes):
                self._send_plain(result)
        if created is not None:
            self._exchange = None
            self._events.append(KeyCreated(created))

    def _receive_encrypted(self, packet: Packet) -> None:
        payload = packet.payload
        if len(payload) < 24:  # TR-59
            raise SecurityError("payload_length", len(payload), "at least 24")
        keys = self.endpoint.key_state(int.from_bytes(payload[:8], "little", signed=True))
        if keys is None:
            raise SecurityError("auth_key_id")
        inner, large = open(keys.auth_key, payload, self.role.opposite)
        session = self._session_of(keys, inner)
        if session is None:
            return
        if self._trace:
            self._trace_messages("in", inner, session.role.opposite)
        try:
            fresh = session.check(inner, self)
        except SecurityError as error:
            if error.check not in _REPLAYED or not isinstance(session, ClientSession):
                raise
            self.report(session.ignore(inner, error))
            return
        self.heard = True
        if fresh:
            if packet.wants_ack:  # TR-54, SEC-79
                self._out.append(self.transport.pack_quick_ack(quick_ack_token(large)))
            self.report(session.receive(inner, self))

    def _session_of(self, keys: KeyState, inner: Inner) -> Session | None:
        if not inner.session_id:  # MSG-10
            raise SecurityError("session_id")
        session = self.endpoint.session(keys, inner.session_id)
        if session is None:  # SEC-25: leftovers of an earlier session are ignored
            self._events.append(Ignored(inner.msg_id, SecurityError("session_id")))
        elif self._sessions.get(inner.session_id) is not session:
            self.attach(session)
        return session

    def report(self, events: list[Event]) -> None:
        """Take over what a session reported: what concerns the connection itself is done, the rest becomes events."""
        for event in events:
            if isinstance(event, LinkEvent):
                self._close_at = self.env.monotonic() + event.disconnect_delay
            elif isinstance(event, SessionOver):
                self._replace(event)
            else:
                self._events.append(event)

    def _replace(self, over: SessionOver) -> None:
        if self._sessions.get(over.session.session_id) is not over.session:
            return  # one payload can end a session several times: each message of a container may be refused
        session, events = self.endpoint.replace(over)
        self._sessions.pop(over.session.session_id, None)
        self.attach(session)
        self._events.append(over)
        self._events.extend(events)

    def _fail(self, error: PeerError) -> None:
        """SEC-70: the server answers every fault with −404, but for the −444 that the sender's dc value decides."""
        if self.role is Role.SERVER:
            code = error.code if isinstance(error, TransportFault) else NOT_FOUND
            fault = self.transport.pack_fault(code)
            if fault:  # TR-21: no form to answer in while the codec is unknown
                self._out.append(fault)
        self.close(error)

    # ---- bytes out

    @property
    def wants_write(self) -> bool:
        """Whether ``data_to_send`` would return something now."""
        if self._out:
            return True
        return not self.closed and any(session.wants_write(self) for session in self._sessions.values())

    def data_to_send(self, limit: int = 65536) -> bytes:
        """Bytes for the socket: whole payloads, until there are ``limit`` bytes of them or nothing is left.

        Fewer than ``limit`` bytes: nothing is left.
        """
        out, self._out = self._out, []
        if not self.closed:
            own = self.transport.data_to_send()
            if own:
                out.insert(0, own)
            size = sum(map(len, out))
            for session in self._sessions.values():
                size = self._flush(session, out, size, limit)
        return b"".join(out)

    def _flush(self, session: Session, out: list[bytes], size: int, limit: int) -> int:
        while size < limit:
            inner = session.flush(self)
            if inner is None:
                break
            if self._trace:
                self._trace_messages("out", inner, session.role)
            payload, _ = seal(session.keys.auth_key, inner, self.role, self.env)
            out.append(self.transport.pack(payload))
            size += len(out[-1])
        return size

    def _send_plain(self, body: bytes) -> None:
        msg_id = signed(self._plain_ids.next(self.endpoint.time.now(), answer=True))
        if self._trace:
            self._note("out", msg_id, None, body)
        self._out.append(self.transport.pack(pack_plain(msg_id, body)))

    def _trace_messages(self, direction: str, inner: Inner, sender: Role) -> None:
        self._note(direction, inner.msg_id, inner.seqno, inner.body)
        if is_container(inner.body):
            try:
                messages = split(inner.body, inner.msg_id, sender)
            except SecurityError:
                return  # the session refuses it with a reason
            for message in messages:
                self._note(direction, message.msg_id, message.seqno, message.body, inner.msg_id)

    def _note(self, direction: str, msg_id: int, seqno: int | None, body: bytes, container: int | None = None) -> None:
        self._events.append(Traced(direction, msg_id, seqno, body, container, self.env.monotonic()))

    # ---- events and time

    def next_event(self) -> Event | None:
        """The next event, None where nothing happened since the last one."""
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """The monotonic time, in seconds, at which ``handle_timer`` and ``data_to_send`` have something to do."""
        if self.closed:
            return None
        deadlines = [session.next_deadline(self) for session in self._sessions.values()]
        return min((d for d in (*deadlines, self._close_at) if d is not None), default=None)

    def handle_timer(self) -> None:
        """Act on time that has passed: the upkeep of sessions, TR-22, the delay of ping_delay_disconnect (MSG-105)."""
        if self.closed:
            return
        for session in list(self._sessions.values()):
            self.report(session.handle_timer(self))
        if self._close_at is not None and self.env.monotonic() >= self._close_at:
            self.close(ConnectionLost("the peer was silent for too long"))
