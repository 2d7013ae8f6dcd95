"""The blocking front end: the same calls and errors without an event loop. It starts no threads.

Acknowledgements, pings and updates move inside calls and in ``Client.poll``; a program that waits for updates, or
stays connected without calling, has to poll.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from math import inf
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from mtproto.client.calls import After, Outcome, lost, resolve
from mtproto.client.datacenters import DC
from mtproto.client.link import App
from mtproto.client.opening import (
    CALL_TIMEOUT,
    CONNECT_TIMEOUT,
    KEY_EXCHANGE_TIMEOUT,
    BaseClient,
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
from mtproto.errors import MTProtoError
from mtproto.session.events import NewSession, Undecoded
from mtproto.tl.objects import Function, TLObject

R = TypeVar("R")
_READ_SIZE = 262144
MIN_CONNECT = 0.01


class _Wire:
    """The socket's end: moves bytes both ways until something happened or the time is over."""

    def __init__(self, dc: DC, opening: Opening, connect_timeout: float) -> None:
        self.dc, self.opening, self.connect_timeout = dc, opening, connect_timeout
        self.calls = opening.calls
        self.outcomes: dict[int, Outcome] = {}
        self.closing = False
        self._sock: socket.socket | None = None
        self._unsent = memoryview(b"")
        self._selector = selectors.DefaultSelector()
        self._writing = False

    def open(self, timeout: float) -> None:
        """Make a socket within ``timeout`` seconds. Raises ConnectionLost."""
        try:
            sock = socket.create_connection((self.dc.host, self.dc.port), timeout)
        except (OSError, UnicodeError) as error:
            raise no_connection(self.dc, error, timeout) from None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # TR-121
            sock.setblocking(False)
            check_address(sock.getpeername()[0], self.calls.link.env)
            self._selector.register(sock, selectors.EVENT_READ)
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError):  # it is gone again
                raise no_connection(self.dc, error, timeout) from None
            raise
        self._sock = sock
        self.opening.opened()

    def _drop(self) -> None:
        """The connection is over: so is its socket."""
        if self._sock is not None:
            self._selector.unregister(self._sock)
            self._sock.close()
        self._sock, self._unsent, self._writing = None, memoryview(b""), False

    def _reconnect(self, deadline: float) -> None:
        """Wait until the next attempt is due, and make it; not beyond ``deadline``."""
        recovery = self.calls.recovery
        if recovery is None:
            return
        if recovery.retry_at is not None:
            wait = min(recovery.retry_at - self.calls.link.env.monotonic(), deadline - monotonic())
            sleep(max(wait, 0.0))
        if recovery.begin():
            try:
                self.open(max(min(self.connect_timeout, deadline - monotonic()), MIN_CONNECT))
            except MTProtoError as error:
                self.calls.failed(error)

    def step(self, deadline: float) -> bool:
        """Write what is ready, read once, act on timers; False once ``deadline`` (monotonic) has passed.

        Without a connection, wait for the next attempt and make it.
        """
        if self.calls.connection.closed:
            self._reconnect(deadline)
        self._write()
        connection = self.calls.connection
        due = connection.next_deadline()
        now = monotonic()
        wait = deadline - now
        if due is not None and not self._unsent:  # what is due has to wait for the socket
            wait = min(wait, due - connection.env.monotonic())
        if self._sock is not None:
            for _, ready in self._selector.select(None if wait == inf else max(wait, 0.0)):
                if ready & selectors.EVENT_READ:
                    self._read(self._sock)
        connection.handle_timer()
        self.settle()
        return monotonic() < deadline

    def settle(self) -> None:
        """Keep the outcomes of calls until their caller takes them; write what the events asked for."""
        for outcome in self.calls.outcomes():
            self.outcomes[outcome.request_id] = outcome
        self._write()
        if self.calls.connection.closed:
            self._drop()

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # reset by the peer
            data = b""
        if data:
            self.calls.connection.receive_data(data)
        else:
            self.calls.connection.receive_eof()

    def _write(self) -> None:
        sock = self._sock
        while sock is not None:
            if not self._unsent:
                self._unsent = memoryview(self.calls.connection.data_to_send())
            if not self._unsent:
                break
            try:
                self._unsent = self._unsent[sock.send(self._unsent) :]
            except BlockingIOError:
                break
            except OSError:
                self._unsent = memoryview(b"")
                self.calls.connection.receive_eof()
        if sock is not None and bool(self._unsent) is not self._writing:
            self._writing = bool(self._unsent)
            events = selectors.EVENT_READ | selectors.EVENT_WRITE if self._writing else selectors.EVENT_READ
            self._selector.modify(sock, events)

    def close(self) -> None:
        self.closing = True
        self._write()
        self.calls.close()
        self.settle()
        self._drop()
        self._selector.close()


class Client(BaseClient[_Wire]):
    """A connected client. Made by ``connect``; a context manager that closes itself. Not for several threads."""

    __slots__ = ()

    @overload
    def call(self, function: Function[R], /, *, timeout: float | None = ..., after: After = ...) -> R: ...

    @overload
    def call(self, function: str, /, *, timeout: float | None = ..., after: After = ..., **fields: Any) -> Any: ...

    def call(self, function: Any, /, *, timeout: float | None = CALL_TIMEOUT, after: After = (), **fields: Any) -> Any:
        """Send one function and return its result, of exactly the type the schema gives.

        ``function`` is an object of ``schema.api.functions`` (or a service query of ``schema.mtproto``), or a TL
        name with its fields. ``timeout`` in seconds, None for no limit. ``after``: functions whose calls are under
        way, for the server to execute first. Raises UsageError before anything is sent; RpcError, DecodeError,
        BadMessage, OutcomeUnknown, ConnectionLost, RequestTimeout.
        """
        wire = self._wire
        deadline = monotonic() + limit(timeout)
        request_id = wire.calls.begin(resolve(function, fields), after)
        try:
            while request_id not in wire.outcomes:
                if not wire.step(deadline) and request_id not in wire.outcomes:
                    raise no_answer(limit(timeout))
            outcome = wire.outcomes[request_id]
        finally:
            if wire.outcomes.pop(request_id, None) is None:
                wire.calls.cancel(request_id)
                wire.settle()
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def poll(self, timeout: float = 0.0) -> bool:
        """Move bytes for up to ``timeout`` seconds, or until an update is there; whether one is."""
        deadline = monotonic() + timeout
        wire = self._wire
        while not wire.calls.updates and not wire.calls.ended:
            if not wire.step(deadline):
                break
        return bool(wire.calls.updates)

    def events(self, timeout: float | None = None) -> Iterator[TLObject | Undecoded | NewSession]:
        """What the server sends of its own accord, as it comes.

        Ends with ``close``, or when nothing came for ``timeout`` seconds; raises ConnectionLost where the connection
        ended otherwise.
        """
        wire = self._wire
        while True:
            while wire.calls.updates:
                yield wire.calls.updates.popleft()
            if wire.calls.ended:
                break
            if not self.poll(timeout if timeout is not None else 60.0) and timeout is not None:
                return
        if not wire.closing:
            raise lost(wire.calls.connection.error)

    def close(self) -> None:
        """Write what is pending, close the socket, write the key file."""
        try:
            self._wire.close()
            self._opening.save_last()
        finally:
            self._opening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(
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
    reconnect: bool = True,
) -> Client:
    """Connect to ``dc`` and make an auth key, or use the one in ``key_store``. Nothing is called yet.

    ``new_key`` makes a key even where the file has one, and replaces it. ``watch`` is called with every message in
    and out (``Traced``) and all that happens to the connection. ``reconnect``: make a lost one again; calls wait.
    Raises UsageError, ConnectionLost, RequestTimeout, TransportFault, SecurityError, HandshakeRefused and other
    PeerErrors.
    """
    opening = Opening(
        dc, app, transport=transport, key_store=key_store, new_key=new_key, env=env, watch=watch, reconnect=reconnect
    )
    try:
        wire = _Wire(dc, opening, connect_timeout)
        try:
            wire.open(connect_timeout)
            _make_key(opening, wire, key_exchange_timeout)
            if opening.created_key:
                opening.save()
        except BaseException:
            wire.close()
            raise
    except BaseException:
        opening.close()
        raise
    return Client(opening, wire)


def _make_key(opening: Opening, wire: _Wire, timeout: float) -> None:
    opening.begin()
    deadline = monotonic() + timeout
    while not opening.done:
        if not wire.step(deadline) and not opening.done:
            raise no_key(timeout)
