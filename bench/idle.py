"""idle: 1,000 connections in one asyncio process that have made a call and wait. The bars are limits: 64 KiB, a timer.

Each has a session of its own under one auth key; the datacenter is a process of its own.
"""

from __future__ import annotations

from bench.context import Context
from bench.report import Row
from bench.server import serving

_CONNECTIONS = 1000
_MAX_KIB, _MAX_TIMERS = 64.0, 1.0


def idle(context: Context) -> list[Row]:
    with serving("mtproto", "dc") as datacenter, context.worker("ours") as ours:
        found = ours.ask("idle", {**datacenter, "count": _CONNECTIONS})
    limits = (("KiB", found["kib"], _MAX_KIB), ("timers", found["timers"], _MAX_TIMERS))
    return [Row(f"an idle connection, {unit} / limit", of, most, unit, most / of, 1.0) for unit, of, most in limits]
