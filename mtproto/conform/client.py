"""This library's client as the program that a conformance run expects.

``python -m mtproto.conform.client HOST PORT PUBLIC_KEY_FILE TRANSPORT [--front-end asyncio|blocking]`` logs in with
MTPROTO_API_ID, MTPROTO_API_HASH and MTPROTO_BOT_TOKEN, makes two calls two seconds apart and prints one JSON line for
each. A login that fails is printed in place of the first call, and is the end. MTPROTO_SCENARIO can ask for more, see
``mtproto.conform.case.SCENARIOS``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from mtproto import __version__
from mtproto.client.datacenters import DC
from mtproto.client.link import App
from mtproto.client.password import check_password
from mtproto.conform.case import FAKE_TLS_TRANSPORT, PASSWORD, RESTART
from mtproto.crypto.rsa import PublicKey
from mtproto.errors import MTProtoError, RpcError
from mtproto.schema.api.types import BotBusinessConnection, CodeSettings, UpdateBotBusinessConnect

QUESTION = "account.getBotBusinessConnection", {"connection_id": "demo"}
PAUSE = float(os.environ.get("MTPROTO_PAUSE", 2))
PATIENCE = float(os.environ.get("MTPROTO_PATIENCE", 10))
"""Seconds: between the calls, and for each answer."""

Step = tuple[str, dict[str, Any]] | float
"""A call, by TL name and fields, or a pause in seconds."""

Steps = Generator[Step, Any, None]


class Task:
    """Where to connect, as whom, how, and until when the next line has to be there."""

    def __init__(self, args: argparse.Namespace, folder: str) -> None:
        self.dc = DC(args.host, args.port, 2, [PublicKey.from_pem(Path(args.public_key).read_bytes())])
        self.app = App(int(os.environ["MTPROTO_API_ID"]), os.environ["MTPROTO_API_HASH"])
        self.scenario = os.environ.get("MTPROTO_SCENARIO", "")
        self.options: dict[str, Any] = {
            "transport": args.transport,
            "key_exchange_timeout": PATIENCE,
            "quick_ack": True,
        }
        if args.transport == FAKE_TLS_TRANSPORT:
            self.options |= {"transport": None, "proxy": os.environ["MTPROTO_PROXY_LINK"]}
        if self.scenario == RESTART:  # what outlives a process is the permanent key
            self.options |= {"key_store": f"{folder}/auth.key", "pfs": False}
        self._until = monotonic() + PATIENCE

    def another(self) -> None:
        """The time for another line begins."""
        self._until = monotonic() + PATIENCE

    @property
    def left(self) -> float:
        """Seconds until the next line is due."""
        return max(self._until - monotonic(), 0.1)

    def lives(self) -> Iterator[Steps]:
        """What each client that is made does: there is one, where nothing else is asked for."""
        if self.scenario == RESTART:
            yield from (first(self), second())
        else:
            yield both(self)


# ---- what is done, free of any front end


def both(task: Task) -> Steps:
    """Everything."""
    yield from first(task)
    yield from second()


def first(task: Task) -> Steps:
    """Log in, and make the first call; what fails before it is printed in its place. Raises where the login fails."""
    try:
        if task.scenario == PASSWORD:
            yield from sign_in(task)
        early: MTProtoError | None = None
    except MTProtoError as error:
        early = error
    token = os.environ["MTPROTO_BOT_TOKEN"]
    app = {"api_id": task.app.api_id, "api_hash": task.app.api_hash}
    yield "auth.importBotAuthorization", {"flags": 0, **app, "bot_auth_token": token}
    try:
        yield "help.getConfig", {}
        if early is not None:
            raise early
        report((yield QUESTION))
    except MTProtoError as error:
        fail(error)


def second() -> Steps:
    """Wait, and make the second call."""
    yield PAUSE
    try:
        report((yield QUESTION))
    except MTProtoError as error:
        fail(error)


def sign_in(task: Task) -> Steps:
    """Log in as the user who has a password."""
    phone = os.environ["MTPROTO_PHONE"]
    app = {"api_id": task.app.api_id, "api_hash": task.app.api_hash}
    sent = yield "auth.sendCode", {"phone_number": phone, **app, "settings": CodeSettings()}
    code = {"phone_code_hash": sent.phone_code_hash, "phone_code": os.environ["MTPROTO_CODE"]}
    try:
        yield "auth.signIn", {"phone_number": phone, **code}
    except RpcError as error:
        if error.name != "SESSION_PASSWORD_NEEDED":
            raise
    state = yield "account.getPassword", {}
    yield "auth.checkPassword", {"password": check_password(os.environ["MTPROTO_PASSWORD"], state)}


# ---- the front ends


async def on_asyncio(task: Task) -> None:
    """The program, on the asyncio front end. Raises MTProtoError where the login fails."""
    from mtproto.client.asyncio import connect

    for steps in task.lives():
        async with await connect(task.dc, task.app, **task.options) as client:
            step = next(steps, None)
            while step is not None:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                    task.another()
                    step = go_on(steps, None)
                    continue
                try:
                    result = await client.call(step[0], timeout=task.left, **step[1])
                except MTProtoError as error:
                    result = error
                step = go_on(steps, result)


def on_blocking(task: Task) -> None:
    """The same on the blocking front end."""
    from mtproto.client.blocking import connect

    for steps in task.lives():
        with connect(task.dc, task.app, **task.options) as client:
            step = next(steps, None)
            while step is not None:
                if isinstance(step, float):
                    pause(client, step)
                    task.another()
                    step = go_on(steps, None)
                    continue
                try:
                    result = client.call(step[0], timeout=task.left, **step[1])
                except MTProtoError as error:
                    result = error
                step = go_on(steps, result)


def go_on(steps: Steps, result: Any) -> Step | None:
    """The next step, None where there is none; raises what the steps raise."""
    try:
        return steps.throw(result) if isinstance(result, MTProtoError) else steps.send(result)
    except StopIteration:
        return None


def pause(client: Any, seconds: float) -> None:
    """Let time pass, and the blocking client do its part meanwhile."""
    resume = monotonic() + seconds
    with suppress(MTProtoError):
        for _ in client.events(seconds):
            pass
    sleep(max(resume - monotonic(), 0.0))


FRONT_ENDS = {"asyncio": lambda task: asyncio.run(on_asyncio(task)), "blocking": on_blocking}


# ---- what is printed


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
    parser.add_argument("transport", help=f"a transport's name, or {FAKE_TLS_TRANSPORT}, for MTPROTO_PROXY_LINK")
    parser.add_argument("--front-end", choices=FRONT_ENDS, default="asyncio")
    args = parser.parse_args(argv)
    say({"client": f"mtproto ({args.front_end})", "version": __version__})
    try:
        with TemporaryDirectory(prefix="mtproto-client-") as folder:
            FRONT_ENDS[args.front_end](Task(args, folder))
    except MTProtoError as error:
        fail(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
