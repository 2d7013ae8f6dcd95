"""Recovery: whether, and when, a lost connection is made again. Still without I/O.

Spec: TR-56, TR-57 and AUTH-80 (what a transport error means), TR-122 (back-off).
"""

from __future__ import annotations

from mtproto.environment import Environment
from mtproto.errors import MTProtoError, TransportFault
from mtproto.session.events import Event

FIRST_DELAY = 1.0
MAX_DELAY = 64.0
"""Seconds (TR-122)."""
MAX_UNKNOWN_KEY = 3
"""−404 in a row, with nothing authentic heard in between, after which the server is taken at its word (AUTH-80)."""
_UNKNOWN_KEY, _WRONG_DC = -404, -444


class Reconnecting(Event):
    """The connection was lost, or could not be made; attempt number ``attempt`` follows in ``delay`` seconds."""

    __slots__ = ("attempt", "delay", "error")

    def __init__(self, attempt: int, delay: float, error: MTProtoError | None) -> None:
        self.attempt = attempt
        self.delay = delay
        self.error = error


class Reconnected(Event):
    """There is a connection again, after ``attempt`` attempts; the session goes on."""

    __slots__ = ("attempt",)

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt


class Recovery:
    """How often a connection was tried in vain. ``retry_at``: the monotonic time of the next attempt, None where
    none is planned; ``under_way``: it is being made.

    An unauthenticated −404 never costs the auth key: it is tried again like anything else, and when it comes three
    times without an authentic word in between, the client stops and says so (TR-57, SEC-41). −444 is a mistake in
    the configuration, which no repetition cures.
    """

    __slots__ = ("attempt", "retry_at", "under_way", "_env", "_unknown_key")

    def __init__(self, env: Environment) -> None:
        self.attempt = 0
        self.retry_at: float | None = None
        self.under_way = False
        self._env = env
        self._unknown_key = 0

    def lost(self, error: MTProtoError | None, *, heard: bool, at_once: bool = False) -> Reconnecting | None:
        """The connection ended with ``error``; ``heard``: something authentic came by it. None: for good.

        ``at_once``: a temporary key was lost, which the first attempt does not wait for (TR-122).
        """
        if heard:
            self._unknown_key = 0
            self.attempt = self.attempt if at_once else 0  # a server that loses every key is not asked ever faster
        if isinstance(error, TransportFault):
            self._unknown_key += error.code == _UNKNOWN_KEY
            if error.code == _WRONG_DC or self._unknown_key >= MAX_UNKNOWN_KEY:
                self.retry_at = None
                return None
        return self.failed(error, at_once=at_once)

    def failed(self, error: MTProtoError | None, *, at_once: bool = False) -> Reconnecting:
        """Wait twice as long as before: 1 to 2 s, 2 to 4 s, … 32 to 64 s (TR-122)."""
        least = min(FIRST_DELAY * 2 ** min(self.attempt, 6), MAX_DELAY / 2)
        if at_once and not self.attempt:
            least = 0.0
        jitter = int.from_bytes(self._env.random_bytes(4), "little") / 2**32
        delay = least * (1 + jitter)
        self.attempt += 1
        self.retry_at = self._env.monotonic() + delay
        self.under_way = False
        return Reconnecting(self.attempt, delay, error)

    @property
    def idle(self) -> bool:
        """Whether no attempt is planned or under way."""
        return self.retry_at is None and not self.under_way

    def begin(self) -> bool:
        """Whether the next attempt is due; then it is under way, until ``failed`` or ``made``."""
        if self.retry_at is None or self._env.monotonic() < self.retry_at:
            return False
        self.retry_at, self.under_way = None, True
        return True

    def made(self) -> Reconnected:
        """There is a connection. The back-off starts over only when something authentic is heard by it."""
        self.retry_at, self.under_way = None, False
        return Reconnected(self.attempt)
