"""Evidence in shorthand: what a server saw and a client printed, second by second."""

from __future__ import annotations

import json

from mtproto.conform.evidence import Evidence, Habits
from mtproto.conform.program import Ended, Line
from mtproto.testdc.faults import Fault, Observation, Reaction

CANARY = 1_234_567_890
HONEST_DATE = 1_700_000_000
MIB = 1 << 20
HABITS = Habits(exchanges=1, keys=1, closings=0, peak=50 * MIB)

Seen = tuple[float, str] | tuple[float, str, str]


def line(at: float, ok: bool = True, date: int = HONEST_DATE) -> Line:
    said = {"ok": True, "connection_id": "demo", "date": date} if ok else {"ok": False, "error": "why"}
    return Line(at, json.dumps(said))


BOTH = (line(1.0), line(3.0))
NEITHER = (line(1.0, ok=False), line(3.0, ok=False))


def fault(*reactions: Reaction, non_strict: tuple[Reaction, ...] = (), **options: object) -> Fault:
    given: dict[str, object] = {"rule": ("SEC-21",), "layer": "envelope", "breaks": "x", "expects": "y", **options}
    return Fault("knob", reactions=reactions, non_strict=non_strict, **given)  # type: ignore[arg-type]


def evidence(
    *seen: Seen,
    lines: tuple[Line, ...] = BOTH,
    at: float = 3.1,
    status: int | None = 0,
    reason: str = "",
    peak: int | None = 50 * MIB,
) -> Evidence:
    """``seen``: (second, kind) or (second, kind, detail)."""
    observations = [Observation(item[0], 1, item[1], item[2] if len(item) > 2 else "") for item in seen]
    injected = sum(item.kind == "injected" for item in observations)
    return Evidence(observations, injected, CANARY, Ended(0.0, at, lines, status, reason, peak))
