"""This library's client as the program that a conformance run expects.

``python -m mtproto.conform.client HOST PORT PUBLIC_KEY_FILE TRANSPORT [--front-end asyncio|blocking]`` logs in with
MTPROTO_API_ID, MTPROTO_API_HASH and MTPROTO_BOT_TOKEN, makes two calls two seconds apart and prints one JSON line for
each. A login that fails is printed in place of the first call, and is the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from mtproto import __version__
from mtproto.client.datacenters import DC
from mtproto.client.link import App
from mtproto.crypto.rsa import PublicKey
from mtproto.errors import MTProtoError
from mtproto.schema.api.functions import account
from mtproto.schema.api.types import BotBusinessConnection, UpdateBotBusinessConnect

CONNECTION_ID = "demo"
PAUSE = 2.0
PATIENCE = 12.0
"""Seconds for each answer, and for the way to the first one: less than what a run waits for a line."""


class Task:
    """Where to connect, as whom, and how long until the first call has to be answered."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.dc = DC(args.host, args.port, args.dc_id, [PublicKey.from_pem(Path(args.public_key).read_bytes())])
        self.app = App(int(os.environ["MTPROTO_API_ID"]), os.environ["MTPROTO_API_HASH"])
        self._until = monotonic() + PATIENCE
        transport = {"proxy": args.transport} if "://" in args.transport else {"transport": args.transport}
        self.options: dict[str, Any] = {**transport, "key_exchange_timeout": PATIENCE}

    @property
    def login(self) -> dict[str, Any]:
        """The fields of auth.importBotAuthorization."""
        token = os.environ["MTPROTO_BOT_TOKEN"]
        return {"flags": 0, "api_id": self.app.api_id, "api_hash": self.app.api_hash, "bot_auth_token": token}

    @property
    def left(self) -> float:
        """Seconds until the first line is due."""
        return max(self._until - monotonic(), 0.1)


async def on_asyncio(task: Task) -> None:
    """The program, on the asyncio front end. Raises MTProtoError where the login fails."""
    from mtproto.client.asyncio import connect

    async with await connect(task.dc, task.app, **task.options) as client:
        await client.call("auth.importBotAuthorization", timeout=task.left, **task.login)
        for timeout in (task.left, PATIENCE):
            if timeout == PATIENCE:
                await asyncio.sleep(PAUSE)
            try:
                report(await client.call(question(), timeout=timeout))
            except MTProtoError as error:
                fail(error)


def on_blocking(task: Task) -> None:
    """The same on the blocking front end."""
    from mtproto.client.blocking import connect

    with connect(task.dc, task.app, **task.options) as client:
        client.call("auth.importBotAuthorization", timeout=task.left, **task.login)
        for timeout in (task.left, PATIENCE):
            if timeout == PATIENCE:
                resume = monotonic() + PAUSE
                with suppress(MTProtoError):
                    for _ in client.events(PAUSE):
                        pass
                sleep(max(resume - monotonic(), 0.0))
            try:
                report(client.call(question(), timeout=timeout))
            except MTProtoError as error:
                fail(error)


FRONT_ENDS = {"asyncio": lambda task: asyncio.run(on_asyncio(task)), "blocking": on_blocking}


def question() -> account.GetBotBusinessConnection:
    """The call."""
    return account.GetBotBusinessConnection(connection_id=CONNECTION_ID)


def report(updates: object) -> None:
    """Print the answer of a call: the business connection that it names."""
    for update in getattr(updates, "updates", ()):
        if isinstance(update, UpdateBotBusinessConnect) and isinstance(update.connection, BotBusinessConnection):
            say({"ok": True, "connection_id": update.connection.connection_id, "date": update.connection.date})
            return
    say({"ok": False, "error": f"{type(updates).__name__} without a business connection"})


def fail(error: MTProtoError) -> None:
    """Print how a call failed."""
    say({"ok": False, "error": f"{type(error).__name__}: {error}"})


def say(line: dict[str, object]) -> None:
    """Print one line, now."""
    print(json.dumps(line), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; 1 where the login failed."""
    parser = argparse.ArgumentParser(prog="python -m mtproto.conform.client")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("public_key", metavar="PUBLIC_KEY_FILE")
    parser.add_argument("transport", help="a transport's name, or the link of an MTProxy")
    parser.add_argument("--front-end", choices=FRONT_ENDS, default="asyncio")
    parser.add_argument("--dc-id", type=int, default=2)
    args = parser.parse_args(argv)
    say({"client": f"mtproto ({args.front_end})", "version": __version__})
    try:
        FRONT_ENDS[args.front_end](Task(args))
    except MTProtoError as error:
        fail(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
