"""DataCenter: the Endpoint of the server role: clock, keys, key exchanges, sessions, and who wants to write.

Sans-IO: ``accept`` gives a Connection to feed; ``process`` serves its events; ``take_ready`` names the connections that
have something to send; ``next_deadline`` and ``handle_timer`` are for time. Spec: MSG-130, MSG-63, AUTH-90, API-100.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count

from mtproto.connection import Connection
from mtproto.crypto.rsa import PrivateKey, PublicKey
from mtproto.environment import Environment
from mtproto.errors import UsageError
from mtproto.handshake.runs import Runs
from mtproto.handshake.states import Created
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.session.events import Closed, Event, KeyCreated, Request, SessionOver, Traced
from mtproto.session.keys import KeyState
from mtproto.session.session import Session
from mtproto.testdc import business, channels, layers, order, rpc, updates
from mtproto.testdc.accounts import Account, Accounts, BusinessConnection
from mtproto.testdc.call import Call, Handler
from mtproto.testdc.log import Log
from mtproto.testdc.methods import METHODS, Method
from mtproto.testdc.state import Destroyed, ServedSession, ServerKey
from mtproto.testdc.uploads import Uploads
from mtproto.tl.objects import TLObject
from mtproto.transport.detect import Detect
from mtproto.transport.mtproxy import ProxyServer

MAX_SESSIONS = 64
SESSION_IDLE = 15 * 60.0


class DataCenter:
    """One datacenter.

    ``dc_id``: its number. ``private_key``: its RSA key, by default a new one (SEC-84). ``accept_legacy``: serve the
    older form of the key exchange, which published clients still use (AUTH-42). ``accounts``: who exists; datacenters
    that share it are those of one environment: each names all, and takes what another exports (API-34, API-101).
    ``proxy_keys``: secrets of 16 bytes with which it also serves as an MTProxy that leads to itself (TR-60). ``trace``:
    called with every message in and out, of every connection.

    ``addresses`` are the (host, port) that help.getConfig names; a listener adds its own. ``on_ready`` is called
    when a connection has something to send and ``process`` was not the cause; a listener sets it.
    """

    def __init__(
        self,
        env: Environment,
        *,
        dc_id: int = 2,
        private_key: PrivateKey | None = None,
        accept_legacy: bool = True,
        accounts: Accounts | None = None,
        proxy_keys: Iterable[bytes] = (),
        trace: Callable[[Traced], None] | None = None,
    ) -> None:
        if not 1 <= dc_id <= 9999:
            raise UsageError(f"a dc_id is 1 to 9999, not {dc_id}")
        self.env = env
        self.dc_id = dc_id
        self.time = ServerTime(env, confirmed=True)
        self.accounts = accounts or Accounts.fixture()
        self.methods: dict[str, Method] = dict(METHODS)
        self.log = Log()
        self.uploads = Uploads()
        self.addresses = self.accounts.addresses.setdefault(dc_id, [])
        self.business_methods = set(business.METHODS)
        self.on_ready: Callable[[], None] | None = None
        self._private_key = private_key or PrivateKey.generate()
        self._trace = trace
        keys = list(proxy_keys)
        self.proxy = ProxyServer(keys, {dc_id, -dc_id}) if keys else None
        self._keys: dict[int, ServerKey] = {}
        self._idle: OrderedDict[Session, float] = OrderedDict()
        self._ready: dict[Connection, None] = {}
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._timer_ids = count()
        self.runs = Runs(
            [self._private_key],
            env,
            dcs={dc_id, -dc_id},
            key_exists=lambda auth_key: auth_key.auth_key_id in self._keys,
            accept_legacy=accept_legacy,
        )

    def __repr__(self) -> str:
        return f"<DataCenter {self.dc_id}: {len(self._keys)} keys, {len(self._idle)} sessions>"

    @property
    def public_key(self) -> PublicKey:
        """What a client has to trust."""
        return self._private_key.public

    # ---- for tests and applications

    def handle(self, name: str, handler: Handler, *, login: bool = True, only: type[Account] = Account) -> None:
        """Serve the method ``name`` by ``handler``, also instead of a built-in one (API-100).

        ``login``: answer 401 where nobody is logged in; ``only``: and 400 where it is no ``Bot``, or no ``Person``
        (API-104). Raises UsageError for a name that is no function.
        """
        from mtproto.schema.api import find
        from mtproto.tl.objects import TLFunction

        if not issubclass(find(name), TLFunction):
            raise UsageError(f"{name} is a constructor, not a function")
        self.methods[name] = Method(handler, login, only)

    def set_connection(self, connection: BusinessConnection) -> None:
        """Make or change a business connection, and tell the bots that are logged in (API-80)."""
        self.accounts.connections[connection.connection_id] = connection
        for bot in self.accounts.bots.values():
            update = updates.connect_update(self, bot, connection, bot.note(connection))
            for session in self._subscribed(bot):
                if layers.has(session.key.layer, "updateBotBusinessConnect"):
                    self.deliver(session, update)

    def post(self, channel_id: int, text: str) -> None:
        """Post to a channel, and tell everyone who is logged in (API-72). KeyError for a channel that is none."""
        channel = self.accounts.channels[channel_id]
        self.push(channels.new_message(channel, channel.add(text, int(self.time.now()))))

    def push(self, update: TLObject, account: Account | None = None) -> None:
        """Push an object of the type Updates, whatever it says, to those who are logged in as ``account``, or at all:
        gaps, repetitions and the forms TooLong are the caller's to make (API-76)."""
        for session in self._subscribed(account):
            self.deliver(session, update)

    def deliver(self, session: ServedSession, update: TLObject) -> None:
        """Push ``update`` to one session, in its client's layer; nothing where that cannot express it."""
        with suppress(layers.NotInLayer):
            self.wake(session.push(layers.write(update, session.key.layer)))

    def _subscribed(self, account: Account | None) -> Iterable[ServedSession]:
        for key in self._keys.values():
            if key.account is not None and account in (None, key.account) and not key.media:  # API-61
                for session in key.sessions.values():
                    if isinstance(session, ServedSession) and session.subscribed:
                        yield session

    # ---- for whoever moves the bytes

    def accept(self) -> Connection:
        """The server's end of a new connection."""
        return Connection(Role.SERVER, Detect(self.env, self.proxy), self, self.env, trace=self._trace is not None)

    def process(self, connection: Connection) -> None:
        """Serve what the connection received; afterwards ``take_ready`` names who has to write."""
        while (event := connection.next_event()) is not None:
            if isinstance(event, Request):
                rpc.execute(self, event)
            elif isinstance(event, KeyCreated):
                self.log.exchanges += 1
            elif isinstance(event, Destroyed):
                self._drop(event.session)
            elif isinstance(event, Traced) and self._trace is not None:
                self._trace(event)
            elif isinstance(event, Closed):
                self.log.closed(connection.transport.name, event.error)
        self._ready[connection] = None

    def take_ready(self) -> list[Connection]:
        """The connections that may have something to send, each once."""
        ready = list(self._ready)
        self._ready.clear()
        return ready

    def wake(self, connection: object) -> None:
        """Note that a connection has something to send, and say so."""
        if isinstance(connection, Connection):
            self._ready[connection] = None
            self._announce()

    def _announce(self) -> None:
        if self.on_ready is not None:
            self.on_ready()

    def lose(self, session: Session, connection: object) -> None:
        """End a connection as a network does: what the session was about to say by it is gone on the way."""
        if isinstance(connection, Connection):
            session.flush(connection)
            connection.close()
            self.wake(connection)

    def report(self, connection: object, events: list[Event]) -> None:
        """Hand a connection what a session reported outside of it."""
        if isinstance(connection, Connection):
            connection.report(events)

    # ---- time

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Let ``handle_timer`` call ``action`` in ``seconds``."""
        heapq.heappush(self._timers, (self.env.monotonic() + seconds, next(self._timer_ids), action))
        self._announce()

    def next_deadline(self) -> float | None:
        """The monotonic time, in seconds, at which ``handle_timer`` has something to do."""
        deadlines = [self.runs.next_deadline()]
        if self._timers:
            deadlines.append(self._timers[0][0])
        if self._idle:
            deadlines.append(next(iter(self._idle.values())))
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def handle_timer(self) -> None:
        """Act on time that has passed: late answers, idle sessions (MSG-63), forgotten exchanges (AUTH-90)."""
        now = self.env.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        while self._idle and next(iter(self._idle.values())) <= now:
            self._drop(next(iter(self._idle)))
        self.runs.expire()

    # ---- Endpoint

    def key_state(self, auth_key_id: int) -> KeyState | None:
        """The state of a key; a temporary one is forgotten when its time is over (AUTH-98)."""
        return self.key(auth_key_id)

    def key(self, auth_key_id: int) -> ServerKey | None:
        """A key as the datacenter knows it, None where it knows none, or none any more."""
        key = self._keys.get(auth_key_id)
        if key is not None and key.expires_at is not None and key.expires_at <= self.time.now():
            self.forget_key(key)
            return None
        return key

    def temporary_keys(self, permanent: ServerKey) -> list[ServerKey]:
        """The temporary keys that are bound to ``permanent``."""
        return [key for key in self._keys.values() if key.permanent is permanent]

    def session(self, keys: KeyState, session_id: int) -> Session | None:
        """The session, made on demand; at most 64 per key, the one that was used least recently is dropped (MSG-63)."""
        session = keys.sessions.pop(session_id, None)
        if not isinstance(session, ServedSession):
            session = ServedSession(keys, session_id, self.env, self.time)
        keys.sessions[session_id] = session  # the last in the order of use
        self._idle[session] = self.env.monotonic() + SESSION_IDLE
        self._idle.move_to_end(session)
        if len(keys.sessions) > MAX_SESSIONS:
            self._drop(next(iter(keys.sessions.values())))
        return session

    def plain(self, body: bytes) -> tuple[bytes, Created | None]:
        """A step of a key exchange; a new key counts from its dh_gen_ok on."""
        answer, created = self.runs.plain(body)
        if created is not None:
            self.add_key(created)
        return answer, created

    def replace(self, over: SessionOver) -> tuple[Session, list[Event]]:
        """Not for a server: its sessions begin with the client's first message."""
        raise UsageError("a datacenter replaces no session")

    # ---- what the RPC layer asks for

    def add_key(self, created: Created) -> ServerKey:
        """Let an auth key exist."""
        auth_key_id = created.auth_key.auth_key_id
        key = self._keys[auth_key_id] = ServerKey(created, self.time.now(), self.env)
        if created.expires_at is not None:
            self.after(created.expires_at - self.time.now(), lambda: self.key(auth_key_id))
        return key

    def settle(self, call: Call, success: bool) -> None:
        """A call ended; calls that waited for it go on."""
        order.settle(call.session, call.msg_id, success)

    def forget_key(self, key: ServerKey) -> None:
        """The key exists no more, nor do its sessions (MSG-106), nor the temporary keys that are bound to it; what
        they have to say may still leave."""
        self._keys.pop(key.auth_key.auth_key_id, None)
        for temporary in self.temporary_keys(key) if key.expires_at is None else ():
            self.forget_key(temporary)
        for session in key.sessions.values():
            self._idle.pop(session, None)
        key.sessions.clear()

    def _drop(self, session: Session) -> None:
        """The session exists no more (MSG-63); its connections let go of it."""
        self._idle.pop(session, None)
        if session.keys.sessions.get(session.session_id) is session:
            session.keys.drop_session(session.session_id)
        for connection in session.vias:
            if isinstance(connection, Connection):
                connection.release(session)
