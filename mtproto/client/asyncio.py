"""The asyncio front end: it moves bytes, wakes waiters and arms one timer; everything else is in the core.

Requests made in one turn of the event loop leave together, in one container.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import inf
from typing import Any, Self, TypeVar, overload

from mtproto.client.calls import Calls, lost, resolve
from mtproto.client.datacenters import DC
from mtproto.client.link import App
from mtproto.client.opening import (
    CALL_TIMEOUT,
    CLOSE_TIMEOUT,
    CONNECT_TIMEOUT,
    KEY_EXCHANGE_TIMEOUT,
    KeyFile,
    Opening,
    Watch,
    check_address,
    limit,
    no_answer,
    no_connection,
    no_key,
)
from mtproto.environment import Environment
from mtproto.session.events import NewSession, Undecoded
from mtproto.tl.objects import Function, TLObject

R = TypeVar("R")
WRITE_SIZE = 65536


class _Wire(asyncio.Protocol):
    """The socket's end: bytes to the connection and back, outcomes to the futures that wait for them."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self.waiters: dict[int, tuple[asyncio.Future[Any], float]] = {}
        self.news = asyncio.Event()
        self.closing = False
        self.peer = ""
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf  # when the timer fires, in loop time

    # ---- asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport  # asyncio has set TCP_NODELAY on it (TR-121)
        self.peer = (transport.get_extra_info("peername") or ("",))[0]

    def data_received(self, data: bytes) -> None:
        self.calls.connection.receive_data(data)
        self.settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.connection.receive_eof()
        self.settle()
        if self._timer is not None:
            self._timer.cancel()
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True  # reading goes on: a server that waits for us to read would never read itself

    def resume_writing(self) -> None:
        self._paused = False
        self.flush()
        self.arm()

    # ---- the client's calls

    def settle(self) -> None:
        """Hand out what the events brought; then write, wait for the next deadline, or close."""
        for outcome in self.calls.outcomes():
            waiter = self.waiters.pop(outcome.request_id, None)
            if waiter is not None and not waiter[0].done():
                if outcome.error is not None:
                    waiter[0].set_exception(outcome.error)
                else:
                    waiter[0].set_result(outcome.value)
                self.schedule_flush()  # behind the task that this wakes: what it asks for next leaves in this turn
        self.news.set()
        if self.calls.connection.wants_write:
            self.schedule_flush()
        self.arm()
        if self.calls.connection.closed and self._transport is not None:
            self.flush()
            self._transport.close()

    def schedule_flush(self) -> None:
        """Flush once the callbacks that are ready now have run: what they ask for travels along."""
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        self._flushing = False
        while not self._paused and self._transport is not None:
            data = self.calls.connection.data_to_send(WRITE_SIZE)
            if data:
                self._transport.write(data)
            if len(data) < WRITE_SIZE:
                break

    def arm(self) -> None:
        """Have the timer fire at the connection's next deadline."""
        when = None if self._paused else self.calls.connection.next_deadline()  # paused: what is due cannot leave
        if when is not None:
            self.wake_at(when + self.loop.time() - self.calls.connection.env.monotonic())

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
        now = self.loop.time()
        for request_id in [r for r, (_, deadline) in self.waiters.items() if deadline <= now]:
            future, _ = self.waiters.pop(request_id)
            self.calls.cancel(request_id)
            if not future.done():
                future.set_exception(TimeoutError())
        self.calls.connection.handle_timer()
        self.settle()
        self.wake_at(min((deadline for _, deadline in self.waiters.values()), default=inf))


class Client:
    """A connected client. Made by ``connect``; an async context manager that closes itself."""

    __slots__ = ("_opening", "_wire")

    def __init__(self, opening: Opening, wire: _Wire) -> None:
        self._opening = opening
        self._wire = wire

    @overload
    async def call(self, function: Function[R], /, *, timeout: float | None = ...) -> R: ...

    @overload
    async def call(self, function: str, /, *, timeout: float | None = ..., **fields: Any) -> Any: ...

    async def call(self, function: Any, /, *, timeout: float | None = CALL_TIMEOUT, **fields: Any) -> Any:
        """Send one function and return its result, of exactly the type the schema gives.

        ``function`` is an object of ``schema.api.functions`` (or a service query of ``schema.mtproto``), or a TL
        name with its fields. ``timeout`` in seconds, None for no limit. Raises UsageError before anything
        is sent; RpcError, DecodeError, BadMessage, OutcomeUnknown, ConnectionLost, RequestTimeout.
        """
        wire = self._wire
        deadline = wire.loop.time() + limit(timeout)
        request_id = wire.calls.begin(resolve(function, fields))
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
            if wire.calls.connection.closed:
                break
            wire.news.clear()
            await wire.news.wait()
        if not wire.closing:
            raise lost(wire.calls.connection.error)

    @property
    def user_id(self) -> int | None:
        """The bot that logged in with this key, as remembered in the key file."""
        return self._opening.calls.link.user_id

    def remember_user(self, user_id: int | None) -> None:
        """Note in the key file who logged in with this key."""
        self._opening.calls.link.user_id = user_id
        self._opening.save()

    @property
    def created_key(self) -> bool:
        """Whether this connection made its auth key, rather than taking one from a key file."""
        return self._opening.created_key

    async def close(self) -> None:
        """Write what is pending, close the socket, write the key file. Pending calls end with OutcomeUnknown."""
        try:
            await _close(self._wire)
            self._opening.save_last()
        finally:
            self._opening.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        await self.close()


async def _close(wire: _Wire) -> None:
    wire.closing = True
    wire.flush()
    wire.calls.connection.close()
    wire.settle()
    transport = wire._transport
    if transport is not None:
        transport.close()
        await asyncio.wait([wire.gone], timeout=CLOSE_TIMEOUT)
        if not wire.gone.done():
            transport.abort()
        await wire.gone


async def connect(
    dc: DC,
    app: App,
    *,
    transport: str = "intermediate",
    key_store: KeyFile = None,
    new_key: bool = False,
    env: Environment | None = None,
    connect_timeout: float = CONNECT_TIMEOUT,
    key_exchange_timeout: float = KEY_EXCHANGE_TIMEOUT,
    watch: Watch | None = None,
) -> Client:
    """Connect to ``dc`` and make an auth key, or use the one in ``key_store``. Nothing is called yet.

    ``new_key`` makes a key even where the file has one, and replaces it. ``watch`` is called with every message in
    and out (``Traced``). Raises UsageError, ConnectionLost, RequestTimeout, TransportFault, SecurityError,
    HandshakeRefused and other PeerErrors.
    """
    opening = Opening(dc, app, transport=transport, key_store=key_store, new_key=new_key, env=env, watch=watch)
    try:
        wire = await _open(dc, opening, connect_timeout)
        try:
            check_address(wire.peer, opening.calls.link.env)
            await _make_key(opening, wire, key_exchange_timeout)
            if opening.created_key:
                opening.save()
        except BaseException:
            await _close(wire)
            raise
    except BaseException:
        opening.close()
        raise
    return Client(opening, wire)


async def _open(dc: DC, opening: Opening, timeout: float) -> _Wire:
    try:
        async with asyncio.timeout(timeout):
            loop = asyncio.get_running_loop()
            return (await loop.create_connection(lambda: _Wire(opening.calls), dc.host, dc.port))[1]
    except (OSError, UnicodeError) as error:
        raise no_connection(dc, error, timeout) from None


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
