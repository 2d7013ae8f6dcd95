"""What the clients of the loopback benchmarks ask for: so many requests, some of them in flight at a time; a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

PART: Final = 512 * 1024
FILE: Final = {"id": 3001, "access_hash": 0x3000000000000000 + 3001, "file_reference": b"fixture", "thumb_size": ""}
"""The fields of inputDocumentFileLocation for the file of 1 MiB that the datacenter has."""


async def in_flight(one: Callable[[], Awaitable[object]], times: int, flight: int) -> None:
    """Await ``one()`` ``times`` times, from ``flight`` tasks at once."""

    async def task(share: int) -> None:
        for _ in range(share):
            await one()

    whole, rest = divmod(times, flight)
    shares = [whole + (index < rest) for index in range(flight)]
    await asyncio.gather(*(task(share) for share in shares if share))
