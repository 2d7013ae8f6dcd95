"""Telethon 1.45.0 as a client of the conformance run.

pip install telethon==1.45.0        # in an environment of its own
mtproto conform --client 'env/bin/python telethon_client.py {host} {port} {public_key_file} {transport}'
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from telethon import TelegramClient, __version__, functions, network
from telethon.crypto import rsa
from telethon.sessions import MemorySession

CONNECTIONS = {
    "full": network.ConnectionTcpFull,
    "abridged": network.ConnectionTcpAbridged,
    "intermediate": network.ConnectionTcpIntermediate,
    "obfuscated-abridged": network.ConnectionTcpObfuscated,
}
PAUSE, PATIENCE = float(os.environ["MTPROTO_PAUSE"]), float(os.environ["MTPROTO_PATIENCE"])


def say(**line: object) -> None:
    print(json.dumps(line), flush=True)


def make(host: str, port: str, public_key_file: str, transport: str) -> TelegramClient:
    if transport not in CONNECTIONS:
        sys.exit(f"Telethon has no transport {transport}")
    rsa._server_keys.clear()
    rsa.add_key(Path(public_key_file).read_text(), old=False)
    session = MemorySession()
    session.set_dc(2, host, int(port))
    api_id, api_hash = int(os.environ["MTPROTO_API_ID"]), os.environ["MTPROTO_API_HASH"]
    return TelegramClient(session, api_id, api_hash, connection=CONNECTIONS[transport])


async def call(client: TelegramClient) -> None:
    query = functions.account.GetBotBusinessConnectionRequest(connection_id="demo")
    try:
        result = await asyncio.wait_for(client(query), PATIENCE)
        found = result.updates[0].connection
        say(ok=True, connection_id=found.connection_id, date=int(found.date.timestamp()))
    except Exception as error:
        say(ok=False, error=repr(error))


async def main() -> None:
    say(client="Telethon", version=__version__)
    client = make(*sys.argv[1:])
    try:
        await asyncio.wait_for(client.start(bot_token=os.environ["MTPROTO_BOT_TOKEN"]), PATIENCE)
    except Exception as error:
        say(ok=False, error=repr(error))
        sys.exit(1)
    await call(client)
    await asyncio.sleep(PAUSE)
    await call(client)
    await client.disconnect()


asyncio.run(main())
