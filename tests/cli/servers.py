"""Servers that misbehave, on loopback ports and in threads: what a command has to end with is what they provoke."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

Handler = Callable[["Loopback", socket.socket], None]


class Loopback:
    """Accepts connections and gives each to ``handler`` in a thread of its own; ``over`` is set when it ends."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.over = threading.Event()
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            sock.settimeout(5)
            with suppress(OSError):  # the client has gone
                self.handler(self, sock)


def read_frame(sock: socket.socket, first: bool = False) -> bytes:
    """One frame of the intermediate transport, length included; b"" at the end. ``first``: its marker comes before."""
    marker = _exactly(sock, 4) if first else b""
    length = _exactly(sock, 4)
    if len(length) < 4:
        return b""
    return marker + length + _exactly(sock, int.from_bytes(length, "little"))


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = sock.recv(count - len(data))
        if not chunk:
            return b""
        data += chunk
    return data


def frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "little") + payload


def silent(server: Loopback, sock: socket.socket) -> None:
    """Reads what comes and says nothing."""
    while sock.recv(65536):
        pass


def saying(data: bytes) -> Handler:
    """Answers the first bytes with ``data``, whatever they are, and then reads on."""

    def handler(server: Loopback, sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(data)
        silent(server, sock)

    return handler


def dripping(interval: float) -> Handler:
    """Promises a frame of 64 bytes and sends them one by one."""

    def handler(server: Loopback, sock: socket.socket) -> None:
        sock.recv(65536)
        for byte in frame(bytes(64)):
            sock.sendall(bytes([byte]))
            if server.over.wait(interval):
                return

    return handler


def cut_after_question(count: int, port: int) -> Handler:
    """Passes on what both sides say, but closes when it has the client's frame number ``count``."""

    def handler(server: Loopback, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as dc:
            for number in range(1, count):
                dc.sendall(read_frame(client, first=number == 1))
                client.sendall(read_frame(dc))
            read_frame(client, first=count == 1)

    return handler


def with_answer(count: int, port: int, change: Callable[[bytes], bytes]) -> Handler:
    """Passes on what both sides say; the frame number ``count`` to the client is changed, and then it says no more."""

    def handler(server: Loopback, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as dc:
            for number in range(1, count + 1):
                dc.sendall(read_frame(client, first=number == 1))
                answer = read_frame(dc)
                client.sendall(change(answer) if number == count else answer)
            silent(server, client)

    return handler
