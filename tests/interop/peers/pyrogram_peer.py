"""Pyrogram, layer 158, against a datacenter: run as a program, told what to do by one JSON object on standard input.

It knows nothing of this project. Its answer is one JSON object on standard output.
"""

import asyncio
import json
import logging
import sys
from typing import Any

from pyrogram import Client, raw
from pyrogram.connection import connection
from pyrogram.connection.transport import TCPAbridged, TCPFull, TCPIntermediate
from pyrogram.crypto import rsa
from pyrogram.errors import AccessTokenInvalid, RPCError

TRANSPORTS = {"abridged": TCPAbridged, "full": TCPFull, "intermediate": TCPIntermediate}


def make_client(task: dict) -> Client:
    rsa.server_public_keys.clear()
    rsa.server_public_keys[task["fingerprint"]] = rsa.PublicKey(int(task["n"], 16), task["e"])
    # Every connection goes to the datacenter under test, whatever address the client has in mind.
    connection.DataCenter = lambda *args: (task["host"], task["port"])
    connection.TCPAbridged = TRANSPORTS[task["transport"]]
    return Client(
        "peer",
        api_id=task["api_id"],
        api_hash=task["api_hash"],
        bot_token=task["bot_token"],
        in_memory=True,
        no_updates=not task["receive_updates"],
    )


async def ask(client: Client, query: Any) -> Any:
    try:
        return json.loads(str(await client.invoke(query)))
    except RPCError as error:
        return {"error": type(error).__name__, "code": error.CODE}


async def main(task: dict) -> dict:
    client = make_client(task)
    try:
        await client.start()
    except AccessTokenInvalid:
        return {"login": "AccessTokenInvalid"}
    try:
        owner = raw.types.InputUser(user_id=task["owner_id"], access_hash=task["owner_hash"])
        return {
            "login": "done",
            "layer": raw.all.layer,
            "user_id": client.me.id,
            "config": await ask(client, raw.functions.help.GetConfig()),
            "owner": await ask(client, raw.functions.users.GetFullUser(id=owner)),
            "state": await ask(client, raw.functions.updates.GetState()),
            "difference": await ask(client, raw.functions.updates.GetDifference(pts=1, date=1, qts=0)),
        }
    finally:
        await client.stop()


logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
print(json.dumps(asyncio.run(main(json.load(sys.stdin))), default=str))
