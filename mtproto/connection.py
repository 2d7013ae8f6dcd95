"""Connection: bytes ↔ events for one socket, in either role.

It owns the transport, one client key exchange, the unencrypted msg_ids and the close timer. What outlives a socket
belongs to its ``Endpoint``: the clock, the keys, the sessions, the server's open key exchanges. OPEN → CLOSED is
its only state; ``Closed`` is its last event, and nothing it is fed is raised (TR-10, MSG-08, MSG-12).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from mtproto.crypto.kdf import quick_ack_token
from mtproto.endpoint import Endpoint
from mtproto.environment import Environment
from mtproto.errors import ConnectionLost, FramingError, MTProtoError, PeerError, SecurityError, TransportFault
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.states import Created
from mtproto.message.envelope import Inner, open, seal
from mtproto.message.msg_id import MsgIds, signed
from mtproto.message.plain import open_plain, pack_plain
from mtproto.roles import Role
from mtproto.session.client import ClientSession
from mtproto.session.events import Acknowledged, Closed, Event, Ignored, KeyCreated, LinkEvent, SessionOver, Traced
from mtproto.session.keys import KeyState
from mtproto.session.session import Session
from mtproto.session.tracing import traced
from mtproto.transport.base import Packet, QuickAck, Transport
from mtproto.turns import ClientTurns, ServerTurns, Turns

FIRST_PACKET_TIMEOUT = 15.0
NOT_FOUND = -404
MAX_TOKENS = 1000
MAX_RENEWALS = 4
RENEWAL_SPAN = 60.0
"""Sessions that may end within so many seconds. A server that refuses one after the other loses the connection: each
new session says something of its own accord, so that it would never end (MSG-83)."""
_REPLAYED = frozenset({"msg_id_duplicate", "msg_id_too_old"})
_PLAIN = bytes(8)


class Connection:
    """One connection. Feed it what the socket gives, write what ``data_to_send`` returns, read its events.

    ``trace``: report every message in and out as ``Traced``. ``quick_ack``: a client asks for quick acknowledgements
    of its requests where the transport has them, and reports each as ``Acknowledged`` (TR-50 to TR-53). ``closed`` and
    ``error`` say what the ``Closed`` event will say, before it is read; ``heard``, whether anything authentic came at
    all.
    """

    __slots__ = ("role", "transport", "endpoint", "env", "_trace", "_events", "_out", "_payloads", "_sessions",
                 "_exchange", "_plain_ids", "_close_at", "_quick_ack", "_tokens", "_turns", "_renewals",
                 "closed", "error", "heard")  # fmt: skip

    def __init__(
        self,
        role: Role,
        transport: Transport,
        endpoint: Endpoint,
        env: Environment,
        *,
        trace: bool = False,
        quick_ack: bool = False,
    ) -> None:
        self.role = role
        self.transport = transport
        self.endpoint = endpoint
        self.env = env
        self._trace = trace
        self._events: deque[Event] = deque()
        self._out: list[bytes] = []
        self._payloads: deque[bytes] = deque()  # unencrypted, until the transport is ready
        self._quick_ack = quick_ack
        self._tokens: dict[int, tuple[ClientSession, int]] = {}
        self._turns: Turns | None = None
        self._renewals: deque[float] = deque()
        self._sessions: dict[int, Session] = {}
        self._exchange: Exchange | None = None
        self._plain_ids = MsgIds(role)
        self.closed = False
        self.heard = False
        self.error: MTProtoError | None = None
        if role is Role.CLIENT:
            self._close_at = None
            endpoint.time.confirmed = False  # MSG-42: each connection has to hear the server's clock
            if not transport.ready:  # it has to speak first, and ``wants_write`` says so
                self._write(transport.data_to_send())
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
        session.attach(self, alternates=self.transport.alternates)

    def carry(self, sessions: Iterable[Session]) -> None:
        """Let exactly these sessions use this connection."""
        wanted = list(sessions)
        for session in [session for session in self._sessions.values() if session not in wanted]:
            self.release(session)
        for session in wanted:
            self.attach(session)

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
        self._write(self.transport.data_to_send())
        self._write(self.transport.pack_close())
        self._events.append(Closed(error))

    # ---- bytes in

    def receive_data(self, data: bytes) -> None:
        """Process bytes from the socket. Never raises: what is wrong with them is in the events."""
        if self.closed:
            return
        items = self.transport.feed(data)
        if not self._out:  # else it can wait: a WebSocket's next pong replaces this one
            self._write(self.transport.data_to_send())
        try:
            for item in items:
                self._receive_item(item)
        except PeerError as error:
            self._fail(error)
        if self.transport.ended:
            self.close()

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
        elif isinstance(item, QuickAck):
            self._receive_quick_ack(item.token)
        else:
            raise item

    def _receive_quick_ack(self, token: int) -> None:
        """TR-53: it completes nothing; an unknown token is ignored."""
        session, msg_id = self._tokens.pop(token, (None, 0))
        if session is not None:
            for request in session.concerned(msg_id) or ():
                if session.acked(request) and request.request_id:  # 0: the session's own
                    self._events.append(Acknowledged(request.request_id))

    def _receive_plain(self, payload: bytes) -> None:
        msg_id, body = open_plain(payload, self.role.opposite)
        if self._trace:
            self._events.append(Traced("in", msg_id, None, body, None, self.env.monotonic()))
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
            self._events.extend(traced("in", inner, session.role.opposite, self.env.monotonic()))
        turns = self._turns_of()
        if turns is not None:
            turns.received(session)
        try:
            fresh = session.check(inner, self)
            if fresh and not session.carried_by(self):
                session.attach(self, alternates=self.transport.alternates)
        except SecurityError as error:
            if error.check not in _REPLAYED or not isinstance(session, ClientSession):
                raise
            self.report(session.ignore(inner, error))
            return
        self.heard = True
        if fresh:
            if packet.wants_ack:  # TR-54, SEC-79
                self._write(self.transport.pack_quick_ack(quick_ack_token(large)))
            self.report(session.receive(inner, self))

    def _session_of(self, keys: KeyState, inner: Inner) -> Session | None:
        if not inner.session_id:  # MSG-10
            raise SecurityError("session_id")
        session = self.endpoint.session(keys, inner.session_id)
        if session is None:  # SEC-25: leftovers of an earlier session are ignored
            self._events.append(Ignored(inner.msg_id, SecurityError("session_id")))
        else:  # who replays a payload is told so here, and carries the session once something new came (SEC-73)
            self._sessions[inner.session_id] = session
        return session

    def report(self, events: list[Event]) -> None:
        """Take over what a session reported: what concerns the connection itself is done, the rest becomes events."""
        for event in events:
            if isinstance(event, LinkEvent):
                self._note_link(event)
            elif isinstance(event, SessionOver):
                self._replace(event)
            else:
                self._events.append(event)
        if len(self._renewals) > MAX_RENEWALS:
            self._fail(PeerError("the server refuses one session after the other"))

    def _note_link(self, event: LinkEvent) -> None:
        """MSG-105; TR-105: http_wait means nothing but over HTTP, a client's ping_delay_disconnect nothing over it."""
        turns = self._turns_of()
        if event.fault is not None:
            self._fail(event.fault)
        elif turns is not None and event.http_wait is not None:
            turns.hold(event.http_wait)
        elif event.disconnect_delay is not None and (turns is None or self.role is Role.CLIENT):  # TR-109
            self._close_at = self.env.monotonic() + event.disconnect_delay

    def _turns_of(self) -> Turns | None:
        if self._turns is None and self.transport.alternates:
            self._turns = ClientTurns(self.env) if self.role is Role.CLIENT else ServerTurns(self.env)
        return self._turns

    def _replace(self, over: SessionOver) -> None:
        if self._sessions.get(over.session.session_id) is not over.session:
            return  # one payload can end a session several times: each message of a container may be refused
        now = self.env.monotonic()
        self._renewals.append(now)
        while now - self._renewals[0] > RENEWAL_SPAN:
            self._renewals.popleft()
        session, events = self.endpoint.replace(over)
        self._sessions.pop(over.session.session_id, None)
        self.attach(session)
        self._events.append(over)
        self._events.extend(events)

    def _fail(self, error: PeerError) -> None:
        """SEC-70: the server answers every fault with −404, but for the −444 that the sender's dc value decides."""
        if self.role is Role.SERVER:
            code = error.code if isinstance(error, TransportFault) else NOT_FOUND
            self._write(self.transport.pack_fault(code))  # TR-21: nothing while the codec is unknown
        self.close(error)

    # ---- bytes out

    @property
    def wants_write(self) -> bool:
        """Whether ``data_to_send`` would return something now."""
        if self._out:
            return True
        if self.closed or not self.transport.ready:
            return False
        turns = self._turns_of()
        if self._payloads:
            return True
        sessions = self._sessions.values()
        if turns is not None:
            return any(turns.wants(session, self) for session in sessions)
        return any(session.wants_write(self) for session in sessions)

    def data_to_send(self, limit: int = 65536) -> bytes:
        """Bytes for the socket: whole payloads, until there are ``limit`` bytes of them or nothing is left.

        Fewer than ``limit`` bytes: nothing is left.
        """
        out, self._out = self._out, []
        if not self.closed:
            out.append(self.transport.data_to_send())
            while self._payloads and self.transport.ready:
                out.append(self.transport.pack(self._payloads.popleft()))
            size = sum(map(len, out))
            for session in list(self._sessions.values()):
                size = self._flush(session, out, size, limit)
            if self.transport.ended:  # with this response
                self.close()
        return b"".join(out)

    def _flush(self, session: Session, out: list[bytes], size: int, limit: int) -> int:
        turns = self._turns_of()
        while size < limit and self.transport.ready:
            inner = session.flush(self) if turns is None else turns.payload(session, self)
            if inner is None:
                break
            if self._trace:
                self._events.extend(traced("out", inner, session.role, self.env.monotonic()))
            payload, large = seal(session.keys.auth_key, inner, self.role, self.env)
            asks = self._quick_ack and self._asks_quick_ack(session, inner.msg_id, large)
            out.append(self.transport.pack(payload, quick_ack=asks))
            size += len(out[-1])
            if turns is not None:  # the others come first next time
                self._sessions[session.session_id] = self._sessions.pop(session.session_id)
        return size

    def _asks_quick_ack(self, session: Session, msg_id: int, large: bytes) -> bool:
        """TR-51: for payloads with requests; the latest 1000 tokens are known."""
        if not self.transport.quick_acks or not isinstance(session, ClientSession):
            return False
        if not any(request.request_id for request in session.concerned(msg_id) or ()):
            return False
        self._tokens[quick_ack_token(large)] = session, msg_id
        if len(self._tokens) > MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        return True

    def _write(self, data: bytes) -> None:
        if data:
            self._out.append(data)

    def _send_plain(self, body: bytes) -> None:
        msg_id = signed(self._plain_ids.next(self.endpoint.time.now(), answer=True))
        if self._trace:
            self._events.append(Traced("out", msg_id, None, body, None, self.env.monotonic()))
        payload = pack_plain(msg_id, body)
        if self.transport.ready:
            self._out.append(self.transport.pack(payload))
        else:
            self._payloads.append(payload)

    # ---- events and time

    def next_event(self) -> Event | None:
        """The next event, None where nothing happened since the last one."""
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """The monotonic time, in seconds, at which ``handle_timer`` and ``data_to_send`` have something to do."""
        if self.closed:
            return None
        first = self._close_at
        for session in self._sessions.values():
            deadline = self._deadline(session)
            if deadline is not None and (first is None or deadline < first):
                first = deadline
        return first

    def _deadline(self, session: Session) -> float | None:
        """When the session has something to do; while nothing may be written, what it has to do all the same."""
        if not self.transport.ready:
            return session.timer_deadline(self)
        turns = self._turns_of()
        return session.next_deadline(self) if turns is None else turns.deadline(session, self)

    def handle_timer(self) -> None:
        """Act on time that has passed: the upkeep of sessions, TR-22, the delay of ping_delay_disconnect (MSG-105)."""
        if self.closed:
            return
        for session in list(self._sessions.values()):
            self.report(session.handle_timer(self))
        if self._close_at is not None and self.env.monotonic() >= self._close_at:
            self.close(ConnectionLost("the peer was silent for too long"))
