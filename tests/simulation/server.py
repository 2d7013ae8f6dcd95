"""Host: the datacenter's machine under virtual time. It does what mtproto/testdc/listener.py does, and restarts."""

from __future__ import annotations

from math import inf

from mtproto.connection import Connection
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import RpcError
from mtproto.handshake.states import Created
from mtproto.record import Record
from mtproto.schema.api import types
from mtproto.testdc.call import Call, Reply
from mtproto.testdc.datacenter import DataCenter
from mtproto.testdc.state import ServerKey
from tests.handshake.rig import KEY
from tests.simulation.ledger import Ledger
from tests.simulation.network import End, Wire
from tests.simulation.world import Clock, Timer, World

PROXY_KEY = bytes(range(16))


class Kept(Record):
    """What a restart does not cost: keys, their salts, what is known of the clients, up to where sessions had come."""

    __slots__ = ("clients", "keys", "salts", "sessions")

    def __init__(self, *, keys: bool, salts: bool, clients: bool, sessions: bool) -> None:
        self.keys = keys
        self.salts = salts
        self.clients = clients
        self.sessions = sessions


class ServerSocket(End):
    """The host's end of one wire."""

    __slots__ = ("_due", "_host", "_timer", "connection", "wire")

    def __init__(self, host: Host) -> None:
        self._host = host
        self.connection: Connection = host.dc.accept()
        self.wire: Wire | None = None
        self._timer: Timer | None = None
        self._due = inf

    def receive(self, data: bytes) -> None:
        self.connection.receive_data(data)
        self._host.process(self)

    def lost(self) -> None:
        self.drop()
        self.connection.receive_eof()
        self._host.process(self)
        self._host.sockets.pop(self.connection, None)

    def drop(self) -> None:
        """The socket is no more."""
        self.wire = None
        if self._timer is not None:
            self._timer.cancel()

    def flush(self) -> None:
        closed = self.connection.closed
        while self.wire is not None:
            data = self.connection.data_to_send()
            if not data:
                break
            self.wire.down.send(data)
        if closed and self.wire is not None:
            self.wire.shut(self.wire.up)
        self.arm()

    def arm(self) -> None:
        deadline = self.connection.next_deadline()
        if deadline is not None and deadline < self._due and self.wire is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._due = deadline
            self._timer = self._host.world.at(self._host.clock.world_time(deadline), self._fire)

    def _fire(self) -> None:
        self._timer, self._due = None, inf
        self.connection.handle_timer()
        self._host.process(self)


class Host:
    """A datacenter, its sockets and its timer. ``up``: it takes connections."""

    def __init__(self, world: World, clock: Clock, ledger: Ledger) -> None:
        self.world, self.clock, self.ledger = world, clock, ledger
        self.up = True
        self.sockets: dict[Connection, ServerSocket] = {}
        self.dc = self._datacenter()
        self._timer: Timer | None = None
        self._due = inf
        self._flushing = False

    def _datacenter(self) -> DataCenter:
        dc = DataCenter(self.clock, private_key=KEY, proxy_keys=[PROXY_KEY])
        dc.on_ready = self.schedule_flush
        dc.handle("langpack.getStrings", self._plain, login=False)
        dc.handle("messages.sendScreenshotNotification", self._repeatable, login=False)
        return dc

    # ---- what it serves

    def _plain(self, call: Call) -> Reply | None:
        """A call that must not run twice: lang_pack is its number, lang_code the behaviour wanted."""
        entry = self.ledger.executed(int(call.query.lang_pack))
        behaviour, _, amount = call.query.lang_code.partition(":")
        if behaviour == "error":
            raise RpcError(400, f"OWN_{entry.number}")
        if behaviour == "never":
            return None
        answer: Reply = [types.LangPackStringDeleted(key=str(entry.number))]
        if behaviour == "big":
            noise = self.clock.random_bytes(int(amount)).hex()
            answer = [types.LangPackStringDeleted(key=str(entry.number)), types.LangPackString(key="", value=noise)]
        if behaviour != "later":
            return answer
        call.answer_after(float(amount), answer)
        return None

    def _repeatable(self, call: Call) -> Reply:
        """A call that the server recognises by its random_id."""
        entry = self.ledger.executed(call.query.random_id)
        update = types.UpdateMessageID(id=1, random_id=entry.number)
        return types.UpdateShort(update=update, date=call.now)

    # ---- life

    def add_key(self, auth_key: AuthKey, salt: int, *, time_offset: float = 0.0, life: int | None = None) -> Created:
        """Let an auth key exist; ``life``: a temporary one. Returns what its client knows of it."""
        now = int(self.dc.time.now())
        created = Created(
            auth_key=auth_key,
            server_salt=salt,
            server_time=now,
            time_offset=time_offset,
            expires_at=None if life is None else now + life,
            fingerprint=KEY.public.fingerprint,
            dc=2,
        )
        self.dc.add_key(created)
        return created

    def stop(self) -> None:
        """The process ends; the operating system closes its sockets."""
        self.up = False
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, inf
        for socket in self.sockets.values():
            wire = socket.wire
            socket.drop()
            if wire is not None:
                wire.shut(wire.up)
        self.sockets.clear()

    def boot(self, kept: Kept) -> None:
        """Another process: sessions are lost, at most their highest msg_ids are not; so is what else is not kept."""
        old = list(self.dc._keys.values())
        self.dc = self._datacenter()
        self.up = True
        for key in sorted(old, key=lambda key: key.expires_at is not None) if kept.keys else ():  # permanent ones first
            again = self._again(key)
            for session_id in list(key.sessions):
                key.drop_session(session_id)
            if kept.sessions:
                again.gone = key.gone
            if kept.salts:
                again.salts = key.salts
            if kept.clients:
                again.layer, again.client = key.layer, key.client

    def _again(self, key: ServerKey) -> ServerKey:
        """A key that was kept, in the process that runs now; a temporary one is still bound to its permanent one."""
        self.add_key(key.auth_key, int.from_bytes(self.clock.random_bytes(8), "little", signed=True))
        again = self.dc._keys[key.auth_key.auth_key_id]
        again.expires_at = key.expires_at
        if key.permanent is not None:
            again.permanent = self.dc._keys.get(key.permanent.auth_key.auth_key_id)
        return again

    # ---- asyncio

    def accept(self) -> ServerSocket:
        """The end of a new wire; ``opened`` follows."""
        return ServerSocket(self)

    def opened(self, socket: ServerSocket, wire: Wire) -> None:
        socket.wire = wire
        self.sockets[socket.connection] = socket
        socket.arm()

    def process(self, socket: ServerSocket) -> None:
        if socket.connection not in self.sockets:
            return  # of a process that has ended
        self._flushing = True
        self.dc.process(socket.connection)
        self._flush()

    def schedule_flush(self) -> None:
        if not self._flushing:
            self._flushing = True
            self.world.after(0.0, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        for connection in self.dc.take_ready():
            socket = self.sockets.get(connection)
            if socket is not None:
                socket.flush()
        self._arm()

    def _arm(self) -> None:
        deadline = self.dc.next_deadline()
        if deadline is not None and deadline < self._due and self.up:
            if self._timer is not None:
                self._timer.cancel()
            self._due = deadline
            self._timer = self.world.at(self.clock.world_time(deadline), self._fire)

    def _fire(self) -> None:
        self._timer, self._due = None, inf
        self.dc.handle_timer()
        self.schedule_flush()
        self._arm()
