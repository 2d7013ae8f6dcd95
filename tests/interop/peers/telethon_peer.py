"""Telethon against a datacenter: run as a program, told what to do by one JSON object on standard input.

It knows nothing of this project. Its answer is one JSON object on standard output.
"""

import asyncio
import json
import logging
import sys

from telethon import TelegramClient, events, functions, network
from telethon.crypto import rsa
from telethon.errors import AccessTokenInvalidError, RPCError
from telethon.sessions import MemorySession

CONNECTIONS = {
    "full": network.ConnectionTcpFull,
    "abridged": network.ConnectionTcpAbridged,
    "intermediate": network.ConnectionTcpIntermediate,
    "obfuscated-abridged": network.ConnectionTcpObfuscated,
}
PROXIED = {
    "obfuscated-abridged": network.ConnectionTcpMTProxyAbridged,
    "obfuscated-intermediate": network.ConnectionTcpMTProxyIntermediate,
    "obfuscated-padded": network.ConnectionTcpMTProxyRandomizedIntermediate,
}


def make_client(task: dict) -> TelegramClient:
    rsa._server_keys.clear()
    rsa.add_key(task["public_key_pem"], old=False)
    session = MemorySession()
    session.set_dc(task["dc_id"], task["host"], task["port"])
    secret = task["proxy_secret"]
    return TelegramClient(
        session,
        task["api_id"],
        task["api_hash"],
        connection=(PROXIED if secret else CONNECTIONS)[task["transport"]],
        proxy=(task["host"], task["port"], secret) if secret else None,
        receive_updates=task["receive_updates"],
        connection_retries=1,
        request_retries=1,
    )


async def ask(client: TelegramClient, connection_id: str) -> dict:
    try:
        result = await client(functions.account.GetBotBusinessConnectionRequest(connection_id=connection_id))
        return result.to_dict()
    except RPCError as error:
        return {"error": type(error).__name__, "code": error.code}


async def one_update(client: TelegramClient) -> dict:
    """Call what makes the datacenter push an update, and wait for it."""
    arrived = client.loop.create_future()
    client.add_event_handler(lambda update: arrived.set_result(update), events.Raw())
    await client(functions.account.UpdateStatusRequest(offline=False))
    return (await asyncio.wait_for(arrived, 30)).to_dict()


async def main(task: dict) -> dict:
    client = make_client(task)
    try:
        await client.connect()
    except Exception as error:
        return {"login": "no key", "why": repr(error)}
    try:
        await client.start(bot_token=task["bot_token"])
        report = {"login": "done", "user_id": (await client.get_me()).id}
        report["answers"] = {name: await ask(client, name) for name in task["connection_ids"]}
        if task["wait_for_update"]:
            report["update"] = await one_update(client)
        if task["log_out"]:
            report["logged_out"] = await client.log_out()
        return report
    except AccessTokenInvalidError:
        return {"login": "AccessTokenInvalid"}
    finally:
        await client.disconnect()


logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
print(json.dumps(asyncio.run(main(json.load(sys.stdin))), default=str))
