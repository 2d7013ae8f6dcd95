"""Servers for the front ends: the test datacenter, and sockets that do one thing wrong."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar

from mtproto.client.datacenters import DC
from mtproto.client.link import App
from mtproto.crypto.rsa import PublicKey
from mtproto.environment import SystemEnvironment
from mtproto.testdc import DataCenter
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_TOKEN
from tests.handshake.rig import KEY

APP = App(API_ID, API_HASH)
LOGIN: dict[str, Any] = {"flags": 0, "api_id": API_ID, "api_hash": API_HASH, "bot_auth_token": BOT_TOKEN}
NEVER = "account.updateStatus"
"""A method that ``new_dc`` never answers."""
LATER = "help.getInviteText"
"""A method that ``new_dc`` answers when ``dc.released`` is called."""
T = TypeVar("T")


class TestDataCenter(DataCenter):
    """A datacenter that holds some answers back."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__(SystemEnvironment(), private_key=KEY)
        self.held: list[Any] = []
        self.handle(NEVER, lambda call: None, login=False)
        self.handle(LATER, self._hold, login=False)

    def _hold(self, call: Any) -> None:
        self.held.append(call)

    def release(self, reply: Any = None) -> None:
        from mtproto.schema.api import types

        for call in self.held:
            call.answer(types.help.InviteText(message="come") if reply is None else reply)
        self.held.clear()


def new_dc() -> TestDataCenter:
    return TestDataCenter()


def address(place: Any, *, key: PublicKey | None = None) -> DC:
    """How a client gets to a listener, or to (host, port)."""
    host, port = (place.host, place.port) if hasattr(place, "host") else place
    return DC(host, port, 2, [key or KEY.public])


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``main`` in a loop of its own and demand that it leaves nothing behind: no task, no socket, no complaint."""
    problems: list[dict[str, Any]] = []

    async def wrapped() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        async with asyncio.timeout(30):
            result = await main()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = asyncio.run(wrapped(), debug=True)
        gc.collect()
    assert problems == []
    assert [str(warning.message) for warning in caught] == []
    return result


@contextmanager
def misbehaving(serve: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """A port whose connections are each given to ``serve`` and then closed."""
    listening = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def main() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                if stopped.is_set():
                    return
                with suppress(OSError):
                    serve(connection)

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[:2]
    finally:
        stopped.set()
        with socket.create_connection(listening.getsockname()[:2], timeout=10):
            pass
        listening.close()
        thread.join(10)


@contextmanager
def unreachable() -> Iterator[tuple[str, int]]:
    """A port that takes no connection: its queue is full, so that further ones get no answer at all."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()


def says(data: bytes) -> Callable[[socket.socket], None]:
    """A server that answers the first bytes with ``data`` and closes when the client does."""

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(data)
        while connection.recv(1000):
            pass

    return serve


def hangs_up(connection: socket.socket) -> None:
    connection.recv(1000)


def listens(connection: socket.socket) -> None:
    """A server that reads and never answers."""
    while connection.recv(1000):
        pass


UNENCRYPTED = bytes(8) + b"\1" + bytes(7) + b"\4\0\0\0"
FAULTS = {
    "hangs up": (hangs_up, "ConnectionLost"),
    "-404": (says(b"\4\0\0\0" + (-404).to_bytes(4, "little", signed=True)), "TransportFault"),
    "-429": (says(b"\4\0\0\0" + (-429).to_bytes(4, "little", signed=True)), "TransportFault"),
    "plain text": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "FramingError"),
    "an empty frame": (says(bytes(4)), "FramingError"),
    "an encrypted payload": (says(b"\x58\0\0\0" + bytes(range(88))), "SecurityError"),
    "an unencrypted update": (says(b"\x18\0\0\0" + UNENCRYPTED + b"updt"), "UnknownConstructor"),
    "an odd length": (says(b"\5\0\0\0hello"), "FramingError"),
}
"""What a server does instead of a key exchange, and the error that the client ends with."""
