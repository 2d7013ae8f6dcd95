"""Kept: what a server remembers of messages it sent, the newest of them, bounded in number and in bytes (MSG-130)."""

from __future__ import annotations

MAX_COUNT = 1000
MAX_BYTES = 8 * 1024 * 1024


class Kept(dict[int, tuple[int, bytes]]):
    """msg_id → (a number that goes with it, body). The oldest leave first; a body above ``MAX_BYTES`` stays alone."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = 0

    def keep(self, msg_id: int, number: int, body: bytes) -> None:
        """Remember a message; the oldest ones are forgotten for it."""
        self.drop(msg_id)
        self[msg_id] = number, body
        self._bytes += len(body)
        while len(self) > MAX_COUNT or (self._bytes > MAX_BYTES and len(self) > 1):
            self.drop(next(iter(self)))

    def drop(self, msg_id: int) -> tuple[int, bytes] | None:
        """Forget a message; returns what was kept of it."""
        found = self.pop(msg_id, None)
        if found is not None:
            self._bytes -= len(found[1])
        return found
