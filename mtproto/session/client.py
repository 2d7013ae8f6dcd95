"""The client's half of a session: its connections, and the checks of what it receives.

Spec: messages.md, sections 1, 2, 6 and 12; requests are in ``outbox.py``, service messages in ``client_handlers.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtproto.environment import Environment
from mtproto.errors import DecodeError, PeerError, SecurityError
from mtproto.message.container import Message, split
from mtproto.message.envelope import Inner
from mtproto.message.gzip import GZIP_PACKED, constructor_of
from mtproto.message.msg_id import check_parity, check_time, seconds
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session import states
from mtproto.session.client_handlers import CLIENT_HANDLERS
from mtproto.session.events import Event, Ignored, SessionOver, Undecoded, Update
from mtproto.session.keys import KeyState
from mtproto.session.outbox import Outbox
from mtproto.session.requests import State
from mtproto.session.session import ACK_COUNT
from mtproto.session.upkeep import Upkeep

ACK_DELAY = 30.0
_NOTICES = frozenset({schema.BadMsgNotification.ID, schema.BadServerSalt.ID, schema.NewSessionCreated.ID})
_MTPROTO_IDS = frozenset(item.ID for item in vars(schema).values() if isinstance(getattr(item, "ID", None), int))


class ClientSession(Outbox):
    """The client's end of (auth_key_id, session_id). ``deaf``: updates count for nothing, as the key is not bound."""

    __slots__ = ("unique_id", "outer_msg_id", "deaf")
    role = Role.CLIENT
    handlers = CLIENT_HANDLERS

    def __init__(
        self,
        keys: KeyState,
        session_id: int,
        env: Environment,
        time: ServerTime,
        *,
        preamble: bytes = b"",
        request_ids: Iterator[int] | None = None,
        upkeep: Upkeep | None = None,
    ) -> None:
        super().__init__(keys, session_id, env, time, preamble=preamble, request_ids=request_ids, upkeep=upkeep)
        self.unique_id: int | None = None
        self.outer_msg_id = 0
        self.deaf = False

    # ---- connections

    def attach(self, via: object, *, alternates: bool = False) -> None:
        """A new connection: the server is asked what became of requests that others took along (MSG-77, MSG-92)."""
        if via in self._vias:
            return
        super().attach(via, alternates=alternates)
        if self.upkeep is not None:
            self.upkeep.attached(self, via, alternates=alternates)
        self._ask_adrift()

    def detach(self, via: object) -> list[Event]:
        """The connection is gone. Requests stay as they are; the session's own queries on it are over."""
        super().detach(via)
        if self.upkeep is not None:
            self.upkeep.detached(via)
        for query in [query for query in self._queries if via in (query.carrier, query.via)]:
            self.finish(query)
        self.fetched = {msg_id: asked for msg_id, asked in self.fetched.items() if asked[0] in self._queries}
        if self._vias:
            self._ask_adrift()
        return []

    def _ask_adrift(self) -> None:
        sent = (request for request in self._requests.values() if request.state is not State.QUEUED)
        states.ask(self, [request for request in sent if request.carrier not in self._vias])

    def next_deadline(self, via: object = None) -> float | None:
        """When acknowledgements leave on their own (MSG-73), or the upkeep of ``via`` has something to do."""
        due = self._ack_due if self.upkeep is None else min(self._ack_due, self.upkeep.deadline(self, via))
        return None if due == float("inf") else due

    def timer_deadline(self, via: object) -> float | None:
        deadline = float("inf") if self.upkeep is None else self.upkeep.deadline(self, via)
        return None if deadline == float("inf") else deadline

    def handle_timer(self, via: object) -> list[Event]:
        return [] if self.upkeep is None else self.upkeep.act(self, via)

    # ---- receiving

    def acknowledge(self, msg_id: int) -> None:
        """MSG-73: with the next payload, alone once 16 are pending or after 30 s."""
        if not self._acks:
            self._ack_due = self.env.monotonic() + ACK_DELAY
        self._acks.append(msg_id)
        if len(self._acks) >= ACK_COUNT:
            self._ack_due = float("-inf")

    def check(self, inner: Inner, via: object) -> bool:
        """MSG-10, MSG-40..42: False for a payload that is to be ignored.

        Raises SecurityError ``msg_id_parity``, ``msg_id_duplicate``, ``msg_id_too_old``, ``msg_id_time``. The
        connection answers a duplicate by acknowledging it again and a too old one with a new session.
        """
        check_parity(inner.msg_id, Role.SERVER)
        self.window.check(inner.msg_id)
        if self.time.confirmed and not self._is_own_notice(inner.body):  # MSG-41, MSG-42
            check_time(inner.msg_id, self.time.now())
        self.window.add(inner.msg_id)
        self.outer_msg_id = inner.msg_id
        return True

    def _is_own_notice(self, body: bytes) -> bool:
        """MSG-41: a notification about an own recent message counts despite a bad time."""
        if constructor_of(body) not in _NOTICES or len(body) < 12:
            return False
        return self.concerned(int.from_bytes(body[4:12], "little", signed=True)) is not None

    def ignore(self, inner: Inner | Message, error: SecurityError) -> list[Event]:
        """MSG-41: a duplicate is acknowledged again, a too old message ends the session."""
        events: list[Event] = [Ignored(inner.msg_id, error)]
        if error.check == "msg_id_too_old":
            events.append(SessionOver(self, 0))
        elif inner.seqno & 1:
            self.acknowledge(inner.msg_id)
        return events

    def unwrap(self, body: bytes) -> bytes:
        """As of any session; an rpc_result counts twice, since its result is copied out of it."""
        unpacked = super().unwrap(body)
        if unpacked is body:
            return body
        packed = constructor_of(body) == GZIP_PACKED
        if packed and constructor_of(unpacked) == schema.RpcResult.ID and len(unpacked) > self._budget:
            raise DecodeError("gzip_limit", detail="an rpc_result that is packed whole")
        return unpacked

    def _split(self, inner: Inner, via: object) -> list[Message]:
        return split(inner.body, inner.msg_id, Role.SERVER)

    def _accept_inner(self, message: Message, via: object, events: list[Event]) -> bool:
        """SEC-31: a repeat costs only itself."""
        try:
            self.window.check(message.msg_id)
        except SecurityError as error:
            events += self.ignore(message, error)
            return False
        self.window.add(message.msg_id)
        return True

    def _receive_message(self, message: Message, via: object, events: list[Event]) -> None:
        if message.seqno & 1:  # MSG-73: also where it cannot be decoded
            self.acknowledge(message.msg_id)
        if self.fetched:
            states.received(self, message.msg_id)
        before = len(events)
        super()._receive_message(message, via, events)
        if not message.seqno & 1 and len(events) > before and isinstance(events[-1], Undecoded):  # MSG-142
            events[-1] = Ignored(message.msg_id, events[-1].error)

    def _accept_message(self, message: Message, body: bytes, via: object) -> bool:
        return True

    def _receive_other(self, message: Message, body: bytes, via: object, events: list[Event]) -> None:
        """What is no service message is an update; key exchange and client queries are ignored (MSG-143)."""
        if constructor_of(body) in _MTPROTO_IDS:
            events.append(Ignored(message.msg_id, SecurityError("step", f"#{constructor_of(body):08x}", "an update")))
        elif self.deaf:  # SEC-50
            events.append(Ignored(message.msg_id, PeerError("an update under a key that is not bound")))
        else:
            events.append(Update(message.msg_id, body, content=message.seqno & 1 != 0))

    def learn_time(self, request_msg_id: int | None = None) -> None:
        """MSG-33, MSG-34: the clock from a message that answers one of ours, or always where that is not given."""
        server = seconds(self.outer_msg_id)
        if request_msg_id is None or not self.time.confirmed or server < seconds(request_msg_id) - 15:
            self.time.learn(server)
