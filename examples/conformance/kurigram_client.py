"""Kurigram 2.2.26 as a client of the conformance run.

    pip install kurigram==2.2.26        # in an environment of its own
    mtproto conform --client 'PYTHON kurigram_client.py {host} {port} {transport} {fingerprint} {modulus} {exponent}'

PYTHON is the interpreter of that environment.
"""

import asyncio
import json
import os
import sys

from pyrogram import Client, __version__, raw
from pyrogram.connection import Connection, transport
from pyrogram.crypto import rsa

TRANSPORTS = {
    "abridged": transport.TCPAbridged,
    "full": transport.TCPFull,
    "intermediate": transport.TCPIntermediate,
    "padded": transport.TCPIntermediatePadded,
    "obfuscated-abridged": transport.TCPAbridgedO,
    "obfuscated-intermediate": transport.TCPIntermediateO,
}
PAUSE, PATIENCE = float(os.environ["MTPROTO_PAUSE"]), float(os.environ["MTPROTO_PATIENCE"])


def say(**line: object) -> None:
    print(json.dumps(line), flush=True)


def make(host: str, port: str, transport: str, fingerprint: str, modulus: str, exponent: str) -> Client:
    if transport not in TRANSPORTS:
        sys.exit(f"Kurigram has no transport {transport}")
    rsa.server_public_keys.clear()
    rsa.server_public_keys[int(fingerprint)] = rsa.PublicKey(int(modulus, 16), int(exponent))

    class Local(Connection):
        def __init__(self, **options: object) -> None:
            super().__init__(**{**options, "server_address": host, "port": int(port)})

    return Client(
        "conformance",
        api_id=int(os.environ["MTPROTO_API_ID"]),
        api_hash=os.environ["MTPROTO_API_HASH"],
        bot_token=os.environ["MTPROTO_BOT_TOKEN"],
        in_memory=True,
        connection_factory=Local,
        protocol_factory=TRANSPORTS[transport],
    )


async def call(client: Client) -> None:
    query = raw.functions.account.GetBotBusinessConnection(connection_id="demo")
    try:
        found = (await asyncio.wait_for(client.invoke(query), PATIENCE)).updates[0].connection
        say(ok=True, connection_id=found.connection_id, date=found.date)
    except Exception as error:
        say(ok=False, error=repr(error))


async def main() -> None:
    say(client="Kurigram", version=__version__)
    client = make(*sys.argv[1:])
    try:
        await asyncio.wait_for(client.start(), PATIENCE)
    except Exception as error:
        say(ok=False, error=repr(error))
        sys.exit(1)
    await call(client)
    await asyncio.sleep(PAUSE)
    await call(client)
    await client.stop()


asyncio.run(main())
