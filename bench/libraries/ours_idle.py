"""Many idle connections in one asyncio process: what each of them keeps in memory, and its timers.

Without temporary keys: a thousand key exchanges would take minutes and change nothing of what a connection keeps.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import mtproto
from bench.libraries.ours_loopback import address

FIRST = 20
"""Connections made before memory is read for the first time: what all of them share is loaded then."""


def idle(of: dict[str, Any]) -> dict[str, float]:
    """KiB and timers of each of ``count`` connections that have made one call and wait."""
    _allow_files(4 * of["count"] + 100)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_idle(of, Path(folder)))


async def _idle(of: dict[str, Any], folder: Path) -> dict[str, float]:
    dc, app = address(of), mtproto.App(of["api_id"], of["api_hash"])
    key = folder / "key"
    async with await mtproto.connect(dc, app, key_store=key, pfs=False):
        pass
    stored = key.read_bytes()
    clients = []
    before, timers = 0.0, 0
    for number in range(FIRST + of["count"]):
        if number == FIRST:
            before, timers = _resident_kib(), _timers()
        name = folder / str(number)
        name.touch(0o600)
        name.write_bytes(stored)
        client = await mtproto.connect(dc, app, key_store=name, pfs=False)
        await client.call("help.getNearestDc")
        clients.append(client)
    found = {
        "kib": (_resident_kib() - before) / of["count"],
        "timers": (_timers() - timers) / of["count"],
    }
    for client in clients:
        await client.close()
    return found


def _resident_kib() -> float:
    gc.collect()
    with open("/proc/self/status") as status:
        return float(next(line.split()[1] for line in status if line.startswith("VmRSS")))


def _timers() -> int:
    """The timers that the event loop has armed; asyncio has no public way to ask."""
    scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not handle.cancelled() for handle in scheduled)


def _allow_files(count: int) -> None:
    if os.name == "posix":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < count <= hard or hard == resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
