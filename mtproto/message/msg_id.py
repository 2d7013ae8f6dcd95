"""msg_id: making them, reading their time, and the window against replays (spec: messages.md, section 2).

A msg_id is server time × 2^32; its two low bits tell who sent it: 00 the client, 01 the server answering a
client message, 11 the server otherwise (MSG-30, MSG-31).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from fractions import Fraction

from mtproto.errors import SecurityError
from mtproto.roles import Role

MAX_AGE = 300.0
MAX_FUTURE = 30.0
WINDOW_SIZE = 1000


def seconds(msg_id: int) -> float:
    """The server time in a msg_id, in seconds since 1970."""
    return (msg_id & 0xFFFFFFFFFFFFFFFF) / 4294967296


def signed(msg_id: int) -> int:
    """``msg_id`` as a TL long: what a clock after 2038-01-19, or an absurd one (SEC-15, SEC-42), gives still fits."""
    return (msg_id & 0xFFFFFFFFFFFFFFFF) - ((msg_id & 0x8000000000000000) << 1)


def check_parity(msg_id: int, sender: Role) -> None:
    """MSG-10: a client's id is 0 modulo 4, a server's is odd. Raises SecurityError("msg_id_parity")."""
    if sender is Role.SERVER:
        if not msg_id & 1:
            raise SecurityError("msg_id_parity", msg_id & 3, "1 or 3")
    elif msg_id & 3:
        raise SecurityError("msg_id_parity", msg_id & 3, 0)


def check_time(msg_id: int, now: float) -> None:
    """MSG-40: at most 300 s old and 30 s ahead of server time. Raises SecurityError("msg_id_time")."""
    ahead = seconds(msg_id) - now
    if not -MAX_AGE <= ahead <= MAX_FUTURE:
        raise SecurityError("msg_id_time", round(ahead), f"-{MAX_AGE:.0f}..+{MAX_FUTURE:.0f} s")


class MsgIds:
    """The msg_ids of one sender under one auth key: strictly increasing (MSG-30, MSG-31, MSG-32)."""

    __slots__ = ("_last", "_role")

    def __init__(self, role: Role, last: int = 0) -> None:
        self._role = role
        self._last = last & ~3

    def next(self, now: float | Fraction, *, answer: bool = False) -> int:
        """A new msg_id for the server time ``now``, not yet ``signed``.

        ``answer``: a server message that answers a client's.
        """
        msg_id = int(now * 4294967296) & ~3
        if msg_id <= self._last:
            msg_id = self._last + 4
        if not msg_id & 0xFFFFFFFF:  # MSG-30: the fraction is never empty
            msg_id += 4
        self._last = msg_id
        if self._role is Role.CLIENT:
            return msg_id
        return msg_id | (1 if answer else 3)

    def restart(self) -> None:
        """Let the next id go backwards: after code 17, in a new session (MSG-81)."""
        self._last = 0


class ReplayWindow:
    """The ``size`` highest msg_ids received in a session: an ordered set with a floor (MSG-40, SEC-27..29)."""

    __slots__ = ("_ids", "_members", "size")

    def __init__(self, size: int = WINDOW_SIZE) -> None:
        self.size = size
        self._ids: list[int] = []
        self._members: set[int] = set()

    def __contains__(self, msg_id: int) -> bool:
        return msg_id in self._members

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def floor(self) -> int | None:
        """Ids below this one are too old to judge; None while the window is not full."""
        return self._ids[0] if len(self._ids) >= self.size else None

    @property
    def highest(self) -> int | None:
        return self._ids[-1] if self._ids else None

    def check(self, msg_id: int) -> None:
        """Raises SecurityError ``msg_id_duplicate`` or ``msg_id_too_old``; changes nothing."""
        if msg_id in self._members:
            raise SecurityError("msg_id_duplicate")
        if len(self._ids) >= self.size and msg_id < self._ids[0]:
            raise SecurityError("msg_id_too_old")

    def add(self, msg_id: int) -> None:
        """Remember an id that passed ``check``; the lowest one leaves when the window is full."""
        if not self._ids or msg_id > self._ids[-1]:
            self._ids.append(msg_id)
        else:
            insort(self._ids, msg_id)
        self._members.add(msg_id)
        if len(self._ids) > self.size:
            self._members.discard(self._ids.pop(0))


class SeqnoOrder:
    """The order of seqnos over msg_ids, as a server checks it (MSG-81 codes 32 and 33)."""

    __slots__ = ("_ids", "_seqnos", "size")

    def __init__(self, size: int = WINDOW_SIZE) -> None:
        self.size = size
        self._ids: list[int] = []
        self._seqnos: list[int] = []

    def judge(self, msg_id: int, seqno: int) -> int:
        """0 and remembered where the seqno fits between its neighbours, else the bad_msg code 32 or 33."""
        at = bisect_left(self._ids, msg_id)
        if at and _breaks(self._seqnos[at - 1], seqno):
            return 32
        if at < len(self._ids) and _breaks(seqno, self._seqnos[at]):
            return 33
        self._ids.insert(at, msg_id)
        self._seqnos.insert(at, seqno)
        if len(self._ids) > self.size:
            del self._ids[0], self._seqnos[0]
        return 0

    def seqno_of(self, msg_id: int) -> int:
        """The seqno remembered for ``msg_id``, 0 where there is none."""
        at = bisect_left(self._ids, msg_id)
        return self._seqnos[at] if at < len(self._ids) and self._ids[at] == msg_id else 0


def _breaks(earlier: int, later: int) -> bool:
    """Whether the message with the lower msg_id has a seqno that its successor may not have."""
    return earlier > later or (earlier == later and earlier & 1 == 1)
