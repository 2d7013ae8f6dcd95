"""A datacenter and its clients in memory: every clock and every random byte is scripted, nothing waits."""

from __future__ import annotations

from typing import Any

from mtproto.client.datacenters import DC
from mtproto.client.link import App, Link, preamble
from mtproto.connection import Connection
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import MTProtoError
from mtproto.handshake.states import Created
from mtproto.message.gzip import constructor_of
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.schema.api import find
from mtproto.session.client import ClientSession
from mtproto.session.events import Answered, Closed, Event, RequestFailed, Traced, Update
from mtproto.session.session import Body
from mtproto.testdc import DataCenter
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_TOKEN
from mtproto.testing import ScriptedEnvironment
from mtproto.tl.objects import TLFunction
from mtproto.tl.registry import decode
from mtproto.transport import client_transport
from tests.handshake.rig import KEY

NOW = 1_767_225_600
APP = App(API_ID, API_HASH)


class World:
    """One datacenter, its clients, and the time that passes for all of them."""

    def __init__(self, **options: Any) -> None:
        self.env = ScriptedEnvironment(unix_time=NOW, seed=b"datacenter", tick=1e-6)
        self.dc = DataCenter(self.env, **{"private_key": KEY, **options})
        self.clients: list[Client] = []

    def client(self, **options: Any) -> Client:
        """A client that shares an auth key with the datacenter and has not spoken yet."""
        return Client(self, **options)

    def bot(self, **options: Any) -> Client:
        """A client that has logged in as the fixture bot."""
        client = self.client(**options)
        client.log_in()
        return client

    def run(self) -> None:
        """Carry bytes both ways until nobody has anything to say."""
        busy = True
        while busy:
            busy = False
            for client in self.clients:
                busy = client.exchange_bytes() or busy

    def advance(self, seconds: float) -> None:
        """Let time pass, and let everyone act on it."""
        self.env.advance(seconds)
        for client in self.clients:
            client.env.advance(seconds)
        self.dc.handle_timer()
        for client in self.clients:
            client.near.handle_timer()
            client.far.handle_timer()
        self.run()


class Client:
    """A client's connection (``near``), the datacenter's end of it (``far``), and what came of its requests."""

    def __init__(
        self,
        world: World,
        *,
        key: AuthKey | None = None,
        exchange: bool = False,
        transport: str = "abridged",
        bare: bool = False,
        dc_number: int = 2,
        media: bool = False,
        expires_at: int | None = None,
    ) -> None:
        self.world = world
        self.dc = world.dc
        number = len(world.clients)
        self.env = ScriptedEnvironment(unix_time=NOW, seed=b"client %d" % number, tick=1e-6)
        address = DC("127.0.0.1", 443, dc_number, [world.dc.public_key], media=media)
        self.link = Link(address, self.env, preamble=b"" if bare else preamble(APP), upkeep=False)
        self.near = Connection(Role.CLIENT, client_transport(transport, self.env), self.link, self.env, trace=True)
        self.far = world.dc.accept()
        self.events: list[Event] = []
        self.done: dict[int, Answered | RequestFailed] = {}
        world.clients.append(self)
        if exchange:
            self.near.start_key_exchange(self.link.exchange())
            self._exchange_key()
        else:
            self._share_key(key or AuthKey(bytes([number + 1]) * 256), expires_at)

    def _share_key(self, key: AuthKey, expires_at: int | None) -> None:
        created = Created(
            auth_key=key, server_salt=7, server_time=NOW, time_offset=0.0, expires_at=expires_at, fingerprint=0, dc=2
        )
        if self.dc.key_state(key.auth_key_id) is None:
            self.dc.add_key(created)
        self.link.adopt(created)
        self.near.attach(self.session)

    def _exchange_key(self) -> None:
        self.world.run()
        created = next((event.created for event in self.events if hasattr(event, "created")), None)
        if created is not None:
            self.link.adopt(created)
            self.near.attach(self.session)

    def renew(self) -> None:
        """Go on in a new session of the same key."""
        assert self.link.keys is not None
        self.near.release(self.session)
        self.link.use(self.link.keys)
        self.near.attach(self.session)

    def reconnect(self) -> None:
        """A new connection for the same session."""
        self.near.receive_eof()
        self.far.receive_eof()
        self.exchange_bytes()
        self.near = Connection(Role.CLIENT, client_transport("full", self.env), self.link, self.env, trace=True)
        self.far = self.dc.accept()
        self.near.attach(self.session)

    @property
    def session(self) -> ClientSession:
        assert self.link.current is not None
        return self.link.current

    def exchange_bytes(self) -> bool:
        """What either side has to say reaches the other; whether there was anything."""
        sent = _move(self.near, self.far)
        self.dc.process(self.far)
        answered = _move(self.far, self.near)
        while (event := self.near.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, Answered | RequestFailed):
                self.done[event.request_id] = event
        return sent or answered

    # ---- requests

    def request(self, body: Body | TLFunction, **options: Any) -> int:
        """Queue a request, a function object or its bytes."""
        return self.session.request(body.to_bytes() if isinstance(body, TLFunction) else body, **options)

    def begin(self, name: str, **fields: Any) -> int:
        """Queue a call by name and carry it over."""
        request_id = self.request(find(name)(**fields))
        self.world.run()
        return request_id

    def call(self, name: str, **fields: Any) -> Any:
        """The result of a call; raises the error that it ended with."""
        function: Any = find(name)(**fields)
        request_id = self.request(function)
        self.world.run()
        return decode(self.result(request_id), function.read_result)

    def raw(self, body: Body, *, content: bool = True) -> bytes:
        """The serialised result of a request that is sent as it stands."""
        request_id = self.request(body, api=False, content=content)
        self.world.run()
        return self.result(request_id)

    def result(self, request_id: int) -> bytes:
        """The serialised result of a request that is over."""
        event = self.done[request_id]
        if isinstance(event, RequestFailed):
            raise event.error
        return event.body

    def log_in(self, *, token: str = BOT_TOKEN, api_id: int = API_ID, api_hash: str = API_HASH) -> Any:
        return self.call("auth.importBotAuthorization", flags=0, api_id=api_id, api_hash=api_hash, bot_auth_token=token)

    def ask(self, connection_id: str) -> Any:
        return self.call("account.getBotBusinessConnection", connection_id=connection_id)

    # ---- what was seen

    def received(self, constructor: type) -> list[Traced]:
        """The messages of a constructor that came from the datacenter."""
        traced = (event for event in self.events if isinstance(event, Traced) and event.direction == "in")
        return [event for event in traced if constructor_of(event.body) == constructor.ID]  # type: ignore[attr-defined]

    def updates(self) -> list[Update]:
        return [event for event in self.events if isinstance(event, Update)]

    def closed(self) -> MTProtoError | None:
        """Why the connection ended."""
        return next(event for event in self.events if isinstance(event, Closed)).error


def _move(source: Connection, target: Connection) -> bool:
    moved = False
    while data := source.data_to_send():
        target.receive_data(data)
        moved = True
    if source.closed:
        target.receive_eof()
    return moved


def service(value: Any) -> Any:
    """A received message as an object of the MTProto schema."""
    return decode(value.body, schema.read_object)
