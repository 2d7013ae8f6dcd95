"""Listener: a DataCenter behind a TCP port, on asyncio. It only moves bytes and arms timers.

Many connections at once. Answers to what one read brought leave together, in one container, and so does whatever
becomes ready in one turn of the loop. Reading stops while writing is paused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mtproto.connection import Connection
from mtproto.errors import UsageError
from mtproto.testdc.datacenter import DataCenter

if TYPE_CHECKING:
    from ssl import SSLContext

IDLE = 0.05
"""Seconds without traffic after which a pair (a, g_a) is computed ahead, which takes about 22 ms."""

CLOSE_TIMEOUT = 0.5
"""Seconds that written data may take to leave when the listener closes."""

PAUSED_TICK = 1.0


class _Timer:
    """One timer of the loop, kept at the earliest time that was asked for since it last fired."""

    __slots__ = ("_fire", "_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, fire: Callable[[], None]) -> None:
        self._loop = loop
        self._fire = fire
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, delay: float | None) -> None:
        """Fire in ``delay`` seconds, or earlier if that was asked for before; None changes nothing."""
        if delay is None or delay == float("inf"):
            return
        when = self._loop.time() + max(delay, 0.0)
        if self._handle is not None:
            if self._handle.when() <= when:
                return
            self._handle.cancel()
        self._handle = self._loop.call_at(when, self._run)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _run(self) -> None:
        self._handle = None
        self._fire()


class _Socket(asyncio.Protocol):
    """The socket of one connection."""

    __slots__ = ("_listener", "_paused", "_timer", "_transport", "connection")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._paused = False
        self._timer = _Timer(listener.loop, self._fire)
        self._transport: asyncio.Transport | None = None
        self.connection: Connection = listener.dc.accept()

    # asyncio sets TCP_NODELAY on every TCP transport that it makes.
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._listener.opened(self)
        self.arm()

    def data_received(self, data: bytes) -> None:
        self.connection.receive_data(data)
        self._listener.process(self)

    def eof_received(self) -> None:
        self.connection.receive_eof()
        self._listener.process(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._transport = None
        self.connection.receive_eof()
        self._listener.process(self)
        self._listener.lost(self)

    def pause_writing(self) -> None:
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if self._transport is not None:
            self._transport.resume_reading()
        self.flush()

    def flush(self) -> None:
        """Write what is ready until the socket pushes back; then wait for the next deadline, or close."""
        while self._transport is not None and (self.connection.closed or not self._paused):
            data = self.connection.data_to_send()
            if not data:
                break
            self._transport.write(data)
        if self.connection.closed:
            self.close()
        self.arm()

    def arm(self) -> None:
        """Keep the timer at the connection's next deadline; while writing is paused only its close timer matters."""
        deadline = self.connection.next_deadline()
        if deadline is not None and self._transport is not None:
            self._timer.arm(max(deadline - self.connection.env.monotonic(), PAUSED_TICK if self._paused else 0.0))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _fire(self) -> None:
        self.connection.handle_timer()
        self._listener.process(self)


class Listener:
    """A datacenter that listens. Made by ``serve``; an async context manager.

    ``host`` and ``port`` say where, once it is open.
    """

    def __init__(self, dc: DataCenter, host: str, port: int, spare: bool, ssl: SSLContext | None) -> None:
        self.dc = dc
        self.host = host
        self.port = port
        self._ssl = ssl
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._sockets: dict[Connection, _Socket] = {}
        self._flushing = False
        self._timer = _Timer(self.loop, self._fire)
        self._spare = _Timer(self.loop, self._prepare) if spare else None
        self._busy_until = 0.0
        self._empty = asyncio.Event()
        self._empty.set()

    async def __aenter__(self) -> Self:
        if self.dc.on_ready is not None:
            raise UsageError("this datacenter is already served")
        self._server = await self.loop.create_server(lambda: _Socket(self), self.host, self.port, ssl=self._ssl)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]
        self.dc.addresses.append((self.host, self.port))
        self.dc.on_ready = self.schedule_flush
        self._arm_spare(IDLE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening and end every connection; what was written has half a second to leave."""
        if self._server is None:
            return
        self._server.close()
        self.dc.addresses.remove((self.host, self.port))
        self.dc.on_ready = None
        self._timer.cancel()
        if self._spare is not None:
            self._spare.cancel()
            self._spare = None
        for socket in list(self._sockets.values()):
            socket.connection.close()
            socket.flush()
            socket.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._empty.wait()
        except TimeoutError:
            for socket in list(self._sockets.values()):
                socket.abort()
            await self._empty.wait()
        await self._server.wait_closed()
        self._server = None

    # ---- what its sockets ask for

    def opened(self, socket: _Socket) -> None:
        self._sockets[socket.connection] = socket
        self._empty.clear()

    def lost(self, socket: _Socket) -> None:
        self._sockets.pop(socket.connection, None)
        if not self._sockets:
            self._empty.set()

    def process(self, socket: _Socket) -> None:
        """Serve what a connection received, and write the answers: a turn of the loop later costs 20 µs a call."""
        self._busy_until = self.loop.time() + IDLE
        self._flushing = True
        try:
            self.dc.process(socket.connection)
        finally:
            self._flush()
        self._arm_spare(IDLE)

    def schedule_flush(self) -> None:
        """Write what became ready otherwise, once the callbacks that are ready have run."""
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        for connection in self.dc.take_ready():
            socket = self._sockets.get(connection)
            if socket is not None:
                socket.flush()
        self._arm()

    def _arm(self) -> None:
        deadline = self.dc.next_deadline()
        if deadline is not None:
            self._timer.arm(deadline - self.dc.env.monotonic())

    def _fire(self) -> None:
        self.dc.handle_timer()
        self.schedule_flush()

    def _prepare(self) -> None:
        """Compute one pair ahead if nothing has happened for a while; look again while there are too few."""
        wait = self._busy_until - self.loop.time()
        if wait > 0:
            self._arm_spare(wait)
        elif self.dc.runs.prepare():
            self._arm_spare(0.0)

    def _arm_spare(self, delay: float) -> None:
        if self._spare is not None:
            self._spare.arm(delay)


def serve(
    dc: DataCenter, host: str = "127.0.0.1", port: int = 0, *, spare: bool = True, ssl: SSLContext | None = None
) -> Listener:
    """``async with serve(dc) as listener``: the datacenter behind ``listener.host`` and ``listener.port``.

    ``port`` 0: any free one. ``spare``: compute pairs (a, g_a) ahead while nothing else happens. ``ssl``: speak TLS.
    Raises UsageError for an impossible port or a datacenter that is already served, OSError where the address cannot
    be used.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"a port is 0 to 65535, not {port}")
    return Listener(dc, host, port, spare, ssl)
