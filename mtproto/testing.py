"""ScriptedEnvironment: a clock and a generator that a test controls.

No option or variable selects it, and connecting to a built-in Telegram address refuses anything but
``SystemEnvironment``.
"""

from __future__ import annotations

from hashlib import sha256

from mtproto.errors import UsageError


class ScriptedEnvironment:
    """Time moves only when told to (or by ``tick`` at each reading); entropy is scripted, then derived.

    ``entropy`` is handed out first, request by request; each item must have the requested length. When the
    script is used up, bytes come from SHA-256 over ``seed`` and a counter.

    >>> env = ScriptedEnvironment(unix_time=1_700_000_000, seed=b"doc")
    >>> env.advance(30)
    >>> env.unix_time()
    1700000030.0
    """

    __slots__ = ("_counter", "_elapsed", "_entropy", "_seed", "_unix_start", "tick")

    def __init__(
        self,
        *,
        unix_time: float = 1_700_000_000.0,
        seed: bytes = b"",
        entropy: list[bytes] | tuple[bytes, ...] = (),
        tick: float = 0.0,
    ) -> None:
        self._unix_start = float(unix_time)
        self._elapsed = 0.0
        self._seed = seed
        self._entropy = list(entropy)
        self._counter = 0
        self.tick = tick

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on both clocks."""
        self._elapsed += seconds

    def step_clock(self, seconds: float) -> None:
        """Change the wall clock only, as a user or NTP does."""
        self._unix_start += seconds

    def script(self, *items: bytes) -> None:
        """Hand out ``items`` before anything derived."""
        self._entropy.extend(items)

    def unix_time(self) -> float:
        self._elapsed += self.tick
        return self._unix_start + self._elapsed

    def monotonic(self) -> float:
        self._elapsed += self.tick
        return self._elapsed

    def random_bytes(self, count: int) -> bytes:
        if self._entropy:
            item = self._entropy.pop(0)
            if len(item) != count:
                raise UsageError(f"the script holds {len(item)} bytes where {count} were asked for")
            return item
        out = b""
        while len(out) < count:
            out += sha256(self._seed + self._counter.to_bytes(8, "little")).digest()
            self._counter += 1
        return out[:count]

    def padding(self, count: int) -> bytes:
        return self.random_bytes(count)
