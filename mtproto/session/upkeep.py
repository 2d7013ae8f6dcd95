"""Upkeep: what a client's session does of its own accord while it is connected (spec: MSG-54, 77, 105, 150).

Pings that keep each connection alive and show when it is dead, salts fetched before they run out, questions after
requests about which nothing is heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.schema import mtproto as schema
from mtproto.session import states
from mtproto.session.events import Event, LinkEvent
from mtproto.session.keys import MAX_SALTS, Salts
from mtproto.session.requests import ClientRequest, State

if TYPE_CHECKING:
    from mtproto.session.client import ClientSession

PING_INTERVAL = 60.0
DISCONNECT_DELAY = 75
SILENCE = 10.0
"""Seconds (MSG-150). A pong that has not come when the next ping is due ends the connection (SEC-45, TR-125)."""

_NEVER = float("inf")


class _Line:
    """The pings of one connection: when the next one is due, and the one that waits for its pong.

    ``alternates``: it is an HTTP connection, by which the server is not asked to disconnect (TR-109).
    """

    __slots__ = ("alternates", "ping", "ping_at")

    def __init__(self, ping_at: float, alternates: bool) -> None:
        self.ping_at = ping_at
        self.alternates = alternates
        self.ping: ClientRequest | None = None


class Upkeep:
    """The timers of one session. ``act`` does what is due; ``deadline`` says when that will be.

    A question that is asked again takes the place of the one before, which may never be answered.
    """

    __slots__ = ("_lines", "_look_at", "_ping_in", "_salts", "_states")

    def __init__(self, *, soon: bool = False) -> None:
        """``soon``: ping at once rather than in a minute; so does each connection after the first (TR-126)."""
        self._lines: dict[object, _Line] = {}
        self._look_at = _NEVER
        self._salts: list[ClientRequest] = []
        self._states: list[ClientRequest] = []
        self._ping_in = 0.0 if soon else PING_INTERVAL

    def attached(self, session: ClientSession, via: object, *, alternates: bool) -> None:
        """``via`` carries the session from now on.

        A temporary key may be gone by then. Its ping leaves first and alone, so that a −404 finds no request on the
        way that the server may have executed all the same (AUTH-80).
        """
        now = session.env.monotonic()
        line = self._lines[via] = _Line(now + self._ping_in, alternates)
        self._ping_in = 0.0
        if session.keys.expires_at is not None and session.outer_msg_id:
            self._ping(session, line, via)
            session.gate = line.ping
        salts = session.keys.salts
        if isinstance(salts, Salts) and salts.asked_at is None:
            salts.asked_at = now  # the first question comes a minute after the first connection

    def detached(self, via: object) -> None:
        """``via`` is gone."""
        self._lines.pop(via, None)

    def sent(self, now: float) -> None:
        """A request was sent: it will be looked at when it has been silent for 10 s."""
        if self._look_at == _NEVER:
            self._look_at = now + SILENCE

    def pong(self, ping: ClientRequest) -> None:
        """A ping was answered."""
        for line in self._lines.values():
            if line.ping is ping:
                line.ping = None

    def deadline(self, session: ClientSession, via: object) -> float:
        """The monotonic time at which ``act`` has something to do for ``via``; infinity where there is nothing."""
        line = self._lines.get(via)
        if line is None:
            return _NEVER
        return min(line.ping_at, self._look_at, self._salts_at(session))

    def act(self, session: ClientSession, via: object) -> list[Event]:
        """Do what is due."""
        line = self._lines.get(via)
        now = session.env.monotonic()
        if line is None:
            return []
        if now >= line.ping_at:
            if line.ping is not None:
                return [LinkEvent(0.0)]
            self._ping(session, line, via)
        if now >= self._salts_at(session) and isinstance(session.keys.salts, Salts):
            session.keys.salts.asked_at = now
            _drop(session, self._salts)
            self._salts = [session.query(schema.GetFutureSalts(num=MAX_SALTS).to_bytes(), via)]
        if now >= self._look_at:
            self._look(session, now)
        return []

    def _ping(self, session: ClientSession, line: _Line, via: object) -> None:
        """MSG-105: the server ends the connection itself where no further ping comes."""
        ping_id = int.from_bytes(session.env.random_bytes(8), "little", signed=True)
        if line.alternates:
            body = schema.Ping(ping_id=ping_id).to_bytes()
        else:
            body = schema.PingDelayDisconnect(ping_id=ping_id, disconnect_delay=DISCONNECT_DELAY).to_bytes()
        line.ping = session.query(body, via)
        line.ping_at = session.env.monotonic() + PING_INTERVAL

    def _salts_at(self, session: ClientSession) -> float:
        salts = session.keys.salts
        return salts.wanted_at(session.env.monotonic(), session.time.now()) if isinstance(salts, Salts) else _NEVER

    def _look(self, session: ClientSession, now: float) -> None:
        """MSG-77: ask about requests that were neither acknowledged nor answered for 10 s, and again every 10 s."""
        silent, self._look_at = [], _NEVER
        for request in session.requests():
            if request.state is State.SENT:
                since = max(request.sent_at, request.asked_at)
                if now - since >= SILENCE:
                    since = now
                    silent.append(request)
                self._look_at = min(self._look_at, since + SILENCE)
        _drop(session, self._states)
        self._states = states.ask(session, silent)


def _drop(session: ClientSession, questions: list[ClientRequest]) -> None:
    """Wait for the answers to these questions no longer."""
    for question in questions:
        session.finish(question)
