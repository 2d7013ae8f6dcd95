"""This library over loopback: requests on the asyncio front end, and an asyncio echo as the floor of any client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import mtproto
from bench.libraries.flight import FILE, PART, in_flight
from mtproto.crypto.rsa import PublicKey
from mtproto.schema.api import functions, types


def pkcs1(pem: str) -> str:
    """The datacenter's key in the form that Telethon reads."""
    return PublicKey.from_pem(pem).to_pem()


def calls(of: dict[str, Any]) -> Callable[[int], object]:
    """Log in; a run is so many account.getBotBusinessConnection, ``flight`` of them at a time.

    ``transport`` by name, intermediate where it is missing; ``proxy``: a link to an MTProxy.
    """
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(_connect(of))

    async def one() -> object:
        return await client.call(functions.account.GetBotBusinessConnection(connection_id=of["connection_id"]))

    return lambda times: loop.run_until_complete(in_flight(one, times, of["flight"]))


def downloads(of: dict[str, Any]) -> Callable[[int], object]:
    """Log in; a run is so many times 1 MiB in two parts of 512 KiB, both in flight."""
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(_connect(of))
    where = types.InputDocumentFileLocation(**FILE)
    parts = [functions.upload.GetFile(location=where, offset=offset, limit=PART) for offset in (0, PART)]

    async def run(times: int) -> None:
        for _ in range(times):
            for part in await asyncio.gather(*(client.call(part) for part in parts)):
                if not isinstance(part, types.upload.File) or len(part.bytes) != PART:
                    raise ValueError("not the part that was asked for")

    return lambda times: loop.run_until_complete(run(times))


def address(of: dict[str, Any]) -> mtproto.DC:
    """The datacenter that printed ``of``."""
    return mtproto.DC(of["host"], of["port"], of["dc_id"], [PublicKey.from_pem(of["public_key_pem"])])


async def _connect(of: dict[str, Any]) -> mtproto.Client:
    app = mtproto.App(of["api_id"], of["api_hash"])
    transport = None if of.get("proxy") else of.get("transport", "intermediate")
    client = await mtproto.connect(address(of), app, transport=transport, proxy=of.get("proxy"))
    await client.call(
        functions.auth.ImportBotAuthorization(
            flags=0, api_id=of["api_id"], api_hash=of["api_hash"], bot_auth_token=of["bot_token"]
        )
    )
    return client


class _Echo(asyncio.Protocol):
    """Collects what comes back; ``answer`` wakes when ``size`` bytes did."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.got = 0
        self.answer: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        self.got += len(data)
        if self.got >= self.size and self.answer is not None:
            self.got = 0
            self.answer.set_result(None)


def echo(of: dict[str, Any]) -> Callable[[int], object]:
    """Round trips of 200 bytes, one at a time, with nothing but asyncio on both sides."""
    loop = asyncio.new_event_loop()
    size = 200
    transport, protocol = loop.run_until_complete(loop.create_connection(lambda: _Echo(size), of["host"], of["port"]))
    data = bytes(size)

    async def trips(times: int) -> None:
        for _ in range(times):
            protocol.answer = loop.create_future()
            transport.write(data)
            await protocol.answer

    return lambda times: loop.run_until_complete(trips(times))
