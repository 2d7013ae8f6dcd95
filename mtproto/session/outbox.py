"""Outbox: the sending half of a client's session: requests from their making to their end.

Spec: messages.md, sections 2, 7 and 9. A request is QUEUED until a flush gives it a msg_id, SENT until its answer, an
error or a reason to send it again under a new msg_id (back to QUEUED). ``request_id`` is the only handle a caller
holds; all msg_ids a request ever had stay valid for its answer (MSG-96).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from itertools import count
from struct import iter_unpack

from mtproto.environment import Environment
from mtproto.errors import BadMessage, ConnectionLost, MTProtoError, OutcomeUnknown
from mtproto.message.container import Message
from mtproto.message.gzip import pack
from mtproto.message.server_time import ServerTime
from mtproto.schema import mtproto as schema
from mtproto.session import states
from mtproto.session.events import Answered, Event, RequestFailed
from mtproto.session.keys import KeyState
from mtproto.session.requests import ClientRequest, State
from mtproto.session.session import MAX_IDS, Body, Outgoing, Session, check_body
from mtproto.session.upkeep import Upkeep

MAX_RESENDS = 3
NOTICE_MEMORY = 600.0
MAX_BARE = 1000
MAX_BATCHES = 16
_NOTICE_SPAN = int(NOTICE_MEMORY * 4294967296)
_ACKS = schema.MsgsAck.ID.to_bytes(4, "little")


class Outbox(Session):
    """Requests, and the session's own queries, by all the names that a peer may call them.

    ``preamble``: the bytes of ``invokeWithLayer(initConnection(`` that go before every API call until one that
    carried them was answered without error in this session (API-02, API-03). ``upkeep``: what the session does of its
    own accord, None for nothing. ``fetched``: answers that were asked for, by their msg_id (MSG-93). ``gate``: a query
    that leaves before all other requests, which wait until it is over.
    """

    __slots__ = ("preamble", "initialized", "upkeep", "fetched", "gate", "_request_ids", "_requests", "_queries",
                 "_postponed", "_by_msg_id", "_containers", "_bare", "_ack_batches")  # fmt: skip

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
        super().__init__(keys, session_id, env, time)
        self.preamble = preamble
        self.initialized = not preamble
        self.upkeep = upkeep
        self.fetched: dict[int, tuple[ClientRequest, ClientRequest | None]] = {}
        self.gate: ClientRequest | None = None
        self._request_ids = request_ids or count(1)
        self._requests: dict[int, ClientRequest] = {}
        self._queries: dict[ClientRequest, None] = {}
        self._postponed: dict[ClientRequest, None] = {}
        self._by_msg_id: dict[int, ClientRequest] = {}
        self._containers: dict[int, list[ClientRequest]] = {}
        self._bare: OrderedDict[int, None] = OrderedDict()
        self._ack_batches: dict[int, bytes] = {}  # what the latest payloads acknowledged, by their msg_id

    # ---- requests

    def request(
        self,
        body: Body,
        *,
        content: bool = True,
        api: bool = True,
        repeatable: bool = False,
        after: tuple[int, ...] = (),
    ) -> int:
        """Queue a request; returns its request_id.

        ``body``: a serialised function, or a function of (msg_id, session) that makes it. ``content=False`` for
        service queries (MSG-36). ``repeatable``: may be sent again although the server may have executed it.
        ``after``: requests that have to be sent before it, so that its body can name their msg_ids (``sent_as``).
        Raises UsageError for bytes that are no serialised object.
        """
        if isinstance(body, bytes):
            check_body(body)
        request_id = next(self._request_ids)
        request = ClientRequest(request_id, body, content=content, api=api, repeatable=repeatable, after=after)
        self._requests[request.request_id] = request
        self._line_up(request)
        return request.request_id

    def _line_up(self, request: ClientRequest) -> None:
        """Queue a request; behind one that is postponed it is postponed itself."""
        if any(self._requests.get(request_id) in self._postponed for request_id in request.after):
            self._postponed[request] = None
        else:
            self._queue.append(request)

    def query(self, body: bytes, via: object = None) -> ClientRequest:
        """Queue a service query of the session's own; nothing reports how it ends. At most 8192 wait at a time."""
        query = ClientRequest(0, body, content=False, api=False, repeatable=True, via=via)
        if len(self._queries) >= MAX_IDS:
            self.finish(next(iter(self._queries)))
        self._queries[query] = None
        self._queue.append(query)
        return query

    def cancel(self, request_id: int) -> None:
        """Forget a request, and let the server forget it; a late answer is acknowledged and ignored (MSG-102)."""
        request = self._requests.get(request_id)
        if request is None:
            return
        for msg_id in request.msg_ids:
            self._remember_bare(msg_id)
        if request.api and request.state is not State.QUEUED:
            self.query(schema.RpcDropAnswer(req_msg_id=request.msg_ids[-1]).to_bytes())
        self.finish(request)

    def unfinished(self) -> list[int]:
        """The request_ids that still wait for an answer."""
        return list(self._requests)

    def requests(self) -> Iterable[ClientRequest]:
        """The requests that still wait for an answer."""
        return self._requests.values()

    def awaiting(self, msg_id: int) -> ClientRequest | None:
        """The request that was sent under ``msg_id`` and is not over."""
        return self._by_msg_id.get(msg_id)

    def sent_as(self, request_ids: Iterable[int]) -> list[int]:
        """The msg_ids under which those of these requests travel that are not over (API-07)."""
        requests = (self._requests.get(request_id) for request_id in request_ids)
        return [r.msg_ids[-1] for r in requests if r is not None and r.state is not State.QUEUED]

    def find(self, body: bytes) -> ClientRequest | None:
        """The sent request with exactly this body: for answers that do not name a msg_id (MSG-65)."""
        return next((r for r in (*self._requests.values(), *self._queries) if r.written == body), None)

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
        every = (*self._requests.values(), *self._queries)
        return [r for r in every if r.state is not State.QUEUED and (r.container or r.msg_ids[-1]) < msg_id]

    def finish(self, request: ClientRequest) -> None:
        """Take a request that is over out of every table."""
        self._requests.pop(request.request_id, None)
        self._queries.pop(request, None)
        if self.fetched and request.request_id:
            states.unwanted(self, request)
        self._postponed.pop(request, None)
        if request is self.gate:
            self.gate = None
        self._forget_ids(request)
        if request.state is State.QUEUED and request in self._queue:
            self._queue.remove(request)
        for waiting in [waiting for waiting in self._postponed if self._free(waiting)]:
            del self._postponed[waiting]
            self._line_up(waiting)

    def _free(self, request: ClientRequest) -> bool:
        """Whether all that it comes after is over."""
        return not any(request_id in self._requests for request_id in request.after)

    def _ready(self, item: Outgoing) -> bool:
        """API-07: a request leaves behind those that it comes after; and behind the gate."""
        if not isinstance(item, ClientRequest) or (not item.after and self.gate is None):
            return True
        if self.gate not in (None, item):
            return False
        return not any(r in self._requests and self._requests[r].state is State.QUEUED for r in item.after)

    def postpone(self, request: ClientRequest, error: MTProtoError) -> list[Event]:
        """API-08: not executed, for it came too early or what it comes after failed: again when that is over."""
        if request.resends == MAX_RESENDS:
            return self.fail(request, error)
        self.send_again([request], 0)
        if not self._free(request) and request not in self._postponed:
            self._queue.remove(request)
            self._postponed[request] = None
            queued, self._queue = self._queue, deque()
            for item in queued:
                self._line_up(item) if isinstance(item, ClientRequest) else self._queue.append(item)
        return []

    def answered(self, request: ClientRequest, body: bytes) -> list[Event]:
        """End a request with its answer."""
        self.finish(request)
        return [Answered(request.request_id, body)] if request.request_id else []

    def fail(self, request: ClientRequest, error: MTProtoError) -> list[Event]:
        """End a request with ``error``."""
        self.finish(request)
        return [RequestFailed(request.request_id, error)] if request.request_id else []

    def send_again(self, requests: Iterable[ClientRequest], code: int) -> list[Event]:
        """Queue these requests again, each under a new msg_id, at most 3 times each (MSG-83, MSG-96)."""
        events: list[Event] = []
        for request in requests:
            if request.state is State.QUEUED:
                continue
            request.resends += 1
            if request.resends > MAX_RESENDS:
                events += self.fail(request, _too_often(request, code))
                continue
            request.state = State.QUEUED
            self._withdraw(request)
            self._line_up(request)
        return events

    def repeat_or_fail(self, requests: Iterable[ClientRequest], code: int) -> list[Event]:
        """Code 20 and state 1: the server may have executed them (MSG-81, MSG-97)."""
        events: list[Event] = []
        for request in list(requests):
            if request.repeatable:
                events += self.send_again([request], code)
            else:
                unknown = OutcomeUnknown(request.request_id, "the server no longer knows the message")
                events += self.fail(request, unknown)
        return events

    def give_up(self, reason: str) -> list[Event]:
        """End all requests: written ones have an unknown outcome, unwritten ones were not sent."""
        events: list[Event] = []
        for request in list(self._requests.values()):
            unsent = not request.msg_ids and not request.resends
            lost = ConnectionLost(f"{reason} before the request was sent")
            unknown = OutcomeUnknown(request.request_id, f"{reason} before the answer came")
            events += self.fail(request, lost if unsent else unknown)
        return events

    def take_over(self, old: Outbox, code: int) -> list[Event]:
        """Continue what ``old`` left unfinished when ``code`` ended it, request_ids unchanged.

        Requests that are queued go on, and with them what the server has just refused. Of those already written
        repeatable ones do; the others fail with OutcomeUnknown, for the old session's answers will never come. That
        holds after code 17 too: the server's clock may have been ahead when it took them.
        """
        events: list[Event] = []
        for request in list(old._requests.values()):
            if request.repeatable:
                events += old.send_again([request], code)
            elif request.state is not State.QUEUED:
                unknown = OutcomeUnknown(request.request_id, "the session ended before the answer came")
                events += old.fail(request, unknown)
        for request in old._requests.values():
            request.msg_ids, request.container, request.preambled = [], None, False
            self._requests[request.request_id] = request
            self._queue.append(request)
        old._requests, old._queries, old._postponed, old._by_msg_id, old._containers = {}, {}, {}, {}, {}
        old._queue.clear()
        if old.keys is self.keys:
            self.query(schema.DestroySession(session_id=old.session_id).to_bytes())  # MSG-65
        return events

    # ---- sending

    def wants_write(self, via: object) -> bool:
        if self.gate is None:
            return super().wants_write(via)
        ready = (self._ready(item) for item in self._queue if item.via is None or item.via is via)
        return any(ready) or self._acks_are_due()

    def _wrap(self, item: Outgoing, body: bytes, msg_id: int) -> bytes:
        if not isinstance(item, ClientRequest):
            if item.stamp is not None and msg_id in self._by_msg_id:
                self._by_msg_id[msg_id].again = None
            return body
        if item.api:
            item.preambled = not self.initialized
            body = pack(self.preamble + body if item.preambled else body)
        else:
            item.written = body
        item.state = State.SENT
        item.sent_at = self.env.monotonic()
        item.msg_ids.append(msg_id)
        self._by_msg_id[msg_id] = item
        if self.upkeep is not None and item.request_id:
            self.upkeep.sent(item.sent_at)
        return body

    def _as_sent(self, request: ClientRequest) -> bytes:
        """The body under which a request was last sent."""
        if not request.api:
            return request.written
        body = request.body if isinstance(request.body, bytes) else request.body(request.msg_ids[-1], self)
        return pack(self.preamble + body if request.preambled else body)

    def repeat(self, msg_ids: Iterable[int], via: object) -> bool:
        """MSG-94, MSG-95: unanswered requests once more under the ids they have, each once and in a container."""
        wanted = {msg_id: self._by_msg_id.get(msg_id) for msg_id in dict.fromkeys(msg_ids)}
        if not all(r is not None and self._may_go_again(r, msg_id) for msg_id, r in wanted.items()):
            return False
        queued = {item.stamp[0] for item in self._queue if item.stamp is not None}
        for msg_id, request in wanted.items():
            if request is not None and msg_id not in queued:  # asked for thousands of times, it leaves once
                stamp = msg_id, request.seqno
                request.again = Outgoing(self._as_sent(request), content=request.content, via=via, stamp=stamp)
                self.enqueue(request.again)
        return True

    def _may_go_again(self, request: ClientRequest, msg_id: int) -> bool:
        """Whether it travels under this id; and MSG-97: a session of the server that is lost may have executed it."""
        sent = request.state is not State.QUEUED and request.msg_ids[-1] == msg_id
        return sent and (request.repeatable or request.carrier in self._vias)

    def _sent(self, outer: Message, messages: list[Message], items: list[Outgoing], via: object) -> None:
        acks = bool(messages) and messages[0].body[:4] == _ACKS
        if acks:
            self._note_acks(outer.msg_id, messages[0].body)
        requests = []
        for item, message in zip(items, messages[acks:], strict=False):  # an http_wait may follow
            if isinstance(item, ClientRequest):
                item.seqno, item.carrier = message.seqno, via
                requests.append(item)
        if requests and outer is messages[0]:
            return
        if requests:
            self._containers[outer.msg_id] = requests
            for request in requests:
                request.container = outer.msg_id
        else:
            self._remember_bare(outer.msg_id)

    def _note_acks(self, msg_id: int, body: bytes) -> None:
        self._ack_batches[msg_id] = body
        if len(self._ack_batches) > MAX_BATCHES:
            del self._ack_batches[next(iter(self._ack_batches))]

    def acknowledge_again(self, msg_id: int) -> None:
        """The payload ``msg_id`` was refused, and the acknowledgements in it with it."""
        for (acked,) in iter_unpack("<q", self._ack_batches.pop(msg_id, b"")[12:]):
            self.acknowledge(acked)

    def _remember_bare(self, msg_id: int) -> None:
        """MSG-80: the latest service messages are known for 600 s, so that a wrong salt is also learnt through them."""
        bare = self._bare
        bare[msg_id] = None
        while len(bare) > MAX_BARE or next(iter(bare)) < msg_id - _NOTICE_SPAN:
            bare.popitem(last=False)

    def _forget_ids(self, request: ClientRequest) -> None:
        for msg_id in request.msg_ids:
            self._by_msg_id.pop(msg_id, None)
        self._withdraw(request)

    def _withdraw(self, request: ClientRequest) -> None:
        """The request is over, or goes under another id: a repetition of it that has not left leaves no more.

        MSG-69: a container is known until none of its requests waits for an answer.
        """
        again, request.again = request.again, None
        if again is not None and again in self._queue:
            self._queue.remove(again)
        container, request.container = request.container, None
        if container is None:
            return
        members = self._containers[container]
        members.remove(request)
        if not members:
            del self._containers[container]
            self._remember_bare(container)


def _too_often(request: ClientRequest, code: int) -> MTProtoError:
    """Why a request is not sent a fifth time: the last refusal, or that it was lost each time."""
    if code:
        return BadMessage(code, request.msg_ids[-1])
    return OutcomeUnknown(request.request_id, "the server lost the message again and again")
