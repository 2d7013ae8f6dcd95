"""Kurigram against a datacenter: run as a program, told what to do by one JSON object on standard input.

It knows nothing of this project. Its answer is one JSON object on standard output.
"""

import asyncio
import json
import logging
import sys
from typing import Any

from pyrogram import Client, raw
from pyrogram.connection import Connection, transport
from pyrogram.crypto import rsa
from pyrogram.errors import AccessTokenInvalid, RPCError
from pyrogram.handlers import RawUpdateHandler

TRANSPORTS = {
    "abridged": transport.TCPAbridged,
    "full": transport.TCPFull,
    "intermediate": transport.TCPIntermediate,
    "padded": transport.TCPIntermediatePadded,
    "obfuscated-abridged": transport.TCPAbridgedO,
    "obfuscated-intermediate": transport.TCPIntermediateO,
}


def make_client(task: dict) -> Client:
    rsa.server_public_keys.clear()
    rsa.server_public_keys[task["fingerprint"]] = rsa.PublicKey(int(task["n"], 16), task["e"])

    class Local(Connection):
        """Every connection goes to the datacenter under test, whatever address the client has in mind."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "server_address": task["host"], "port": task["port"]})

    return Client(
        "peer",
        api_id=task["api_id"],
        api_hash=task["api_hash"],
        bot_token=task["bot_token"],
        in_memory=True,
        no_updates=not task["receive_updates"],
        connection_factory=Local,
        protocol_factory=TRANSPORTS[task["transport"]],
    )


async def ask(client: Client, connection_id: str) -> dict:
    try:
        result = await client.invoke(raw.functions.account.GetBotBusinessConnection(connection_id=connection_id))
        return json.loads(str(result))
    except RPCError as error:
        return {"error": type(error).__name__, "code": error.CODE}


async def one_update(client: Client) -> dict:
    """Call what makes the datacenter push an update, and wait for it."""
    arrived = asyncio.get_running_loop().create_future()

    async def handler(client: Client, update: Any, users: Any, chats: Any) -> None:
        arrived.set_result(update)

    client.add_handler(RawUpdateHandler(handler))
    await asyncio.sleep(0)
    await client.invoke(raw.functions.account.UpdateStatus(offline=False))
    return json.loads(str(await asyncio.wait_for(arrived, 30)))


async def main(task: dict) -> dict:
    client = make_client(task)
    try:
        await client.start()
    except AccessTokenInvalid:
        return {"login": "AccessTokenInvalid"}
    except Exception as error:
        return {"login": "no key", "why": repr(error)}
    try:
        report = {"login": "done", "user_id": client.me.id}
        report["answers"] = {name: await ask(client, name) for name in task["connection_ids"]}
        if task["wait_for_update"]:
            report["update"] = await one_update(client)
        return report
    finally:
        await client.stop()


logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
print(json.dumps(asyncio.run(main(json.load(sys.stdin))), default=str))
