"""World: virtual time, the one source of chance, and the log that two runs of a seed have to agree on.

World times are multiples of 2^-20 s, so that sums of them are exact: a timer never fires an ulp too early, which
would have it set itself again for the same time, for ever.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from math import ceil, floor
from random import Random

START = 1_767_225_600.0
"""Unix seconds of the server at world time 0."""
TAIL = 400
MAX_STEPS = 50_000
"""In one second: a wire that was stalled may give out as many pieces at once."""
_GRID = 1 << 20

Action = Callable[[], object]


class Timer:
    """Something that will happen, unless it is cancelled."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Action) -> None:
        self.when = when
        self.action: Action | None = action

    def cancel(self) -> None:
        self.action = None


class Livelock(Exception):
    """The run does more than any honest run does: something repeats itself without end."""


class World:
    """``now`` in seconds; ``chance`` decides what nobody else decides; ``faults`` counts what was done by its name."""

    __slots__ = (
        "_digest",
        "_heap",
        "_order",
        "_second",
        "_steps_before",
        "chance",
        "faults",
        "now",
        "seed",
        "steps",
        "tail",
    )

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now = 0.0
        self.chance = Random(f"{seed} world")
        self.faults: Counter[str] = Counter()
        self.tail: deque[tuple[object, ...]] = deque(maxlen=TAIL)
        self.steps = 0
        self._second, self._steps_before = 0.0, 0
        self._digest = sha256()
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def note(self, *facts: object) -> None:
        """Log what happened now. Every fact has the same repr in every process."""
        entry = (self.now, *facts)
        self.tail.append(entry)
        self._digest.update(repr(entry).encode())

    def digest(self) -> str:
        """SHA-256 over the log so far."""
        return self._digest.hexdigest()

    def at(self, when: float, action: Action) -> Timer:
        """Let ``action`` happen at world time ``when``, or now where that is over."""
        timer = Timer(ceil(max(when, self.now) * _GRID) / _GRID, action)
        heapq.heappush(self._heap, (timer.when, next(self._order), timer))
        return timer

    def after(self, delay: float, action: Action) -> Timer:
        """Let ``action`` happen in ``delay`` seconds; in 0 seconds: behind everything that is due now."""
        return self.at(self.now + delay, action)

    def run(self, until: float) -> None:
        """Let everything happen that is due up to ``until``. Raises Livelock."""
        while self._heap and self._heap[0][0] <= until:
            self.now, _, timer = heapq.heappop(self._heap)
            action, timer.action = timer.action, None
            if action is not None:
                self.steps += 1
                if self.now >= self._second + 1.0:
                    self._second, self._steps_before = self.now, self.steps
                elif self.steps - self._steps_before > MAX_STEPS:
                    raise Livelock
                action()
        self.now = max(self.now, floor(until * _GRID) / _GRID)


class Clock:
    """The Environment of one machine. ``skew``: its wall clock less the true time; ``lost``: seconds it slept."""

    __slots__ = ("_world", "lost", "padding", "random_bytes", "skew")

    def __init__(self, world: World, name: str, skew: float = 0.0) -> None:
        self._world = world
        self.padding = self.random_bytes = Random(f"{world.seed} {name}").randbytes
        self.skew = skew
        self.lost = 0.0

    def unix_time(self) -> float:
        return START + self._world.now + self.skew

    def monotonic(self) -> float:
        return self._world.now - self.lost

    def world_time(self, monotonic: float) -> float:
        """The world time at which ``monotonic`` will show, if the machine does not sleep until then."""
        return monotonic + self.lost
