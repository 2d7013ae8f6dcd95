"""Session: what both roles share: the queue, the flush into one payload, acknowledgements, the replay window.

Spec: messages.md, sections 2 to 6. The role's own half lives in ``client.py`` and ``server.py``; the reaction to
each service message in ``handlers.py``.

A msg_id is born at flush: the order on the wire is the order of msg_ids, and what was not sent has none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sized
from struct import Struct, pack
from typing import Any, ClassVar

from mtproto.environment import Environment
from mtproto.errors import DecodeError, TransportFault, UsageError
from mtproto.message.container import MAX_MESSAGES, MSG_COPY, Message, is_container, join
from mtproto.message.envelope import Inner
from mtproto.message.gzip import GZIP_PACKED, LIMIT, constructor_of, unpack
from mtproto.message.msg_id import ReplayWindow, signed
from mtproto.message.seqno import Seqnos
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Event, LinkEvent, Undecoded
from mtproto.session.keys import KeyState

Body = bytes | Callable[[int, "Session"], bytes]
"""A serialised object, or a function that makes it from the msg_id it will travel under and its session."""

Handler = Callable[[Any, int, bytes, object, list[Event]], None]
"""(session, msg_id, body, via, events) for one constructor."""

MAX_IDS = 8192
MAX_BODY = LIMIT - 4096
"""The longest body, in bytes, that is sent: what goes around it still fits the frame limit (TR-09)."""
HIDDEN_CONTAINER = "a container inside gzip_packed"
"""The detail of the DecodeError for TL-62, which a server answers with code 64."""
ACK_COUNT = 16
CONTAINER_BYTES = 32 * 1024
_ACK_HEAD = Struct("<IIi")
_ONE_ACK = Struct("<IIiq")
_VECTOR, _MSGS_ACK = 0x1CB5C415, schema.MsgsAck.ID
_SIZED = bytes, Sized  # in this order: the abstract class takes four times as long to check


class Outgoing:
    """One message waiting to be sent.

    ``content``: content-related (MSG-36). ``answer``: answers a message of the client (MSG-31). ``via``: the
    connection it must leave by, None for any. ``stamp``: the (msg_id, seqno) it already had, for a repetition
    under its own id, which travels inside a container (MSG-94, SEC-80).
    """

    __slots__ = ("body", "content", "answer", "via", "stamp", "alone")

    def __init__(
        self,
        body: Body,
        *,
        content: bool,
        answer: bool = False,
        via: object = None,
        stamp: tuple[int, int] | None = None,
    ) -> None:
        self.body = body
        self.content = content
        self.answer = answer
        self.via = via
        self.stamp = stamp
        self.alone = False


def pack_acks(msg_ids: list[int]) -> bytes:
    """msgs_ack for at most 8192 ids (MSG-72)."""
    if len(msg_ids) == 1:  # what one answer after the other needs: 0.4 µs less
        return _ONE_ACK.pack(_MSGS_ACK, _VECTOR, 1, msg_ids[0])
    return _ACK_HEAD.pack(_MSGS_ACK, _VECTOR, len(msg_ids)) + pack(f"<{len(msg_ids)}q", *msg_ids)


class Session:
    """One (auth_key_id, session_id). Neither ever changes; a session that cannot go on is replaced."""

    __slots__ = ("keys", "session_id", "env", "time", "window", "_seqnos", "_queue", "_acks", "_ack_due", "_vias",
                 "_budget")  # fmt: skip
    role: ClassVar[Role]
    handlers: ClassVar[Mapping[int, Handler]]

    def __init__(self, keys: KeyState, session_id: int, env: Environment, time: ServerTime) -> None:
        if not session_id:
            raise UsageError("a session_id is not 0 (MSG-60)")
        self.keys = keys
        self.session_id = session_id
        self.env = env
        self.time = time
        self.window = ReplayWindow()
        self._seqnos = Seqnos()
        self._queue: deque[Outgoing] = deque()
        self._acks: list[int] = []
        self._ack_due = float("inf")
        self._vias: list[object] = []
        self._budget = LIMIT

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._queue)} queued>"

    # ---- sending

    def attach(self, via: object, *, alternates: bool = False) -> None:
        """``via`` is a connection that may carry this session from now on; ``alternates``: by turns, as over HTTP."""
        if via not in self._vias:
            self._vias.append(via)

    def detach(self, via: object) -> list[Event]:
        """``via`` is gone. Messages bound to it are dropped; the others wait for the next connection."""
        if via in self._vias:
            self._vias.remove(via)
        self._queue = deque(item for item in self._queue if item.via is not via)
        return []

    def carried_by(self, via: object) -> bool:
        """Whether ``via`` may carry this session."""
        return via in self._vias

    @property
    def vias(self) -> tuple[object, ...]:
        """The connections that may carry this session."""
        return tuple(self._vias)

    def enqueue(self, item: Outgoing) -> None:
        """Let ``item`` leave with the next payload."""
        self._queue.append(item)

    def acknowledge(self, msg_id: int) -> None:
        """Put a received msg_id into the next msgs_ack (MSG-73)."""
        self._acks.append(msg_id)

    def wants_write(self, via: object) -> bool:
        """Whether ``flush(via)`` would give a payload now."""
        for item in self._queue:
            if item.via is None or item.via is via:
                return True
        return self._acks_are_due()

    def pending(self, via: object) -> int:
        """How many messages ``flush(via)`` would take."""
        return sum(item.via is None or item.via is via for item in self._queue) + self._acks_are_due()

    def next_deadline(self, via: object = None) -> float | None:
        """The monotonic time, in seconds, at which acknowledgements have to leave on their own (MSG-73)."""
        return self._ack_due if self._acks else None

    def timer_deadline(self, via: object) -> float | None:
        """The monotonic time, in seconds, at which ``handle_timer`` is due, whether or not anything can leave."""
        return None

    def handle_timer(self, via: object) -> list[Event]:
        """Act on time that has passed, for the connection ``via``."""
        return []

    def flush(self, via: object, *, extra: bytes | None = None, empty: bool = False) -> Inner | None:
        """Everything ready to leave by ``via``, up to one payload of about 32 KiB; None where nothing is.

        One message travels plain, several in a container (MSG-38, TL-68). ``extra``: a service message that leaves
        with the others, or alone. ``empty``: an empty container rather than None (TR-104).
        """
        queue = self._queue
        if not queue and not self._acks_are_due() and extra is None and not empty:
            return None
        now = self.time.now()
        messages = [self._take_acks(now)] if self._acks and self._trusts(via) else []
        sent: list[Outgoing] = []
        repeated = self._fill(messages, sent, via, now)
        if extra is not None:
            messages.append(self._make(Outgoing(extra, content=False), now))
        if not messages and not empty:
            return None
        if len(messages) == 1 and not repeated:
            outer = messages[0]
        else:
            msg_id = signed(self.keys.msg_ids.next(now))
            outer = Message(msg_id, self._seqnos.next(False), join(messages))
        self._sent(outer, messages, sent, via)
        return Inner(self._salt(now), self.session_id, outer.msg_id, outer.seqno, outer.body)

    def _fill(self, messages: list[Message], sent: list[Outgoing], via: object, now: float) -> bool:
        """Move what may leave by ``via`` from the queue to ``messages``; whether one of them is a repetition."""
        queue, held, size, repeated = self._queue, [], 0, False
        trusted = self._trusts(via)
        while queue and len(messages) < MAX_MESSAGES - 1:
            item = queue[0]
            if messages and (item.alone or size + _size(item) > CONTAINER_BYTES):
                break
            queue.popleft()
            bound = item.via is via if item.via is not None else trusted
            if not bound or not self._ready(item):
                held.append(item)
                continue
            message = self._make(item, now)
            messages.append(message)
            sent.append(item)
            size += len(message.body)
            repeated = repeated or item.stamp is not None
            if item.alone:
                break
        queue.extendleft(reversed(held))
        return repeated

    def _trusts(self, via: object) -> bool:
        """Whether what is bound to no connection may leave by ``via``."""
        return True

    def _ready(self, item: Outgoing) -> bool:
        """Whether ``item`` may leave now; what it waits for is in the queue behind it."""
        return True

    def _make(self, item: Outgoing, now: float) -> Message:
        if item.stamp is not None:
            msg_id, seqno = item.stamp
        else:
            msg_id = signed(self.keys.msg_ids.next(now, answer=item.answer))
            seqno = self._seqnos.next(item.content)
        body = item.body if isinstance(item.body, bytes) else item.body(msg_id, self)
        return Message(msg_id, seqno, self._wrap(item, body, msg_id))

    def _take_acks(self, now: float) -> Message:
        batch, self._acks = self._acks[:MAX_IDS], self._acks[MAX_IDS:]
        if not self._acks:
            self._ack_due = float("inf")
        return Message(signed(self.keys.msg_ids.next(now)), self._seqnos.next(False), pack_acks(batch))

    def _acks_are_due(self) -> bool:
        return bool(self._acks) and self.env.monotonic() >= self._ack_due

    def _wrap(self, item: Outgoing, body: bytes, msg_id: int) -> bytes:
        """The role's last word on a body that is about to leave under ``msg_id``."""
        return body

    def _sent(self, outer: Message, messages: list[Message], items: list[Outgoing], via: object) -> None:
        """The role's notes on what leaves. ``messages`` may begin with a msgs_ack that ``items`` does not list."""

    def _salt(self, now: float) -> int:
        return self.keys.salts.current(now)

    # ---- receiving

    def receive(self, inner: Inner, via: object) -> list[Event]:
        """Process a payload that passed ``check``. Raises PeerError where all of it has to be refused.

        A message that ends the connection is the last one; what came before it counts.
        """
        events: list[Event] = []
        self._budget = LIMIT
        try:
            if is_container(inner.body):
                for message in self._split(inner, via):
                    if self._accept_inner(message, via, events):
                        self._receive_message(message, via, events)
            else:
                self._receive_message(Message(inner.msg_id, inner.seqno, inner.body), via, events)
        except TransportFault as fault:
            events.append(LinkEvent(fault=fault))
        return events

    def _receive_message(self, message: Message, via: object, events: list[Event]) -> None:
        """One message; whatever is wrong with it costs only itself (TL-84, MSG-67)."""
        try:
            body = self.unwrap(message.body)
            if not self._accept_message(message, body, via):
                return
            handler = self.handlers.get(constructor_of(body))
            if handler is None:
                self._receive_other(message, body, via, events)
            else:
                handler(self, message.msg_id, body, via, events)
        except DecodeError as error:  # its frames would keep alive what was unpacked
            events.append(Undecoded(message.msg_id, message.body, error.with_traceback(None)))

    def unwrap(self, body: bytes) -> bytes:
        """The object inside gzip_packed or msg_copy, else ``body``. All of one payload may unpack to 16 MiB (TL-83)."""
        constructor = constructor_of(body)
        if constructor == GZIP_PACKED:
            body = unpack(body, self._budget)
            self._budget -= len(body)
            if is_container(body):  # TL-62
                raise DecodeError("gzip", detail=HIDDEN_CONTAINER)
        elif constructor == MSG_COPY:  # TL-70, accepted once
            body = _original(body)
        return body

    def check(self, inner: Inner, via: object) -> bool:
        """MSG-10, MSG-40, MSG-131: whether the payload is to be processed. Raises PeerError where it is hostile."""
        raise NotImplementedError

    def _split(self, inner: Inner, via: object) -> list[Message]:
        raise NotImplementedError

    def _accept_inner(self, message: Message, via: object, events: list[Event]) -> bool:
        raise NotImplementedError

    def _accept_message(self, message: Message, body: bytes, via: object) -> bool:
        raise NotImplementedError

    def _receive_other(self, message: Message, body: bytes, via: object, events: list[Event]) -> None:
        raise NotImplementedError

    def state_of(self, msg_id: int) -> int:
        """The state byte of a message of the peer (MSG-91)."""
        if msg_id in self.window:
            return 4
        floor, highest = self.window.floor, self.window.highest
        if floor is not None and msg_id < floor:
            return 1
        return 3 if highest is None or msg_id > highest else 2

    @property
    def horizon(self) -> int | None:
        """Up to here a session made anew under this name could not say what was received and what was not."""
        return self.window.highest

    def tell(self, msg_ids: Iterable[int]) -> bytes:
        """The states of these messages, for the peer to act upon."""
        return bytes(self.state_of(msg_id) for msg_id in msg_ids)

    def repeat(self, msg_ids: Iterable[int], via: object) -> bool:
        """Queue these own messages again under their own ids; False where one is not known any more (MSG-94)."""
        return False

    def service(self, msg_id: int, body: bytes, via: object) -> list[Event] | None:
        """Handle a service query found inside an invoke wrapper; None where ``body`` is none."""
        handler = self.handlers.get(constructor_of(body))
        if handler is None:
            return None
        events: list[Event] = []
        try:
            handler(self, msg_id, body, via, events)
        except TransportFault as fault:
            events.append(LinkEvent(fault=fault))
        return events


def check_body(body: bytes) -> None:
    """Raises UsageError for bytes that cannot be the body of a message (MSG-03, TL-80)."""
    if not 4 <= len(body) <= MAX_BODY or len(body) % 4:
        raise UsageError(f"a body is a multiple of 4 bytes, 4 to {MAX_BODY}: not {len(body)}")


def _size(item: Outgoing) -> int:
    """Bytes of the body, as far as they are known: a function may have a length too."""
    return len(item.body) if isinstance(item.body, _SIZED) else 0


def _original(body: bytes) -> bytes:
    """The body inside a msg_copy: a boxed message, msg_id, seqno, length and then the body (TL-70)."""
    if len(body) < 28 or int.from_bytes(body[4:8], "little") != 0x5BB8E511:
        raise DecodeError("unexpected_constructor", 4, "orig_message")
    length = int.from_bytes(body[20:24], "little", signed=True)
    if length < 4 or length % 4 or 24 + length != len(body):
        raise DecodeError("bad_length", 20, "orig_message.bytes")
    if constructor_of(body[24:]) in (MSG_COPY, schema.MsgContainer.ID):
        raise DecodeError("depth", 24, "orig_message.body", "a container or another msg_copy")
    return body[24:]
