"""The client's half of a session: the life of a request (spec: messages.md, sections 2, 7 and 9).

A request is QUEUED until a flush gives it a msg_id, SENT until its answer, an error or a reason to send it again
under a new msg_id (back to QUEUED). ``request_id`` is the only handle a caller holds; all msg_ids a request ever
had stay valid for its answer (MSG-96).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import count

from mtproto.environment import Environment
from mtproto.errors import BadMessage, ConnectionLost, DecodeError, MTProtoError, OutcomeUnknown, SecurityError
from mtproto.message.container import Message, split
from mtproto.message.envelope import Inner
from mtproto.message.gzip import GZIP_PACKED, constructor_of, pack
from mtproto.message.msg_id import check_parity, check_time, seconds
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Event, Ignored, RequestFailed, SessionOver, Undecoded, Update
from mtproto.session.handlers import CLIENT_HANDLERS
from mtproto.session.keys import KeyState
from mtproto.session.session import ACK_COUNT, Body, Outgoing, Session, check_body

ACK_DELAY = 30.0
MAX_RESENDS = 3
NOTICE_MEMORY = 600.0
_NOTICES = frozenset({schema.BadMsgNotification.ID, schema.BadServerSalt.ID, schema.NewSessionCreated.ID})
_MTPROTO_IDS = frozenset(item.ID for item in vars(schema).values() if isinstance(getattr(item, "ID", None), int))


class State(Enum):
    """Where a request is in its life."""

    QUEUED = "queued"
    SENT = "sent"
    ACKED = "acked"


class ClientRequest(Outgoing):
    """A request that is not over yet. ``api``: an API call, which takes the preamble and may be packed."""

    __slots__ = ("request_id", "api", "repeatable", "state", "msg_ids", "container", "resends", "preambled", "sent_at")

    def __init__(self, request_id: int, body: Body, *, content: bool, api: bool, repeatable: bool) -> None:
        super().__init__(body, content=content)
        self.request_id = request_id
        self.api = api
        self.repeatable = repeatable
        self.state = State.QUEUED
        self.msg_ids: list[int] = []
        self.container: int | None = None
        self.resends = 0
        self.preambled = False
        self.sent_at = 0.0


class ClientSession(Session):
    """The client's end of (auth_key_id, session_id).

    ``preamble``: the bytes of ``invokeWithLayer(initConnection(`` that go before every API call until one that
    carried them was answered without error in this session (API-02, API-03).
    """

    __slots__ = ("preamble", "initialized", "unique_id", "_request_ids", "_requests", "_by_msg_id", "_containers",
                 "_bare", "outer_msg_id")  # fmt: skip
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
    ) -> None:
        super().__init__(keys, session_id, env, time)
        self.preamble = preamble
        self.initialized = not preamble
        self.unique_id: int | None = None
        self.outer_msg_id = 0
        self._request_ids = request_ids or count(1)
        self._requests: dict[int, ClientRequest] = {}
        self._by_msg_id: dict[int, ClientRequest] = {}
        self._containers: dict[int, list[ClientRequest]] = {}
        self._bare: dict[int, None] = {}

    # ---- requests

    def request(self, body: Body, *, content: bool = True, api: bool = True, repeatable: bool = False) -> int:
        """Queue a request; returns its request_id.

        ``body``: a serialised function, or a function of (msg_id, session) that makes it. ``content=False`` for
        service queries (MSG-36). ``repeatable``: may be sent again although the server may have executed it.
        Raises UsageError for bytes that are no serialised object.
        """
        if isinstance(body, bytes):
            check_body(body)
        request = ClientRequest(next(self._request_ids), body, content=content, api=api, repeatable=repeatable)
        self._requests[request.request_id] = request
        self._queue.append(request)
        return request.request_id

    def cancel(self, request_id: int) -> None:
        """Forget a request; its answer, should it come, is acknowledged and ignored (MSG-102)."""
        request = self._requests.get(request_id)
        if request is not None:
            for msg_id in request.msg_ids:
                self._remember_bare(msg_id)
            self.finish(request)

    def unfinished(self) -> list[int]:
        """The request_ids that still wait for an answer."""
        return list(self._requests)

    def awaiting(self, msg_id: int) -> ClientRequest | None:
        """The request that was sent under ``msg_id`` and is not over."""
        return self._by_msg_id.get(msg_id)

    def find(self, body: bytes) -> ClientRequest | None:
        """The sent request with exactly this body: for answers that do not name a msg_id (MSG-65)."""
        return next((r for r in self._requests.values() if r.msg_ids and r.body == body), None)

    def concerned(self, msg_id: int) -> list[ClientRequest] | None:
        """The unfinished requests that a notification about ``msg_id`` concerns.

        None for an id that was not sent within the last 600 s (MSG-80).
        """
        request = self._by_msg_id.get(msg_id)
        if request is not None:
            found = [request] if request.state is not State.QUEUED and request.msg_ids[-1] == msg_id else []
        elif msg_id in self._containers:  # MSG-82
            found = self._containers[msg_id]
        else:
            return [] if msg_id in self._bare else None
        oldest = self.env.monotonic() - NOTICE_MEMORY
        return list(found) if all(request.sent_at >= oldest for request in found) else None

    def acked(self, request: ClientRequest) -> bool:
        """Note that the server has the request; whether that is news."""
        news = request.state is State.SENT
        if news:
            request.state = State.ACKED
        return news

    def sent_before(self, msg_id: int) -> list[ClientRequest]:
        """The unanswered requests whose message, or its container, has an id below ``msg_id`` (MSG-64)."""
        sent = (request for request in self._requests.values() if request.state is not State.QUEUED)
        return [request for request in sent if (request.container or request.msg_ids[-1]) < msg_id]

    def finish(self, request: ClientRequest) -> None:
        """Take a request that is over out of every table."""
        self._requests.pop(request.request_id, None)
        self._forget_ids(request)
        if request.state is State.QUEUED and request in self._queue:
            self._queue.remove(request)

    def fail(self, request: ClientRequest, error: MTProtoError) -> Event:
        """End a request with ``error``."""
        self.finish(request)
        return RequestFailed(request.request_id, error)

    def send_again(self, requests: Iterable[ClientRequest], code: int) -> list[Event]:
        """Queue these requests again, each under a new msg_id, at most 3 times each (MSG-83, MSG-96)."""
        events: list[Event] = []
        for request in requests:
            if request.state is State.QUEUED:
                continue
            request.resends += 1
            if request.resends > MAX_RESENDS:
                events.append(self.fail(request, BadMessage(code, request.msg_ids[-1])))
                continue
            request.state = State.QUEUED
            self._leave_container(request)
            self._queue.append(request)
        return events

    def take_over(self, old: ClientSession, code: int) -> list[Event]:
        """Continue what ``old`` left unfinished when ``code`` ended it, request_ids unchanged.

        Requests that are queued go on. Of those already written repeatable ones do, and all after code 17, which no
        message with such ids passed; the others fail with OutcomeUnknown: the old session's answers will never come.
        """
        events: list[Event] = []
        for request in list(old._requests.values()):
            if code == 17 or request.repeatable:
                events += old.send_again([request], code)
            elif request.state is not State.QUEUED:
                unknown = OutcomeUnknown(request.request_id, "the session ended before the answer came")
                events.append(old.fail(request, unknown))
        for request in old._requests.values():
            request.msg_ids, request.container, request.preambled = [], None, False
            self._requests[request.request_id] = request
            self._queue.append(request)
        old._requests, old._by_msg_id, old._containers = {}, {}, {}
        old._queue.clear()
        return events

    def detach(self, via: object) -> list[Event]:
        """The connection is gone: written requests have an unknown outcome, unwritten ones were not sent."""
        super().detach(via)
        if self._vias:
            return []
        events = []
        for request in list(self._requests.values()):
            unsent = not request.msg_ids and not request.resends
            lost = ConnectionLost("the connection ended before the request was sent")
            unknown = OutcomeUnknown(request.request_id, "the connection ended before the answer came")
            events.append(self.fail(request, lost if unsent else unknown))
        return events

    # ---- sending

    def acknowledge(self, msg_id: int) -> None:
        """MSG-73: with the next payload, alone once 16 are pending or after 30 s."""
        if not self._acks:
            self._ack_due = self.env.monotonic() + ACK_DELAY
        self._acks.append(msg_id)
        if len(self._acks) >= ACK_COUNT:
            self._ack_due = float("-inf")

    def _wrap(self, item: Outgoing, body: bytes, msg_id: int) -> bytes:
        if not isinstance(item, ClientRequest):
            return body
        if item.api:
            item.preambled = not self.initialized
            body = pack(body if self.initialized else self.preamble + body)
        item.state = State.SENT
        item.sent_at = self.env.monotonic()
        item.msg_ids.append(msg_id)
        self._by_msg_id[msg_id] = item
        return body

    def _sent(self, outer: Message, messages: list[Message], items: list[Outgoing]) -> None:
        requests = [item for item in items if isinstance(item, ClientRequest)]
        if requests and outer is messages[0]:
            return
        if requests:
            self._containers[outer.msg_id] = requests
            for request in requests:
                request.container = outer.msg_id
        else:
            self._remember_bare(outer.msg_id)

    def _remember_bare(self, msg_id: int) -> None:
        """MSG-80: service messages are known for 600 s, so that a wrong salt is also learnt through them."""
        self._bare[msg_id] = None
        while next(iter(self._bare)) < msg_id - int(NOTICE_MEMORY * 4294967296):
            del self._bare[next(iter(self._bare))]

    def _forget_ids(self, request: ClientRequest) -> None:
        for msg_id in request.msg_ids:
            self._by_msg_id.pop(msg_id, None)
        self._leave_container(request)

    def _leave_container(self, request: ClientRequest) -> None:
        """MSG-69: a container is known until none of its requests waits for an answer."""
        container, request.container = request.container, None
        if container is None:
            return
        members = self._containers[container]
        members.remove(request)
        if not members:
            del self._containers[container]
            self._remember_bare(container)

    # ---- receiving

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
        else:
            events.append(Update(message.msg_id, body, content=message.seqno & 1 != 0))

    def learn_time(self, request_msg_id: int | None = None) -> None:
        """MSG-33, MSG-34: the clock from a message that answers one of ours, or always where that is not given."""
        server = seconds(self.outer_msg_id)
        if request_msg_id is None or not self.time.confirmed or server < seconds(request_msg_id) - 15:
            self.time.learn(server)
