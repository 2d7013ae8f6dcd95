"""Calls: what both front ends share, still without I/O.

A name or a function object becomes a request; an event of the connection becomes the outcome of a request, an
update, or the end. The front ends move bytes, wake waiters and arm one timer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import pack
from typing import Any, TypeAlias

from mtproto.client.link import Link
from mtproto.client.recovery import Recovery
from mtproto.connection import Connection
from mtproto.errors import ConnectionLost, DecodeError, MTProtoError, UsageError
from mtproto.record import Record
from mtproto.session.client import ClientSession
from mtproto.session.events import (
    Answered,
    Closed,
    Event,
    Ignored,
    KeyCreated,
    KeyDestroyed,
    NewSession,
    RequestFailed,
    Traced,
    Undecoded,
    Update,
)
from mtproto.session.session import Session
from mtproto.tl.objects import TLFunction, TLObject
from mtproto.tl.registry import decode, encode

MAX_UPDATES = 10_000
_SERVICE = "mtproto.schema.mtproto"
_INVOKE_AFTER_MSG, _INVOKE_AFTER_MSGS, _VECTOR = 0xCB9F372D, 0x3DC4B4F0, 0x1CB5C415
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
    ones the oldest are dropped and counted in ``updates_dropped``. ``watch`` is called with every Traced, Ignored,
    KeyCreated, KeyDestroyed and Closed, and with every Reconnecting and Reconnected.
    """

    __slots__ = ("link", "connection", "recovery", "ended", "updates", "updates_dropped", "_functions", "_watch")

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
        before = self._under_way([after] if isinstance(after, TLFunction) else after)
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
        return tuple(r for r, function in self._functions.items() if id(function) in wanted) if wanted else ()

    def cancel(self, request_id: int) -> None:
        """The caller no longer waits: the server is asked to drop the answer (MSG-102)."""
        self._functions.pop(request_id, None)
        if self.link.current is not None:
            self.link.current.cancel(request_id)

    def outcomes(self) -> Iterator[Outcome]:
        """Process the connection's events; yields the calls that ended."""
        while (event := self.connection.next_event()) is not None:
            if isinstance(event, Answered | RequestFailed):
                function = self._functions.pop(event.request_id, None)
                if function is not None:
                    yield self._outcome(event, function)
            else:
                self._note(event)
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
            self._add_update(update)
        elif isinstance(event, KeyDestroyed):
            self.connection.report(self.link.forget())
        elif isinstance(event, KeyCreated):
            self.link.adopt(event.created)
            self.attach()
        if isinstance(update, Traced | Ignored | KeyCreated | KeyDestroyed | Closed):
            self._tell(update)
        if isinstance(event, Closed) and self.recovery is not None and self.link.keys is not None:
            self._tell(self.recovery.lost(event.error, heard=self.connection.heard))

    def _tell(self, event: Event | None) -> None:
        if self._watch is not None and event is not None:
            self._watch(event)

    # ---- connections

    def next_deadline(self) -> float | None:
        """The monotonic time, in seconds, at which ``handle_timer`` or another attempt to connect is due."""
        waiting = self.recovery.retry_at if self.recovery is not None else None
        return self.connection.next_deadline() if waiting is None else waiting

    def failed(self, error: MTProtoError) -> None:
        """An attempt to connect again was in vain."""
        if self.recovery is not None:
            self._tell(self.recovery.failed(error))

    def renew(self, connection: Connection) -> None:
        """Go on by another connection: the session asks what became of what the last one carried."""
        self.connection = connection
        self.attach()
        if self.recovery is not None:
            self._tell(self.recovery.made())

    def close(self) -> None:
        """No connection follows this one. ``outcomes`` then ends what waits."""
        self.recovery = None
        self.connection.close()

    def attach(self) -> None:
        """Let the link's session use the connection."""
        if self.link.current is not None:
            self.connection.attach(self.link.current)

    def _decoded(self, event: Update) -> TLObject | Undecoded | Ignored:
        from mtproto.schema.api import read_object

        try:
            update: TLObject = decode(event.body, read_object)
            return update
        except DecodeError as error:
            if not event.content:  # MSG-142
                return Ignored(event.msg_id, error)
            return Undecoded(event.msg_id, event.body, error)

    def _add_update(self, update: TLObject | Undecoded | NewSession) -> None:
        self.updates.append(update)
        if len(self.updates) > MAX_UPDATES:
            self.updates.popleft()
            self.updates_dropped += 1


def lost(cause: MTProtoError | None) -> ConnectionLost:
    """The error of a call on a connection that is over, with what ended it."""
    error = ConnectionLost("the connection is closed" + (f": {cause}" if cause is not None else ""))
    error.__cause__ = cause
    return error
