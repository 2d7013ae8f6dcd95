"""Turns: whose turn it is where payloads alternate, as over HTTP (TR-101 to TR-105, MSG-120).

A server holds a response until it has something to say or the client has waited long enough; a client asks again, so
that the server can speak. Connection asks ``payload`` for what leaves now and ``deadline`` for when to look again.
"""

from __future__ import annotations

from typing import Protocol

from mtproto.environment import Environment
from mtproto.message.envelope import Inner
from mtproto.schema import mtproto as schema
from mtproto.session.client import ClientSession
from mtproto.session.session import Session

MAX_WAIT = 1.0
"""Seconds that a client lets its one connection be held: a call that is made meanwhile waits as long."""

PAUSE = 0.1
"""Seconds after a response before a client that waits for no answer asks for updates: the next call may come first."""

DEFAULT_WAIT = (0.0, 0.0, 25.0)
"""max_delay, wait_after and max_wait of a request without http_wait, in seconds (TR-103)."""

LONGEST_WAIT = 60.0
"""Seconds that a server holds a response at most, whatever it is asked for."""

_HTTP_WAIT = schema.HttpWait(max_delay=0, wait_after=0, max_wait=int(MAX_WAIT * 1000)).to_bytes()


class Turns(Protocol):
    """What a Connection asks, in its role."""

    def received(self, session: Session) -> None:
        """A payload of ``session`` came in."""

    def hold(self, wait: tuple[float, float, float]) -> None:
        """The client said how long a response may be held (TR-103)."""

    def payload(self, session: Session, via: object) -> Inner | None:
        """What leaves now for ``session``; the transport is ready."""

    def wants(self, session: Session, via: object) -> bool:
        """Whether ``payload`` would give something now."""

    def deadline(self, session: Session, via: object) -> float | None:
        """The monotonic time at which ``wants`` may change by itself."""


class ClientTurns:
    """A client: http_wait goes with everything, and alone while an answer or an update is waited for (TR-105)."""

    __slots__ = ("_ask_at", "_env")

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._ask_at: float | None = None

    def received(self, session: Session) -> None:
        """See ``Turns``."""
        self._ask_at = self._env.monotonic() + PAUSE

    def hold(self, wait: tuple[float, float, float]) -> None:
        """Not for a client."""

    def payload(self, session: Session, via: object) -> Inner | None:
        """See ``Turns``."""
        if not self.wants(session, via):
            return None
        self._ask_at = None
        return session.flush(via, extra=_HTTP_WAIT)

    def wants(self, session: Session, via: object) -> bool:
        """See ``Turns``."""
        awaiting = isinstance(session, ClientSession) and bool(session.unfinished())
        return awaiting or session.wants_write(via) or (self._ask_at or float("inf")) <= self._env.monotonic()

    def deadline(self, session: Session, via: object) -> float | None:
        """See ``Turns``."""
        return min((d for d in (self._ask_at, session.next_deadline(via)) if d is not None), default=None)


class ServerTurns:
    """A server: a response belongs to the session that asked (TR-102), and is held as long as that session wants."""

    __slots__ = ("_asked_at", "_env", "_first", "_held", "_last", "_session", "_wait")

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._session: Session | None = None
        self._wait = DEFAULT_WAIT
        self._asked_at = self._first = self._last = 0.0
        self._held = 0

    def received(self, session: Session) -> None:
        """See ``Turns``."""
        self._session = session
        self._wait = DEFAULT_WAIT
        self._asked_at = self._env.monotonic()
        self._held = 0

    def hold(self, wait: tuple[float, float, float]) -> None:
        """See ``Turns``."""
        self._wait = wait

    def payload(self, session: Session, via: object) -> Inner | None:
        """See ``Turns``; an empty container once the client has waited long enough (TR-104)."""
        if not self.wants(session, via):
            return None
        self._session = None
        return session.flush(via, empty=True)

    def wants(self, session: Session, via: object) -> bool:
        """See ``Turns``."""
        if session is not self._session:
            return False
        self._count(session.pending(via))
        return self._until() <= self._env.monotonic()

    def deadline(self, session: Session, via: object) -> float | None:
        """See ``Turns``: when the response leaves, or earlier a request has to be acknowledged (MSG-74)."""
        if session is not self._session:
            return None
        due = session.next_deadline(via)
        return self._until() if due is None or due <= self._env.monotonic() else min(due, self._until())

    def _count(self, pending: int) -> None:
        """Note when the first and the last message began to wait."""
        if pending > self._held:
            self._last = self._env.monotonic()
            if not self._held:
                self._first = self._last
        self._held = pending

    def _until(self) -> float:
        """max_wait before max_delay before wait_after (TR-103)."""
        max_delay, wait_after, max_wait = self._wait
        until = self._asked_at + min(max_wait, LONGEST_WAIT)
        return min(until, self._first + max_delay, self._last + wait_after) if self._held else until
