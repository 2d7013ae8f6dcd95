"""Calls: what both front ends share, still without I/O.

A name or a function object becomes a request; an event of the connection becomes the outcome of a request, an
update, or the end. The front ends move bytes, wake waiters and arm one timer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from struct import pack
from typing import Any, TypeAlias

from mtproto.client.link import Link
from mtproto.client.recovery import Recovery
from mtproto.connection import Connection
from mtproto.errors import ConnectionLost, DecodeError, MTProtoError, RequestTimeout, UsageError
from mtproto.record import Record
from mtproto.session.client import ClientSession
from mtproto.session.events import (
    Answered,
    Closed,
    Event,
    Ignored,
    KeyBound,
    KeyCreated,
    KeyDestroyed,
    KeyLost,
    KeyUnbound,
    NewSession,
    RequestFailed,
    Traced,
    Undecoded,
    Update,
)
from mtproto.session.session import Session, check_body
from mtproto.tl.objects import TLFunction, TLObject
from mtproto.tl.registry import decode, encode

MAX_UPDATES = 10_000
MAX_UPDATE_BYTES = 64 * 1024 * 1024
"""Serialised bytes of the updates that nobody has read: gzip_packed makes 16 MiB of 16 KiB (SEC-33)."""
_SERVICE = "mtproto.schema.mtproto"
_ENDS = Answered, RequestFailed
_INVOKE_AFTER_MSG, _INVOKE_AFTER_MSGS, _VECTOR = 0xCB9F372D, 0x3DC4B4F0, 0x1CB5C415
_TOLD = Traced | Ignored | KeyCreated | KeyBound | KeyDestroyed | KeyLost | Closed
After: TypeAlias = "TLFunction | Sequence[TLFunction]"


class Outcome(Record):
    """How a request ended: ``value`` is its result, or ``error`` says why there is none."""

    __slots__ = ("request_id", "value", "error")

    def __init__(self, request_id: int, value: Any = None, error: MTProtoError | None = None) -> None:
        self.request_id = request_id
        self.value = value
        self.error = error


def resolve(function: object, fields: dict[str, Any]) -> TLFunction:
    """The function object for ``call(function)`` or ``call("name", field=value)``.

    Raises UsageError: unknown name, unknown or missing field, fields next to an object, something else entirely.
    """
    if isinstance(function, str):
        from mtproto.schema.api import find

        cls = find(function)
        if not issubclass(cls, TLFunction):
            raise UsageError(f"{function} is a constructor, not a function")
        try:
            return cls(**fields)
        except TypeError as error:
            raise UsageError(f"{function}: {str(error).partition(') ')[2] or error}") from None
    if fields:
        raise UsageError("fields go with a name; a function object has its own")
    if not isinstance(function, TLFunction):
        raise UsageError(f"a call takes a function or its name, not {type(function).__name__}")
    return function


class Behind:
    """A body that the server executes behind other requests, if they are not over when it is sent (API-07, API-09)."""

    __slots__ = ("_before", "_body")

    def __init__(self, before: tuple[int, ...], body: bytes) -> None:
        self._before = before
        self._body = body

    def __len__(self) -> int:
        return len(self._body)

    def __call__(self, msg_id: int, session: Session) -> bytes:
        before = session.sent_as(self._before) if isinstance(session, ClientSession) else []
        if not before:
            return self._body
        if len(before) == 1:
            return pack("<Iq", _INVOKE_AFTER_MSG, before[0]) + self._body
        return pack(f"<IIi{len(before)}q", _INVOKE_AFTER_MSGS, _VECTOR, len(before), *before) + self._body


def _deduplicated(function: TLFunction) -> bool:
    """MSG-97: whether the server recognises a repetition, by its random_id."""
    while isinstance(query := getattr(function, "query", None), TLFunction):
        function = query
    return "random_id" in function.__slots__


class Calls:
    """One link over one connection at a time, and the calls in flight.

    ``recovery`` says when a lost connection is made again, None for never; until then calls wait. ``ended``: it
    never will be.

    ``updates`` holds decoded Updates objects, ``Undecoded`` and ``NewSession``, oldest first; beyond 10,000 unread
    ones, or 64 MiB of them, the oldest are dropped and counted in ``updates_dropped``. ``watch`` is called with every
    Traced, Ignored, KeyCreated, KeyBound, KeyDestroyed, KeyLost, Closed, Reconnecting and Reconnected.
    """

    __slots__ = ("link", "connection", "recovery", "ended", "updates", "updates_dropped", "_functions", "_watch",
                 "_sizes", "_held")  # fmt: skip

    def __init__(
        self,
        link: Link,
        connection: Connection,
        watch: Callable[[Event], None] | None = None,
        recovery: Recovery | None = None,
    ) -> None:
        self.link = link
        self.connection = connection
        self.recovery = recovery
        self.ended = False
        self.updates: deque[TLObject | Undecoded | NewSession] = deque()
        self.updates_dropped = 0
        self._sizes: deque[int] = deque()  # of the updates, and of those that were read since the last one came
        self._held = 0
        self._functions: dict[int, TLFunction] = {}
        self._watch = watch

    def begin(self, function: TLFunction, after: After = ()) -> int:
        """Queue a call; returns its request_id. Raises UsageError for values that cannot be encoded.

        ``after``: functions whose calls are under way; the server executes this one behind them (API-07).
        """
        body = encode(function)
        if self.ended or (self.connection.closed and self.recovery is None):
            raise lost(self.connection.error)
        service = type(function).__module__ == _SERVICE  # ping, get_future_salts, … : no API call (MSG-36)
        check_body(body)
        before = self._under_way([after] if isinstance(after, TLFunction) else after) if after else ()
        request_id = self.link.request(
            Behind(before, body) if before and not service else body,
            content=not service,
            api=not service,
            repeatable=service or _deduplicated(function),
            after=before,
        )
        self._functions[request_id] = function
        return request_id

    def _under_way(self, functions: Iterable[TLFunction]) -> tuple[int, ...]:
        """The request_ids of these very function objects, those left out whose calls are over."""
        wanted = {id(function) for function in functions}
        return tuple(r for r, function in self._functions.items() if id(function) in wanted)

    def cancel(self, request_id: int) -> None:
        """The caller no longer waits: the server is asked to drop the answer (MSG-102)."""
        self._functions.pop(request_id, None)
        self.link.cancel(request_id)

    def outcomes(self) -> Iterator[Outcome]:
        """Process the connection's events; yields the calls that ended."""
        while (event := self.connection.next_event()) is not None:
            if isinstance(event, _ENDS):
                function = self._functions.pop(event.request_id, None)
                if function is not None:
                    yield self._outcome(event, function)
                else:
                    self._note_own(event)
            else:
                self._note(event)
        if self.link.settled():
            self.attach()
        if self.connection.closed and not self.ended and (self.recovery is None or self.recovery.idle):
            self.ended = True
            yield from self._end()

    def _outcome(self, event: Answered | RequestFailed, function: TLFunction) -> Outcome:
        if isinstance(event, RequestFailed):
            error = event.error
            if self.connection.error is not None and error is not self.connection.error:
                error.__cause__ = self.connection.error
            return Outcome(event.request_id, error=error)
        try:
            return Outcome(event.request_id, decode(event.body, function.read_result))
        except DecodeError as error:  # TL-84: it costs this request only
            return Outcome(event.request_id, error=error)

    def _end(self) -> Iterator[Outcome]:
        """The last connection is over, and with it everything that waits."""
        for event in self.link.give_up("the connection ended"):
            if isinstance(event, RequestFailed) and event.request_id in self._functions:
                yield self._outcome(event, self._functions.pop(event.request_id))

    def _note(self, event: Event) -> None:
        update = self._decoded(event) if isinstance(event, Update) else event
        if isinstance(update, TLObject | Undecoded | NewSession):
            self._add_update(update, len(event.body) if isinstance(event, Update | Undecoded) else 0)
        elif isinstance(event, KeyDestroyed):
            self.connection.report(self.link.forget())
        elif isinstance(event, KeyCreated):
            self.link.adopt(event.created)
            self.attach()
        elif isinstance(event, KeyUnbound):
            self.link.unbound(event.auth_key_id)
            self.attach()
        if isinstance(update, _TOLD):
            self._tell(update)
        if isinstance(event, Closed):
            self._lost(event)

    def _note_own(self, event: Answered | RequestFailed) -> None:
        """What became of a request that no caller made: a binding decides under which key the calls go on."""
        self.connection.report(self.link.note(event))
        if self.link.failure is not None:
            self.recovery = None
            self.connection.close(self.link.failure)
        else:
            self.attach()

    def _lost(self, event: Closed) -> None:
        """The connection is over: what the link makes of it, and when the next one follows."""
        at_once, events = self.link.lost(event.error)
        self.connection.report(events)
        if self.recovery is not None and self.link.current is not None:
            self._tell(self.recovery.lost(event.error, heard=self.connection.heard, at_once=at_once))

    def _tell(self, event: Event | None) -> None:
        if self._watch is not None and event is not None:
            self._watch(event)

    # ---- connections

    def next_deadline(self) -> float | None:
        """The monotonic time, in seconds, at which ``handle_timer`` or another attempt to connect is due."""
        waiting = self.recovery.retry_at if self.recovery is not None else None
        if self.connection.closed or waiting is not None:
            return waiting
        due, of_keys = self.connection.next_deadline(), self.link.next_deadline()
        if due is not None:
            return min(due, of_keys)
        return None if of_keys == inf else of_keys

    def handle_timer(self) -> None:
        """Act on time that has passed: the connection's, and that of the link's keys."""
        self.connection.handle_timer()
        if self.link.overdue:
            self.connection.close(RequestTimeout("the server makes and binds no temporary key"))
        if self.link.env.monotonic() >= self.link.next_deadline():
            self.attach()

    def failed(self, error: MTProtoError) -> None:
        """An attempt to connect again was in vain."""
        if self.recovery is not None:
            self._tell(self.recovery.failed(error))

    def renew(self, connection: Connection) -> None:
        """Go on by another connection: its session asks what became of what the last one carried."""
        self.connection = connection
        self.attach()
        if self.recovery is not None:
            self._tell(self.recovery.made())

    def close(self) -> None:
        """No connection follows this one. ``outcomes`` then ends what waits."""
        self.recovery = None
        self.connection.close()

    def attach(self) -> None:
        """Let the connection do what the link needs now: a key exchange, its sessions."""
        if self.connection.closed:
            return
        self.connection.report(self.link.expire())
        exchange = self.link.wanted()
        if exchange is not None:
            self.connection.start_key_exchange(exchange)
        self.connection.carry(self.link.live())

    def _decoded(self, event: Update) -> TLObject | Undecoded | Ignored:
        from mtproto.schema.api import read_object

        try:
            update: TLObject = decode(event.body, read_object)
            return update
        except DecodeError as error:
            if not event.content:  # MSG-142
                return Ignored(event.msg_id, error)
            return Undecoded(event.msg_id, event.body, error)

    def _add_update(self, update: TLObject | Undecoded | NewSession, size: int) -> None:
        while len(self._sizes) > len(self.updates):
            self._held -= self._sizes.popleft()
        self.updates.append(update)
        self._sizes.append(size)
        self._held += size
        while len(self.updates) > MAX_UPDATES or (self._held > MAX_UPDATE_BYTES and len(self.updates) > 1):
            self.updates.popleft()
            self._held -= self._sizes.popleft()
            self.updates_dropped += 1


def lost(cause: MTProtoError | None) -> ConnectionLost:
    """The error of a call on a connection that is over, with what ended it."""
    error = ConnectionLost("the connection is closed" + (f": {cause}" if cause is not None else ""))
    error.__cause__ = cause
    return error
