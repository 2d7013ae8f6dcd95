"""ServerTime: what the clock of one datacenter shows, as far as we know (spec: MSG-33, MSG-34, MSG-42).

It runs on the monotonic clock, so that a jump of the wall clock changes nothing.
"""

from __future__ import annotations

from mtproto.environment import Environment


class ServerTime:
    """Server time in seconds since 1970. ``confirmed`` once it came from the server over an authenticated way."""

    __slots__ = ("_base", "_env", "confirmed")

    def __init__(self, env: Environment, *, offset: float = 0.0, confirmed: bool = False) -> None:
        """``offset``: server time − local time in seconds, where it is known from an earlier run."""
        self._env = env
        self._base = env.unix_time() - env.monotonic() + offset
        self.confirmed = confirmed

    def now(self) -> float:
        return self._base + self._env.monotonic()

    def learn(self, server_time: float) -> None:
        """Take over the server's clock as read just now."""
        self._base = server_time - self._env.monotonic()
        self.confirmed = True

    @property
    def offset(self) -> float:
        """Server time − local wall clock, in seconds: to be stored for the next run."""
        return self.now() - self._env.unix_time()


def stamp(time: float) -> int:
    """``time``, in seconds since 1970, as a TL int: after 2038-01-19 it has wrapped round."""
    return ((int(time) + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def nearest(stamp: int, now: float) -> int:
    """The time that a TL int means: of all that look like it, the one nearest to ``now``."""
    now = int(now)
    return now + ((stamp - now + 0x80000000) & 0xFFFFFFFF) - 0x80000000
