"""What every benchmark gets: where the environments are kept, how many rounds to run, and workers to run them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bench.environments import python_of
from bench.interleave import ROUNDS
from bench.peer import Worker


class Context(NamedTuple):
    """``cache``: folder of the environments. ``rounds``: pairs of runs behind each median. ``plot``: where one goes."""

    cache: Path
    rounds: int = ROUNDS
    plot: Path | None = None

    def worker(self, library: str) -> Worker:
        """A fresh process of "ours", "telethon" or "kurigram"."""
        return Worker(library, python_of(library, self.cache))
