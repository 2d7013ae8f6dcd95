"""The blocking front end: the same calls and errors without an event loop.

It starts no threads but those in which a host's name is looked up, or a tunnel is made (``lookup``).

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
    limit,
    no_answer,
    no_key,
    positive,
)
from mtproto.client.sockets import open_socket, pending, would_block
from mtproto.client.way import ProxyLink, Tls, TunnelLink, Way
from mtproto.environment import Environment
from mtproto.errors import ConnectionLost, MTProtoError
from mtproto.session.events import NewSession, Undecoded
from mtproto.tl.objects import Function, TLObject

R = TypeVar("R")
_READ_SIZE = 262144
MIN_CONNECT = 0.01


class _Wire:
    """The socket's end: moves bytes both ways until something happened or the time is over."""

    def __init__(self, opening: Opening, connect_timeout: float) -> None:
        self.opening, self.connect_timeout = opening, connect_timeout
        self.calls = opening.calls
        self.outcomes: dict[int, Outcome] = {}
        self.closing = False
        self._sock: socket.socket | None = None
        self._unsent = memoryview(b"")
        self._selector = selectors.DefaultSelector()
        self._writing = False

    def open(self, timeout: float) -> None:
        """Make a socket within ``timeout`` seconds. Raises ConnectionLost."""
        self._sock = open_socket(self.opening.way, self.calls.link.env, timeout)
        self._selector.register(self._sock, selectors.EVENT_READ)
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
            finally:
                if recovery.under_way:  # interrupted: another attempt follows
                    self.calls.failed(ConnectionLost("the attempt to connect was interrupted"))

    def step(self, deadline: float) -> bool:
        """Write what is ready, read once, act on timers; False once ``deadline`` (monotonic) has passed.

        Without a connection, wait for the next attempt and make it.
        """
        if self.calls.connection.closed:
            self._reconnect(deadline)
        self._write()
        connection = self.calls.connection
        due = self.calls.next_deadline()
        now = monotonic()
        wait = deadline - now
        if due is not None:  # what is due to leave has to wait for the socket, what is due to end has not
            wait = min(wait, max(due - connection.env.monotonic(), 1.0 if self._unsent else 0.0))
        if self._sock is not None:
            for _, ready in self._selector.select(None if wait == inf else max(wait, 0.0)):
                if ready & selectors.EVENT_READ:
                    self._read(self._sock)
        self.calls.handle_timer()
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
        while True:
            try:
                data = sock.recv(_READ_SIZE)
            except OSError as error:
                if would_block(error):
                    return
                data = b""  # reset by the peer
            if not data:
                self.calls.connection.receive_eof()
                return
            self.calls.connection.receive_data(data)
            if not pending(sock):
                return

    def _write(self) -> None:
        sock = self._sock
        while sock is not None:
            if not self._unsent:
                self._unsent = memoryview(self.calls.connection.data_to_send())
            if not self._unsent:
                break
            try:
                self._unsent = self._unsent[sock.send(self._unsent) :]
            except OSError as error:
                if would_block(error):
                    break
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
        try:
            wire.open(connect_timeout)
            _make_key(opening, wire, positive(key_exchange_timeout))
            if opening.created_key:
                opening.save()
        except BaseException:
            wire.close()
            raise
    return Client(opening, wire)


def _make_key(opening: Opening, wire: _Wire, timeout: float) -> None:
    opening.begin()
    deadline = monotonic() + timeout
    while not opening.done:
        if not wire.step(deadline) and not opening.done:
            raise no_key(timeout)
