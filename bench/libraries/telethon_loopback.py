"""Telethon over loopback: the same requests to the same datacenter over the same transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.network import ConnectionTcpIntermediate
from telethon.sessions import MemorySession
from telethon.tl.functions.account import GetBotBusinessConnectionRequest
from telethon.tl.functions.upload import GetFileRequest
from telethon.tl.types import InputDocumentFileLocation

from bench.libraries.flight import FILE, PART, in_flight


def calls(of: dict[str, Any]) -> Callable[[int], object]:
    """Log in; a run is so many account.getBotBusinessConnection, ``flight`` of them at a time."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    client = loop.run_until_complete(_connect(of))

    async def one() -> object:
        return await client(GetBotBusinessConnectionRequest(connection_id=of["connection_id"]))

    return lambda times: loop.run_until_complete(in_flight(one, times, of["flight"]))


def downloads(of: dict[str, Any]) -> Callable[[int], object]:
    """Log in; a run is so many times 1 MiB in two parts of 512 KiB, both in flight."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    client = loop.run_until_complete(_connect(of))
    where = InputDocumentFileLocation(**FILE)
    parts = [GetFileRequest(where, offset, PART) for offset in (0, PART)]

    async def run(times: int) -> None:
        for _ in range(times):
            for part in await asyncio.gather(*(client(part) for part in parts)):
                if len(part.bytes) != PART:
                    raise ValueError("not the part that was asked for")

    return lambda times: loop.run_until_complete(run(times))


async def _connect(of: dict[str, Any]) -> TelegramClient:
    rsa.add_key(of["public_key_pkcs1"], old=False)
    session = MemorySession()
    session.set_dc(of["dc_id"], of["host"], of["port"])
    client = TelegramClient(session, of["api_id"], of["api_hash"], connection=ConnectionTcpIntermediate)
    await client.start(bot_token=of["bot_token"])
    return client
