"""Two Connections joined in memory: a client with its Link, a server with the least an Endpoint can be.

The wire between them can cut, hold back and lose bytes; each side has a clock and entropy of its own. A third party
that knows the auth key hears every message of both and can forge them.
"""

from __future__ import annotations

from mtproto.client.datacenters import DC
from mtproto.client.link import Link
from mtproto.connection import Connection
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.rsa import PublicKey, PublicKeys
from mtproto.errors import SecurityError
from mtproto.handshake.states import Created
from mtproto.message.container import Message, is_container, join, split
from mtproto.message.envelope import Inner, open, seal
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.client import ClientSession
from mtproto.session.events import Event, SessionOver
from mtproto.session.keys import KeyState, Salts, SaltSchedule
from mtproto.session.server import ServerSession
from mtproto.session.session import Session
from mtproto.testing import ScriptedEnvironment
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import decode
from mtproto.transport import Detect, Packet, Transport, client_transport

AUTH_KEY = AuthKey(bytes(range(256)))
SALT = 0x0123456789ABCDEF
NOW = 1_767_225_600
ANY_KEY = PublicKey(n=(1 << 2048) - 1, e=65537)


class Ear:
    """Hears one direction of the wire: ``payloads`` as they came, ``messages`` out of their containers."""

    def __init__(self, deframer: Transport, sender: Role) -> None:
        self._deframer = deframer
        self._sender = sender
        self.payloads: list[Inner] = []
        self.messages: list[Message] = []

    def hear(self, data: bytes) -> None:
        for packet in self._deframer.feed(data):
            if isinstance(packet, Packet) and len(packet.payload) > 24:
                inner, _ = open(AUTH_KEY, packet.payload, self._sender)
                self.payloads.append(inner)
                if is_container(inner.body):
                    self.messages += split(inner.body, inner.msg_id, self._sender)
                else:
                    self.messages.append(Message(inner.msg_id, inner.seqno, inner.body))

    def take(self) -> list[Message]:
        """The messages since the last call."""
        taken, self.messages = self.messages, []
        return taken

    def objects(self) -> list[TLObject]:
        """The service messages since the last call, decoded; rpc_result and what is none are left out."""
        return [decode(m.body, schema.read_object) for m in self.take() if service(m.body)]


def service(body: bytes) -> bool:
    constructor = int.from_bytes(body[:4], "little")
    return constructor != schema.RpcResult.ID and schema.registry.knows(constructor)


class Server:
    """An Endpoint that knows one key and makes sessions on demand; it executes nothing."""

    def __init__(self, env: ScriptedEnvironment) -> None:
        self.env = env
        self.time = ServerTime(env, confirmed=True)
        self.keys = KeyState(AUTH_KEY, SaltSchedule(SALT, env.unix_time(), env), Role.SERVER)

    def key_state(self, auth_key_id: int) -> KeyState | None:
        return self.keys if auth_key_id == self.keys.auth_key.auth_key_id else None

    def session(self, keys: KeyState, session_id: int) -> Session:
        if session_id not in keys.sessions:
            keys.sessions[session_id] = ServerSession(keys, session_id, self.env, self.time)
        return keys.sessions[session_id]

    def plain(self, body: bytes) -> tuple[bytes, Created | None]:
        raise SecurityError("step")

    def replace(self, over: SessionOver) -> tuple[Session, list[Event]]:
        raise NotImplementedError


class Pair:
    """``client`` and ``server`` joined by a wire; ``events`` and ``server_events`` collect what they report."""

    def __init__(
        self,
        *,
        transport: str = "intermediate",
        preamble: bytes = b"",
        chunk: int = 1 << 20,
        client_clock: float = NOW,
        seed: bytes = b"",
        trace: bool = False,
        upkeep: bool = False,
    ) -> None:
        self.chunk = chunk
        self.client_env = ScriptedEnvironment(unix_time=client_clock, seed=b"client" + seed, tick=1e-6)
        self.server_env = ScriptedEnvironment(unix_time=NOW, seed=b"server" + seed, tick=1e-6)
        dc = DC("127.0.0.1", 443, 2, PublicKeys([ANY_KEY]))
        self.link = Link(dc, self.client_env, preamble=preamble, upkeep=upkeep)
        self.endpoint = Server(self.server_env)
        self.link.use(KeyState(AUTH_KEY, Salts(SALT), Role.CLIENT))
        self.events: list[Event] = []
        self.server_events: list[Event] = []
        self.to_server: list[bytes] = []
        self.to_client: list[bytes] = []
        self._transport, self._trace = transport, trace
        self._forged = 0
        self.connect()

    def connect(self) -> None:
        """A new socket between the same Link and the same Endpoint."""
        codec = client_transport(self._transport, self.client_env)
        self.client = Connection(Role.CLIENT, codec, self.link, self.client_env, trace=self._trace)
        self.server = Connection(Role.SERVER, Detect(self.server_env), self.endpoint, self.server_env)
        self.client.attach(self.session)
        forging = ScriptedEnvironment(seed=b"third party")
        self.client_ear = Ear(Detect(forging), Role.CLIENT)
        self.server_ear = Ear(client_transport(self._transport, forging), Role.SERVER)
        self._to_client = Detect(forging)
        self._to_client.feed(client_transport(self._transport, forging).pack(bytes(4)))

    def lose(self) -> None:
        """The connection is gone, as both sides notice; what it carried is lost."""
        self.client.receive_eof()
        self.server.receive_eof()
        self.collect()

    def reconnect(self) -> None:
        """The connection is gone and there is another one."""
        self.lose()
        self.connect()

    @property
    def session(self) -> ClientSession:
        assert self.link.current is not None
        return self.link.current

    @property
    def server_session(self) -> ServerSession:
        session = self.endpoint.keys.sessions[self.session.session_id]
        assert isinstance(session, ServerSession)
        return session

    def advance(self, seconds: float) -> None:
        for env in (self.client_env, self.server_env):
            env.advance(seconds)
        for connection in (self.client, self.server):
            connection.handle_timer()

    def client_writes(self) -> bytes:
        data = _drain(self.client, self.to_server)
        self.client_ear.hear(data)
        return data

    def server_writes(self) -> bytes:
        data = _drain(self.server, self.to_client)
        self.server_ear.hear(data)
        return data

    def send(self) -> None:
        """What the client has to say reaches the server."""
        self._deliver(self.client_writes(), self.server)
        self.collect()

    def answer(self) -> None:
        """What the server has to say reaches the client."""
        self._deliver(self.server_writes(), self.client)
        self.collect()

    def run(self) -> None:
        """Both ways until nobody has anything to say."""
        while self.client.wants_write or self.server.wants_write:
            self.send()
            self.answer()
        self.collect()

    # ---- forging

    def server_msg_id(self, ahead: float = 0.0, *, answer: bool = False) -> int:
        """A msg_id that the server could give now, or ``ahead`` seconds from now; each time another one."""
        self._forged += 1
        return (int((NOW + ahead + self._elapsed()) * 2**32) & ~3) + 4 * self._forged + (1 if answer else 3)

    def client_msg_id(self, ahead: float = 0.0) -> int:
        """A msg_id that the client could give now, or ``ahead`` seconds from now; each time another one."""
        return self.server_msg_id(ahead) & ~3

    def forge(self, body: bytes | TLObject, *, msg_id: int | None = None, seqno: int = 1, **fields: int) -> None:
        """Let the client receive a payload of the server with this one message (or container)."""
        msg_id = self.server_msg_id() if msg_id is None else msg_id
        self.deliver_to_client(self._inner(body, msg_id, seqno, fields))

    def forge_container(self, *messages: Message, msg_id: int | None = None, seqno: int = 0) -> None:
        self.forge(join(messages), msg_id=msg_id, seqno=seqno)

    def deliver_to_client(self, inner: Inner) -> None:
        payload, _ = seal(AUTH_KEY, inner, Role.SERVER, self.server_env)
        self._deliver(self._to_client.pack(payload), self.client)
        self.collect()

    def forge_from_client(
        self, body: bytes | TLObject, *, msg_id: int | None = None, seqno: int = 1, **fields: int
    ) -> None:
        """Let the server receive a payload of the client with this one message (or container)."""
        msg_id = self.client_msg_id() if msg_id is None else msg_id
        payload, _ = seal(AUTH_KEY, self._inner(body, msg_id, seqno, fields), Role.CLIENT, self.client_env)
        self._deliver(self.client.transport.pack(payload), self.server)
        self.collect()

    def _inner(self, body: bytes | TLObject, msg_id: int, seqno: int, fields: dict[str, int]) -> Inner:
        data = body if isinstance(body, bytes) else body.to_bytes()
        return Inner(fields.get("salt", SALT), fields.get("session_id", self.session.session_id), msg_id, seqno, data)

    def _elapsed(self) -> float:
        return self.server_env.monotonic()

    def collect(self) -> None:
        for connection, events in ((self.client, self.events), (self.server, self.server_events)):
            while (event := connection.next_event()) is not None:
                events.append(event)

    def take(self) -> list[Event]:
        """The client's events since the last call."""
        taken, self.events[:] = list(self.events), []
        return taken

    def take_server(self) -> list[Event]:
        """The server's events since the last call."""
        taken, self.server_events[:] = list(self.server_events), []
        return taken

    def _deliver(self, data: bytes, connection: Connection) -> None:
        for start in range(0, len(data), self.chunk):
            connection.receive_data(data[start : start + self.chunk])


def _drain(connection: Connection, log: list[bytes]) -> bytes:
    parts = []
    while data := connection.data_to_send():
        parts.append(data)
    log.append(b"".join(parts))
    return log[-1]
