"""KeyState: what belongs to an auth key and outlives every session (spec: MSG-30, MSG-50..56, MSG-130)."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING

from mtproto.crypto.auth_key import AuthKey
from mtproto.environment import Environment
from mtproto.message.msg_id import MsgIds
from mtproto.record import Record
from mtproto.roles import Role

if TYPE_CHECKING:
    from mtproto.session.session import Session

SALT_LIFE = 1800
MAX_SALTS = 64
MAX_GONE = 1000
SALTS_EVERY = 60.0
_SINCE = attrgetter("valid_since")


class Salt(Record):
    """A server_salt and the server times, in seconds, between which it is valid."""

    __slots__ = ("valid_since", "valid_until", "salt")

    def __init__(self, valid_since: float, valid_until: float, salt: int) -> None:
        self.valid_since = valid_since
        self.valid_until = valid_until
        self.salt = salt

    def __repr__(self) -> str:
        return f"Salt(valid_since={self.valid_since}, valid_until={self.valid_until})"


class Salts:
    """The client's stock of salts (MSG-52..54): one current, and future ones that take over at their time.

    ``asked_at``: when future salts were last asked for, on the monotonic clock; None while they never were.
    """

    __slots__ = ("asked_at", "_current", "_future")

    def __init__(self, salt: int) -> None:
        self.asked_at: float | None = None
        self._current = salt
        self._future: list[Salt] = []

    def wanted_at(self, now: float, server_now: float) -> float:
        """The monotonic time at which to ask for more: with the last of the stock in use, at most every 60 s."""
        least = now if self.asked_at is None else self.asked_at + SALTS_EVERY
        return max(least, now + self._future[-1].valid_since - server_now) if self._future else least

    def current(self, now: float) -> int:
        """The salt to send with at server time ``now``."""
        while self._future and self._future[0].valid_since <= now:
            self._current = self._future.pop(0).salt
        return self._current

    def adopt(self, salt: int) -> None:
        """Take over a salt that an authenticated message gave (MSG-53); one that nobody foretold ends the stock."""
        if salt != self._current and all(known.salt != salt for known in self._future):
            self._future.clear()
        self._current = salt

    def stock(self, salts: list[Salt], now: float) -> None:
        """Keep what future_salts brought: entries still valid, at most 64, in order; others are dropped (SEC-44)."""
        usable = [salt for salt in salts[:MAX_SALTS] if now < salt.valid_until and salt.valid_since < salt.valid_until]
        self._future = sorted(usable, key=lambda salt: salt.valid_since)


class SaltSchedule:
    """The server's salts: a new one every 1800 s, the previous one accepted as long again (MSG-51, MSG-56)."""

    __slots__ = ("_env", "_salts")

    def __init__(self, first: int, now: float, env: Environment) -> None:
        self._env = env
        self._salts = [Salt(now, now + 2 * SALT_LIFE, first)]

    def upcoming(self, now: float, count: int) -> list[Salt]:
        """The current salt and those that follow it, ``count`` in all (1..64)."""
        current = self._position(now)
        self._extend(current + count)
        return self._salts[current : current + count]

    def current(self, now: float) -> int:
        return self._salts[self._position(now)].salt

    def accepts(self, salt: int, now: float) -> bool:
        """MSG-51: the current salt or the one before it, while it is valid."""
        current = self._position(now)
        return any(known.salt == salt and now < known.valid_until for known in self._salts[: current + 1])

    def _position(self, now: float) -> int:
        last = self._salts[-1]
        if now - last.valid_since >= MAX_SALTS * SALT_LIFE:  # nobody used the key for longer than the stock lasts
            self._salts = [Salt(now, now + 2 * SALT_LIFE, self._draw())]
            return 0
        while self._salts[-1].valid_since + SALT_LIFE <= now:
            self._extend(len(self._salts) + 1)
        position = max(bisect_right(self._salts, now, key=_SINCE) - 1, 0)
        if position > 1:
            del self._salts[: position - 1]
            position = 1
        return position

    def _extend(self, length: int) -> None:
        while len(self._salts) < length:
            since = self._salts[-1].valid_since + SALT_LIFE
            self._salts.append(Salt(since, since + 2 * SALT_LIFE, self._draw()))

    def _draw(self) -> int:
        return int.from_bytes(self._env.random_bytes(8), "little", signed=True)


class KeyState:
    """An auth key with its salts, its msg_ids and its sessions.

    ``salts`` is ``Salts`` on the client, ``SaltSchedule`` on the server. ``expires_at``: server time in seconds
    for a temporary key, None for a permanent one (AUTH-98). ``gone``: what a server keeps of sessions that it dropped,
    session_id → the highest msg_id received; the latest 1000. Whoever stores the key should store it too: it is what
    keeps a recorded message from being executed in a session made anew (SEC-73).
    """

    __slots__ = ("auth_key", "salts", "msg_ids", "expires_at", "sessions", "gone")

    def __init__(
        self, auth_key: AuthKey, salts: Salts | SaltSchedule, role: Role, expires_at: float | None = None
    ) -> None:
        self.auth_key = auth_key
        self.salts = salts
        self.msg_ids = MsgIds(role)
        self.expires_at = expires_at
        self.sessions: dict[int, Session] = {}
        self.gone: dict[int, int] = {}

    def drop_session(self, session_id: int) -> Session | None:
        """Forget a session but for the highest msg_id received in it; returns the session."""
        session = self.sessions.pop(session_id, None)
        if session is not None and session.horizon is not None:
            self.gone.pop(session_id, None)  # the latest are kept
            self.gone[session_id] = session.horizon
            if len(self.gone) > MAX_GONE:
                del self.gone[next(iter(self.gone))]
        return session
