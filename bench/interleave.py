"""A B A B …: two workers in turn, so that what else the machine does falls on both; the ratio is taken per pair."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from bench.peer import Spent, Worker

ROUNDS = 15
TARGET = 0.2
"""Seconds that one run should take at least: the clocks tick in 1 µs to 1 ms."""


class Compared(NamedTuple):
    """Medians, seconds for one operation, and the median of the ratios theirs / ours of each pair."""

    ours: float
    theirs: float
    ratio: float


class Pairs(NamedTuple):
    """The runs of both sides, per operation, pair by pair."""

    ours: list[Spent]
    theirs: list[Spent]

    def by(self, clock: str) -> Compared:
        """The comparison by one clock: "cpu" or "wall"."""
        ours = [getattr(spent, clock) for spent in self.ours]
        theirs = [getattr(spent, clock) for spent in self.theirs]
        return Compared(median(ours), median(theirs), median(b / a for a, b in zip(ours, theirs, strict=True)))


def interleave(ours: Worker, theirs: Worker, rounds: int = ROUNDS) -> Pairs:
    """Run the prepared jobs of both in turn."""
    times = [calibrate(worker) for worker in (ours, theirs)]
    spent: tuple[list[Spent], list[Spent]] = [], []
    for _ in range(rounds):
        for side, worker in enumerate((ours, theirs)):
            run = worker.run(times[side])
            spent[side].append(Spent(run.cpu / times[side], run.wall / times[side]))
    return Pairs(*spent)


def calibrate(worker: Worker) -> int:
    """How many times the job must run to take TARGET; warms everything up on the way."""
    times = 1
    while (wall := worker.run(times).wall) < TARGET:
        times = max(times * 2, int(times * min(TARGET / max(wall, 1e-6), 100)) + 1)
    return times
