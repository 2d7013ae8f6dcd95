"""length: what a call costs the client in a session of 10 to 100,000 messages, in memory. It has to stay flat.

The median of several sessions for the short ones. ``plot`` draws the curve (extra ``bench``: matplotlib).
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Final

from bench.context import Context
from bench.peer import BenchError
from bench.report import Row

COUNTS: Final = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
_SHORT: Final = 1000
_SESSIONS: Final = 9
_BAR: Final = 0.9
"""100,000 messages may make the next one dearer than 1,000 do by what two runs of the same differ."""


def curve(context: Context) -> dict[int, float]:
    """Messages in the session → µs of the client for a call."""
    taken: dict[int, list[float]] = {count: [] for count in COUNTS}
    for session in range(_SESSIONS):
        counts = [count for count in COUNTS if count <= _SHORT or not session]
        with context.worker("ours") as ours:
            for count, cost in ours.ask("length", {"counts": counts}):
                taken[int(count)].append(cost)
    return {count: median(costs) for count, costs in taken.items()}


def length(context: Context) -> list[Row]:
    points = curve(context)
    if context.plot is not None:
        plot(points, context.plot)
    base = points[_SHORT]
    rows = [Row(f"a call in a session of {count:,}", cost, None, "µs", None, None) for count, cost in points.items()]
    last = points[COUNTS[-1]]
    return [*rows, Row(f"{COUNTS[-1]:,} / {_SHORT:,} messages", last, base, "µs", base / last, _BAR)]


def plot(points: dict[int, float], file: Path) -> None:
    """Draw the curve as SVG."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise BenchError("the plot needs matplotlib: pip install '.[bench]'") from None
    figure, axes = pyplot.subplots(figsize=(7, 3.5))
    axes.plot(list(points), list(points.values()), marker="o")
    axes.set(xscale="log", ylim=(0, max(points.values()) * 1.3), xlabel="messages in the session")
    axes.set_ylabel("client's µs per call, in memory")
    axes.grid(alpha=0.3)
    figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
