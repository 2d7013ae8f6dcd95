"""Environment: the only way to the clock and to randomness.

The core never asks the system for the time or for random bytes; it asks the ``Environment`` it was given.
``SystemEnvironment`` is the real one; ``mtproto.testing.ScriptedEnvironment`` replays a script, so that two
runs with the same script give the same bytes.
"""

from __future__ import annotations

import os
import time
from typing import Protocol


class Environment(Protocol):
    """What the core may know of the world outside its arguments."""

    def unix_time(self) -> float:
        """The local wall clock, in seconds since 1970. It may be wrong and may jump."""

    def monotonic(self) -> float:
        """A clock that never goes back, in seconds from an arbitrary start."""

    def random_bytes(self, count: int) -> bytes:
        """``count`` bytes from a cryptographically secure generator (MSG-07, SEC-16)."""


class SystemEnvironment:
    """The clocks and the generator of the operating system."""

    __slots__ = ()

    def unix_time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    random_bytes = staticmethod(os.urandom)
