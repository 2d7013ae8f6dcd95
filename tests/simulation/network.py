"""Network: one Wire per connection, between two ends that know nothing of each other.

Each direction delivers bytes in order, late, cut into pieces anywhere; a wire ends at any byte, for both ends at once,
for one of them earlier, or for nobody (a dead wire swallows everything in silence).
"""

from __future__ import annotations

from functools import partial
from typing import Protocol
from zlib import crc32

from mtproto.record import Record
from tests.simulation.world import World

RESET_DELAY = 0.05
SILENCE = 180.0
MAX_RECORD = 32_768


class End(Protocol):
    """A socket as its owner sees it."""

    def receive(self, data: bytes) -> None:
        """Bytes have come."""

    def lost(self) -> None:
        """The connection is over; called once."""


class Manners(Record):
    """How a wire behaves while nothing happens to it. ``latency`` and ``jitter`` in seconds; ``pieces``: the longest
    piece in bytes that arrives at once, 0 for no limit."""

    __slots__ = ("jitter", "latency", "pieces")

    def __init__(self, latency: float, jitter: float, pieces: int) -> None:
        self.latency = latency
        self.jitter = jitter
        self.pieces = pieces


class Direction:
    """One way of a wire. ``dead``: nothing arrives any more; ``left``: bytes until the wire is cut, None for never;
    ``told``: its end hears that the connection is over, or has heard it (``over``)."""

    __slots__ = ("_arrival", "_name", "_wire", "dead", "end", "left", "over", "stalled_until", "told")

    def __init__(self, wire: Wire, name: str, end: End) -> None:
        self._wire = wire
        self._name = name
        self._arrival = 0.0
        self.end = end
        self.dead = False
        self.left: int | None = None
        self.stalled_until = 0.0
        self.told = False
        self.over = False

    def send(self, data: bytes) -> None:
        """Bytes leave; they arrive in order, or never."""
        if self is self._wire.up and self._wire.record is not None:
            self._wire.record += data[: MAX_RECORD - len(self._wire.record)]
        world, manners = self._wire.world, self._wire.manners
        start = 0
        while start < len(data):
            size = world.chance.randint(1, manners.pieces) if manners.pieces else len(data)
            delay = manners.latency + manners.jitter * world.chance.random()
            self._arrival = max(self._arrival, world.now + delay, self.stalled_until)
            world.at(self._arrival, partial(self._arrive, data[start : start + size]))
            start += size

    def _arrive(self, piece: bytes) -> None:
        if self.dead:
            return
        if self.left is not None:
            piece = piece[: self.left]
            self.left -= len(piece)
        self._wire.world.note(self._name, self._wire.number, len(piece), hash_of(piece))
        if piece:
            self.end.receive(piece)
        if self.left == 0:
            self._wire.cut()

    def close(self, delay: float) -> None:
        """Tell the end, behind everything that is still under way, that the connection is over."""
        if not self.told and not self.dead:
            self.told = True
            self._wire.world.at(max(self._arrival, self._wire.world.now + delay), self._tell)

    def _tell(self) -> None:
        self.dead = True
        self._wire.world.note(self._name, self._wire.number, "end")
        self.lose()

    def lose(self) -> None:
        """Its end hears, once, that the connection is over."""
        if not self.over:
            self.over = True
            self.end.lost()


class Wire:
    """One connection: ``up`` towards the server, ``down`` towards the client; ``record``: the first bytes of ``up``."""

    __slots__ = ("down", "manners", "number", "record", "up", "world")

    def __init__(self, world: World, number: int, client: End, server: End, manners: Manners) -> None:
        self.world = world
        self.number = number
        self.manners = manners
        self.record: bytearray | None = None
        self.up = Direction(self, "up", server)
        self.down = Direction(self, "down", client)

    @property
    def alive(self) -> bool:
        """Whether both ends may still believe in it."""
        return not (self.up.told or self.down.told)

    def cut(self) -> None:
        """Over for both, now; what is under way is lost."""
        for direction in (self.up, self.down):
            direction.dead = True
            self._tell(direction)

    def cut_for_client(self, linger: float) -> None:
        """Over for the client, now; the server hears of it later, and gets what is under way."""
        self.down.dead = True
        self._tell(self.down)
        self.up.close(linger)

    def fall_silent(self) -> None:
        """Nothing arrives any more and nobody is told, until the server's operating system gives up."""
        self.up.dead = self.down.dead = True
        self.world.after(SILENCE, lambda: self._tell(self.up))

    def _tell(self, direction: Direction) -> None:
        if not direction.told:
            direction.told = True
            self.world.after(RESET_DELAY * self.world.chance.random(), direction.lose)

    def shut(self, by: Direction) -> None:
        """The end that ``by`` leads to closes its socket, and hears so at once, whatever was on its way to it. What it
        wrote still arrives, then the other end hears it."""
        by.dead = by.told = True
        self.world.after(0.0, by.lose)
        other = self.down if by is self.up else self.up
        other.close(self.manners.latency)


def hash_of(data: bytes) -> str:
    """A short name for bytes in the log, the same in every process."""
    return f"{crc32(data):08x}"
