"""So many requests, a fixed number of them in flight at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def in_flight(one: Callable[[], Awaitable[object]], times: int, flight: int) -> None:
    """Await ``one()`` ``times`` times, from ``flight`` tasks at once."""

    async def task(share: int) -> None:
        for _ in range(share):
            await one()

    whole, rest = divmod(times, flight)
    shares = [whole + (index < rest) for index in range(flight)]
    await asyncio.gather(*(task(share) for share in shares if share))
