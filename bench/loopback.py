"""loopback: account.getBotBusinessConnection against our datacenter in a process of its own, 1 and 64 in flight.

Both clients use the intermediate transport and hold their connection open side by side; runs alternate. CPU is the
client's process alone. An asyncio echo of 200 bytes shows what a round trip costs before any protocol.
"""

from __future__ import annotations

from typing import Final

from bench.context import Context
from bench.interleave import Pairs, calibrate, interleave
from bench.report import Row
from bench.server import serving

_BARS: Final = {1: (2.0, 1.4), 64: (3.0, 1.8)}
"""In flight → the ratio of CPU per call, the ratio of wall time per call."""


def loopback(context: Context) -> list[Row]:
    rows = [_echo(context)]
    with serving("mtproto", "dc") as datacenter:
        for flight in _BARS:
            pairs = _calls(context, {**datacenter, "flight": flight})
            for clock, bar in zip(("cpu", "wall"), _BARS[flight], strict=True):
                pair = pairs.by(clock)
                label = f"call, {flight} in flight, {clock} / telethon"
                rows.append(Row(label, pair.ours * 1e6, pair.theirs * 1e6, "µs", pair.ratio, bar))
    return rows


def _calls(context: Context, server: dict[str, object]) -> Pairs:
    with context.worker("ours") as ours, context.worker("telethon") as theirs:
        server["public_key_pkcs1"] = ours.ask("public_key_pkcs1", server["public_key_pem"])
        ours.prepare("calls", server)
        theirs.prepare("calls", server)
        return interleave(ours, theirs, context.rounds)


def _echo(context: Context) -> Row:
    with serving("bench.echo") as server, context.worker("ours") as worker:
        worker.prepare("echo", server)
        times = calibrate(worker)
        walls = sorted(worker.run(times).wall / times for _ in range(context.rounds))
    return Row("asyncio echo, wall (the floor)", walls[len(walls) // 2] * 1e6, None, "µs", None, None)
