"""User: who calls. Calls of every kind while there are faults; afterwards, calls that have to be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.errors import RequestTimeout
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions, types
from mtproto.tl.objects import TLFunction
from tests.simulation.ledger import PING, PLAIN, RECOVERED, REPEATABLE, Entry, Violation
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

CALLS_EVERY = 2.5
"""Seconds between two calls, on average."""
HURRIED, HURRY = 0.01, 0.2
"""The part of all users who are in a hurry, and what they multiply that with: more messages than a window holds."""
BURST = 0.03
"""How often somebody makes many calls at once."""
RECOVERY_TIME = 240.0
"""Seconds within which a call is answered once faults have stopped: two pings until a dead connection is noticed, the
longest delay before an attempt to connect, and what may precede them."""
HEALTHY = 7.0
"""Seconds within which the call after that one is answered: a way there and back through a relay has four legs of up to
0.8 s, and a salt that was changed meanwhile costs a second one, 6.4 s in all."""


class User:
    """The one who calls, and cancels now and then."""

    __slots__ = ("_functions", "_sim", "_world", "calls_every")

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._world = sim.world
        self._functions: dict[Entry, TLFunction] = {}
        self.calls_every = CALLS_EVERY
        if sim.world.chance.random() < HURRIED:
            self.calls_every *= HURRY
            sim.pieces = 0  # it takes long enough as it is

    def busy(self) -> None:
        """Call at random times, until it is quiet."""
        if not self._sim.quiet:
            chance = self._world.chance
            for _ in range(chance.randint(2, 40) if chance.random() < BURST else 1):
                if self._sim.usable:
                    self._call_something()
            self._world.after(chance.expovariate(1 / self.calls_every), self.busy)

    def _call_something(self) -> None:
        chance, ledger = self._world.chance, self._sim.ledger
        kind = chance.choices([PLAIN, REPEATABLE, PING], [8, 2, 1])[0]
        behaviour = _behaviour(self._world) if kind == PLAIN else "now"
        limit = chance.choice([3.0, 15.0, 30.0, 30.0, 60.0, 200.0])
        waiting = [entry for entry, _ in self._sim.front.waiters.values() if entry.kind != PING]
        after = chance.choice(waiting) if waiting and kind == PLAIN and chance.random() < 0.1 else None
        entry = ledger.begin(kind, behaviour, self._sim.clock, limit, after=after)
        function = _function(entry, chance.choice([0, 0, 0, 100, 5000]), self._world)
        self._functions = {e: f for e, f in self._functions.items() if not e.over}
        before = [self._functions[after]] if after is not None else []
        self._functions[entry] = function
        self._sim.front.call(function, entry, limit, before)
        if chance.random() < 0.05:
            self._world.after(chance.uniform(0.0, 5.0), lambda: self._cancel(entry))

    def _cancel(self, entry: Entry) -> None:
        if self._sim.usable and not entry.over and self._sim.front.cancel(entry):
            self._world.faults["call cancelled"] += 1

    def insist(self) -> None:
        """Call until there is an answer. Raises Violation where there is none in time."""
        end = max(self._world.now, self._sim.front.asleep_until) + RECOVERY_TIME
        while True:
            while not self._sim.usable and self._world.now < end:
                self._world.run(self._world.now + 1.0)
            entry = self._plain(max(end - self._world.now, 1.0))
            while not entry.over and self._world.now <= end:
                self._world.run(self._world.now + 1.0)
            if isinstance(entry.outcome, list):
                break
            if self._world.now >= end or isinstance(entry.outcome, RequestTimeout):
                raise Violation(RECOVERED, f"no call after the faults was answered; the last: {entry.outcome!r}")
        last = self._plain(HEALTHY)
        self._world.run(self._world.now + HEALTHY)
        if not isinstance(last.outcome, list):
            raise Violation(RECOVERED, f"a call of a healthy session ended with {last.outcome!r}")

    def _plain(self, limit: float) -> Entry:
        entry = self._sim.ledger.begin(PLAIN, "now", self._sim.clock, limit)
        self._sim.front.call(_function(entry, 0, self._world), entry, limit)
        return entry


def _behaviour(world: World) -> str:
    """What the server is to do with a call."""
    chance = world.chance
    return chance.choices(
        ["now", f"later:{chance.uniform(0.1, 20.0):.2f}", f"big:{chance.randint(600, 20_000)}", "error", "never"],
        [8, 4, 3, 2, 1],
    )[0]


def _function(entry: Entry, padding: int, world: World) -> TLFunction:
    if entry.kind == PING:
        return schema.Ping(ping_id=entry.number)
    if entry.kind == REPEATABLE:
        return functions.messages.SendScreenshotNotification(
            peer=types.InputPeerSelf(),
            reply_to=types.InputReplyToMessage(reply_to_msg_id=1),
            random_id=entry.number,
        )
    keys = [world.chance.randbytes(padding).hex()]
    return functions.langpack.GetStrings(lang_pack=str(entry.number), lang_code=entry.behaviour, keys=keys)
