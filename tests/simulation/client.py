"""Front: a front end under virtual time. It does what mtproto/client/asyncio.py does: bytes, waiters, one timer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from mtproto.client.calls import Calls
from mtproto.client.datacenters import DC
from mtproto.client.link import App, Link, preamble
from mtproto.client.recovery import Recovery
from mtproto.client.way import Way
from mtproto.connection import Connection
from mtproto.crypto.rsa import PublicKeys
from mtproto.errors import ConnectionLost, MTProtoError, RequestTimeout
from mtproto.roles import Role
from mtproto.testdc.accounts import API_HASH, API_ID
from mtproto.tl.objects import TLFunction
from tests.handshake.rig import KEY
from tests.simulation.ledger import Entry, Ledger
from tests.simulation.network import End, Wire
from tests.simulation.world import Action, Clock, Timer, World

WRITE_SIZE = 65536
CONNECT_TIMEOUT = 10.0
KEY_EXCHANGE_TIMEOUT = 30.0
DATACENTER = DC("127.0.0.1", 443, 2, PublicKeys([KEY.public]))
PREAMBLE = preamble(App(API_ID, API_HASH))

Dial = Callable[["Socket", Callable[["Wire | None"], None]], None]
"""Make a connection for an end; then call with it, or with None where it was refused. Or never call."""


class Socket(End):
    """The front's end of one wire; a front that has turned to another one hears nothing of this one any more."""

    __slots__ = ("_front", "wire")

    def __init__(self, front: Front) -> None:
        self._front = front
        self.wire: Wire | None = None

    def receive(self, data: bytes) -> None:
        self._front.awake(lambda: self._front.data_received(self, data))

    def lost(self) -> None:
        self._front.awake(lambda: self._front.connection_lost(self))


class Front:
    """A client program: one Link, one Calls, one socket at a time. ``gone``: the program has ended, nobody waits."""

    def __init__(self, world: World, clock: Clock, ledger: Ledger, dial: Dial, way: Way, link: Link) -> None:
        self.world, self.clock, self.ledger, self.dial, self.way, self.link = world, clock, ledger, dial, way, link
        self.recovery = Recovery(clock)
        self.calls = Calls(self.link, self._connection(), None, self.recovery)
        self.waiters: dict[int, tuple[Entry, float]] = {}
        self.asleep_until = 0.0
        self._started = clock.monotonic()
        self.gone = False
        self._socket: Socket | None = None
        self._flushing = self._opened = False
        self._timer: Timer | None = None
        self._due = inf
        self._dialling = 0

    def _connection(self) -> Connection:
        codec, clock = self.way.codec(self.clock), self.clock
        return Connection(Role.CLIENT, codec, self.link, clock, quick_ack=self.way.quick_ack)

    # ---- what a program does

    def start(self) -> None:
        """Make the first connection. One that fails is tried again like any other."""
        self._connect()

    def call(self, function: TLFunction, entry: Entry, timeout: float, after: Sequence[TLFunction] = ()) -> None:
        """As ``Client.call``: ``entry`` hears how it ended."""
        deadline = self.clock.monotonic() + timeout
        try:
            request_id = self.calls.begin(function, after)
        except MTProtoError as error:
            self.ledger.ended(entry, error)
            return
        self.waiters[request_id] = entry, deadline
        self.schedule_flush()
        self.wake_at(deadline)

    def cancel(self, entry: Entry) -> bool:
        """The task that waits is cancelled; whether it was waiting."""
        for request_id, (waiting, _) in self.waiters.items():
            if waiting is entry:
                del self.waiters[request_id]
                self.calls.cancel(request_id)
                self.schedule_flush()
                self.ledger.abandoned(entry)
                return True
        return False

    def kill(self) -> None:
        """The program ends without a word."""
        self.gone = True
        if self._timer is not None:
            self._timer.cancel()
        for entry, _ in self.waiters.values():
            self.ledger.abandoned(entry)
        self.waiters.clear()
        if self._socket is not None and self._socket.wire is not None:
            self._socket.wire.shut(self._socket.wire.down)
        self._socket = None

    @property
    def wire(self) -> Wire | None:
        """The wire in use."""
        return self._socket.wire if self._socket is not None else None

    @property
    def ready(self) -> bool:
        """Whether calls can be made."""
        return self.link.current is not None and not self.calls.ended and not self.gone

    @property
    def fails_to_make_a_key(self) -> bool:
        """Whether ``connect`` would have raised by now."""
        return self.link.current is None and self.clock.monotonic() > self._started + KEY_EXCHANGE_TIMEOUT

    # ---- asyncio.Protocol

    def awake(self, action: Action) -> None:
        """Do it, once the machine is awake; nothing happens in a program that has ended."""
        if self.gone:
            return
        if self.world.now < self.asleep_until:
            self.world.at(self.asleep_until, lambda: self.awake(action))
        else:
            action()

    def connection_made(self, socket: Socket) -> None:
        self._socket = socket
        if self._opened:
            self.calls.renew(self._connection())
        self._opened = True

    def data_received(self, socket: Socket, data: bytes) -> None:
        if socket is self._socket:
            self.calls.connection.receive_data(data)
            self.settle()

    def connection_lost(self, socket: Socket) -> None:
        if socket is self._socket:
            self._socket = None
            self.calls.connection.receive_eof()
            self.settle()

    def settle(self) -> None:
        """Hand out what the events brought; then write, wait for the next deadline, or close."""
        for outcome in self.calls.outcomes():
            waiter = self.waiters.pop(outcome.request_id, None)
            if waiter is not None:
                self.ledger.ended(waiter[0], outcome.error or outcome.value)
                self.schedule_flush()
            else:
                self.ledger.unexpected(outcome.request_id)
        if self.calls.connection.wants_write:
            self.schedule_flush()
        self.arm()
        if self.calls.connection.closed and self._socket is not None and self._socket.wire is not None:
            self.flush()  # a WebSocket's last words
            self._socket.wire.shut(self._socket.wire.down)

    def schedule_flush(self) -> None:
        if not self._flushing:
            self._flushing = True
            self.world.after(0.0, lambda: self.awake(self.flush))

    def flush(self) -> None:
        self._flushing = False
        while self._socket is not None and self._socket.wire is not None:
            data = self.calls.connection.data_to_send(WRITE_SIZE)
            if data:
                self._socket.wire.up.send(data)
            if len(data) < WRITE_SIZE:
                break
        self.arm()

    def arm(self) -> None:
        when = self.calls.next_deadline()
        if when is not None and not self.calls.ended:
            self.wake_at(when)

    def wake_at(self, when: float) -> None:
        """Keep the one timer at the earliest monotonic time asked for since it last fired."""
        if when < self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._due = when
            self._timer = self.world.at(self.clock.world_time(when), lambda: self.awake(self._fire))

    def _fire(self) -> None:
        self._timer, self._due = None, inf
        now = self.clock.monotonic()
        for request_id in [r for r, (_, deadline) in self.waiters.items() if deadline <= now]:
            entry, _ = self.waiters.pop(request_id)
            self.calls.cancel(request_id)
            self.ledger.ended(entry, RequestTimeout("no answer within its time"))
        self.calls.handle_timer()
        if self._socket is None and self.recovery.begin():
            self._connect()
        self.settle()
        self.wake_at(min((deadline for _, deadline in self.waiters.values()), default=inf))

    # ---- connecting

    def _connect(self) -> None:
        socket = Socket(self)
        self._dialling += 1
        attempt = self._dialling

        def made(wire: Wire | None) -> None:
            if attempt != self._dialling:
                if wire is not None:
                    wire.shut(wire.down)
                return
            self._dialling += 1
            socket.wire = wire
            self.awake(lambda: self._opened_or_not(socket))

        self.dial(socket, made)
        self.world.after(CONNECT_TIMEOUT, lambda: made(None))

    def _opened_or_not(self, socket: Socket) -> None:
        if socket.wire is None:
            self.calls.failed(ConnectionLost("no connection"))
        else:
            self.connection_made(socket)
            self.calls.attach()
            self.schedule_flush()
        self.settle()
