"""The asyncio front end: it moves bytes, wakes waiters and arms one timer; everything else is in the core.

Requests made in one turn of the event loop leave together, in one container.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from math import inf
from typing import Any, Self, TypeVar, overload

from mtproto.client.calls import After, lost, resolve
from mtproto.client.datacenters import DC
from mtproto.client.link import App
from mtproto.client.opening import (
    CALL_TIMEOUT,
    CLOSE_TIMEOUT,
    CONNECT_TIMEOUT,
    KEY_EXCHANGE_TIMEOUT,
    BaseClient,
    KeyFile,
    Opening,
    Watch,
    limit,
    no_answer,
    no_key,
    positive,
)
from mtproto.client.sockets import RECEIVED, open_transport
from mtproto.client.way import ProxyLink, Tls, TunnelLink, Way
from mtproto.environment import Environment
from mtproto.errors import MTProtoError
from mtproto.session.events import NewSession, Undecoded
from mtproto.tl.objects import Function, TLObject

R = TypeVar("R")
WRITE_SIZE = 65536


class _Wire(asyncio.BufferedProtocol):
    """The socket's end: bytes to the connection and back, outcomes to the futures that wait for them."""

    def __init__(self, opening: Opening, connect_timeout: float) -> None:
        self.opening, self.connect_timeout = opening, connect_timeout
        self.calls = opening.calls
        self.loop = asyncio.get_running_loop()
        self.gone, self.news = asyncio.Event(), asyncio.Event()
        self.gone.set()  # there is no socket
        self.waiters: dict[int, tuple[asyncio.Future[Any], float]] = {}
        self._attempt: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self.closing = self._paused = self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf  # when the timer fires, in loop time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._paused = False
        self.gone.clear()
        self.opening.opened() if not self.closing else transport.close()

    def get_buffer(self, sizehint: int) -> memoryview:
        return RECEIVED.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.calls.connection.receive_data(RECEIVED.buffer[:nbytes].tobytes())
        self.settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.gone.set()
        self.calls.connection.receive_eof()
        self.settle()

    def pause_writing(self) -> None:
        self._paused = True  # reading goes on: a server that waits for us to read would never read itself

    def resume_writing(self) -> None:
        self._paused = False
        self.flush()
        self.arm()

    def settle(self) -> None:
        """Hand out what the events brought; then write, wait for the next deadline, or close."""
        outcomes = list(self.calls.outcomes())
        for outcome in outcomes:
            waiter = self.waiters.pop(outcome.request_id, None)
            if waiter is not None and not waiter[0].done():
                if outcome.error is not None:
                    waiter[0].set_exception(outcome.error)
                else:
                    waiter[0].set_result(outcome.value)
        self.news.set()
        if outcomes or self.calls.connection.wants_write:
            self.schedule_flush()  # behind all tasks that were woken: what they ask for next leaves in this turn
        self.arm()
        if self.calls.connection.closed and self._transport is not None:
            self.flush()  # a WebSocket's last words
            self._transport.close() if self.calls.ended else self._transport.abort()

    def schedule_flush(self) -> None:
        """Flush once the callbacks that are ready now have run: what they ask for travels along."""
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        self._flushing = False
        while not self._paused and self._transport is not None:
            data = self.calls.connection.data_to_send(WRITE_SIZE)
            self._transport.write(data)
            if len(data) < WRITE_SIZE:
                break

    def arm(self) -> None:
        """Have the timer fire at the connection's next deadline."""
        when = self.calls.next_deadline()
        if when is not None and not self.calls.ended:
            when += self.loop.time() - self.calls.link.env.monotonic()
            self.wake_at(max(when, self.loop.time() + 1.0) if self._paused else when)  # paused: it may not leave now

    def wake_at(self, when: float) -> None:
        """Keep the one timer at the earliest loop time asked for since it last fired."""
        if when >= self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = when
        self._timer = self.loop.call_at(when, self._fire)

    def _fire(self) -> None:
        self._timer, self._due = None, inf
        for request_id in [r for r, (_, deadline) in self.waiters.items() if deadline <= self.loop.time()]:
            future, _ = self.waiters.pop(request_id)
            self.calls.cancel(request_id)
            if not future.done():
                future.set_exception(TimeoutError())
        self.calls.handle_timer()
        if self.calls.recovery is not None and self._transport is None and self.calls.recovery.begin():
            self._attempt = self.loop.create_task(self._reconnect())
        self.settle()
        self.wake_at(min((deadline for _, deadline in self.waiters.values()), default=inf))

    async def _reconnect(self) -> None:
        try:
            await self.open()
        except MTProtoError as error:
            self.calls.failed(error)
        self.settle()

    async def open(self) -> None:
        """Make a socket. Raises ConnectionLost."""
        await open_transport(self.opening.way, lambda: self, self.calls.link.env, self.connect_timeout)

    async def close(self) -> None:
        """Write what is pending, and end everything: calls, timer, attempts, socket; also where this is cancelled."""
        self.closing = True
        self.flush()
        self.calls.close()
        self.settle()
        if self._timer is not None:
            self._timer.cancel()
        try:
            if self._attempt is not None:
                self._attempt.cancel()
                await asyncio.wait([self._attempt])
            with suppress(TimeoutError):
                await asyncio.wait_for(self.gone.wait(), CLOSE_TIMEOUT)
        finally:
            if self._transport is not None:
                self._transport.abort()
        await self.gone.wait()


class Client(BaseClient[_Wire]):
    """A connected client. Made by ``connect``; an async context manager that closes itself."""

    __slots__ = ()

    @overload
    async def call(self, function: Function[R], /, *, timeout: float | None = ..., after: After = ...) -> R: ...

    @overload
    async def call(
        self, function: str, /, *, timeout: float | None = ..., after: After = ..., **fields: Any
    ) -> Any: ...

    async def call(
        self, function: Any, /, *, timeout: float | None = CALL_TIMEOUT, after: After = (), **fields: Any
    ) -> Any:
        """Send one function and return its result, of exactly the type the schema gives.

        ``function`` is an object of ``schema.api.functions`` (or a service query of ``schema.mtproto``), or a TL
        name with its fields. ``timeout`` in seconds, None for no limit. ``after``: functions whose calls are under
        way, for the server to execute first. Raises UsageError before anything is sent; RpcError, DecodeError,
        BadMessage, OutcomeUnknown, ConnectionLost, RequestTimeout.
        """
        wire = self._wire
        deadline = wire.loop.time() + limit(timeout)
        request_id = wire.calls.begin(resolve(function, fields), after)
        future: asyncio.Future[Any] = wire.loop.create_future()
        wire.waiters[request_id] = future, deadline
        wire.schedule_flush()
        wire.wake_at(deadline)
        try:
            return await future
        except TimeoutError:
            raise no_answer(limit(timeout)) from None
        finally:
            if wire.waiters.pop(request_id, None) is not None:  # cancelled
                wire.calls.cancel(request_id)
                wire.schedule_flush()

    async def events(self) -> AsyncIterator[TLObject | Undecoded | NewSession]:
        """What the server sends of its own accord, as it comes; ends with ``close``, else with ConnectionLost."""
        wire = self._wire
        while True:
            while wire.calls.updates:
                yield wire.calls.updates.popleft()
            if wire.calls.ended:
                break
            wire.news.clear()
            await wire.news.wait()
        if not wire.closing:
            raise lost(wire.calls.connection.error)

    async def close(self) -> None:
        """Write what is pending, close the socket, write the key file. Pending calls end with OutcomeUnknown."""
        try:
            await self._wire.close()
            self._opening.save_last()
        finally:
            self._opening.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        await self.close()


async def connect(
    dc: DC,
    app: App,
    *,
    transport: str | None = None,
    proxy: ProxyLink = None,
    tunnel: TunnelLink = None,
    ssl: Tls = None,
    quick_ack: bool = False,
    key_store: KeyFile = None,
    new_key: bool = False,
    env: Environment | None = None,
    connect_timeout: float = CONNECT_TIMEOUT,
    key_exchange_timeout: float = KEY_EXCHANGE_TIMEOUT,
    watch: Watch | None = None,
    reconnect: bool = True,
    pfs: bool = True,
) -> Client:
    """Connect to ``dc`` and make an auth key, or use the one in ``key_store``. Nothing is called yet.

    ``transport``: one of ``TRANSPORTS``, by default intermediate. ``proxy``: an MTProxy, or a link to one; its secret
    chooses the transport. ``tunnel``: a SOCKS5 or HTTP proxy, or its URL (extra ``tunnel``). ``ssl``: speak inside TLS,
    with the server's name checked as the context says. ``quick_ack``: ask for quick acknowledgements.

    ``new_key`` makes a key even where the file has one, and replaces it. ``watch`` is called with every message in
    and out (``Traced``) and all that happens to the connection. ``reconnect``: make a lost one again; calls wait.
    Raises UsageError, ConnectionLost, RequestTimeout, TransportFault, SecurityError, HandshakeRefused and other
    PeerErrors.
    """
    way = Way(dc, transport=transport, proxy=proxy, tunnel=tunnel, ssl=ssl, quick_ack=quick_ack)
    with Opening(
        dc, app, way, key_store=key_store, new_key=new_key, env=env, watch=watch, reconnect=reconnect, pfs=pfs
    ) as opening:
        wire = _Wire(opening, positive(connect_timeout))
        await wire.open()
        try:
            await _make_key(opening, wire, positive(key_exchange_timeout))
            if opening.created_key:
                opening.save()
        except BaseException:
            await wire.close()
            raise
    return Client(opening, wire)


async def _make_key(opening: Opening, wire: _Wire, timeout: float) -> None:
    opening.begin()
    wire.flush()
    try:
        async with asyncio.timeout(timeout):
            while not opening.done:
                wire.news.clear()
                await wire.news.wait()
    except TimeoutError:
        raise no_key(timeout) from None
