"""A datacenter and one client of it that uses temporary keys, in memory: scripted clocks, nothing waits.

Only the sockets are left out: ``Calls``, ``TemporaryLink`` and ``Recovery`` are those of the front ends.
"""

from __future__ import annotations

from typing import Any

from mtproto.client.calls import Calls, Outcome
from mtproto.client.datacenters import DC
from mtproto.client.link import App, preamble
from mtproto.client.pfs import TemporaryLink
from mtproto.client.recovery import Recovery
from mtproto.connection import Connection
from mtproto.crypto.auth_key import AuthKey
from mtproto.handshake.states import Created
from mtproto.message.gzip import constructor_of
from mtproto.roles import Role
from mtproto.schema.api import find, types
from mtproto.session.events import Event, Traced
from mtproto.session.keys import KeyState, Salts
from mtproto.testdc import DataCenter
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_TOKEN
from mtproto.testdc.call import Call
from mtproto.testdc.state import ServerKey
from mtproto.testing import ScriptedEnvironment
from mtproto.tl.objects import TLFunction
from mtproto.transport import client_transport
from tests.handshake.rig import KEY

NOW = 1_767_225_600
APP = App(API_ID, API_HASH)
PERMANENT = AuthKey(b"permanent key of the tests, 32 b" * 8)
LATER = "help.getInviteText"
"""A method that the datacenter answers when ``release`` is called."""
BIND = "auth.bindTempAuthKey"
LOGIN: dict[str, Any] = {"flags": 0, "api_id": API_ID, "api_hash": API_HASH, "bot_auth_token": BOT_TOKEN}
FORGED_404 = b"\4\0\0\0" + (-404).to_bytes(4, "little", signed=True)


class Place:
    """``known``: both sides know a permanent key, made ``age`` seconds ago; else it is made first.

    ``under``: the auth_key_ids of all payloads that the client has sent, 0 for unencrypted ones.
    """

    def __init__(self, *, known: bool = True, age: float = 3600, recover: bool = True) -> None:
        self.dc_env = ScriptedEnvironment(unix_time=NOW, seed=b"datacenter", tick=1e-6)
        self.env = ScriptedEnvironment(unix_time=NOW, seed=b"client", tick=1e-6)
        self.dc = DataCenter(self.dc_env, private_key=KEY)
        self.dc.handle(LATER, self._hold, login=False)
        self.held: list[Call] = []
        self.told: list[Event] = []
        self.done: dict[int, Outcome] = {}
        self.under: list[int] = []
        self.link = TemporaryLink(DC("127.0.0.1", 443, 2, [KEY.public]), self.env, preamble=preamble(APP))
        if known:
            self.dc.add_key(_created())
            self.link.permanent = KeyState(PERMANENT, Salts(7), Role.CLIENT)
            self.link.created_at = int(NOW - age)
        self._sockets()
        self.calls = Calls(self.link, self.near, self.told.append, Recovery(self.env) if recover else None)

    def _hold(self, call: Call) -> None:
        self.held.append(call)

    def release(self) -> None:
        """Answer what LATER asked."""
        for call in self.held:
            call.answer(types.help.InviteText(message="come"))
        self.held.clear()
        self.run()

    # ---- the wire

    def _sockets(self) -> None:
        codec = client_transport("intermediate", self.env)
        self.near = Connection(Role.CLIENT, codec, self.link, self.env, trace=True)
        self.far = self.dc.accept()
        self._heard = b""
        self._marked = False

    def start(self) -> None:
        """The first socket is open."""
        self.calls.attach()
        self.run()

    def cut(self) -> None:
        """The connection is gone, with what it carried."""
        self.near.receive_eof()
        self.far.receive_eof()
        self.dc.process(self.far)
        self.settle()

    def reconnect(self) -> None:
        """The next attempt to connect is due, and succeeds."""
        recovery = self.calls.recovery
        assert recovery is not None and recovery.retry_at is not None
        self.env.advance(max(recovery.retry_at - self.env.monotonic(), 0.0))
        assert recovery.begin()
        self._sockets()
        self.calls.renew(self.near)
        self.run()

    def settle(self) -> None:
        for outcome in self.calls.outcomes():
            self.done[outcome.request_id] = outcome

    def deliver(self) -> bool:
        """What the client has to say reaches the datacenter; whether there was anything."""
        data = self.near.data_to_send()
        self._hear(data)
        self.far.receive_data(data)
        self.dc.process(self.far)
        return bool(data)

    def answer(self) -> bool:
        """What the datacenter has to say reaches the client; whether there was anything."""
        data = self.far.data_to_send()
        self.near.receive_data(data)
        self.settle()
        if self.far.closed and not self.near.closed:
            self.near.receive_eof()
            self.settle()
        return bool(data)

    def run(self) -> None:
        """Both ways until nobody has anything to say."""
        busy = True
        while busy:
            delivered = self.deliver()
            busy = self.answer() or delivered

    def _hear(self, data: bytes) -> None:
        self._heard += data
        if not self._marked and len(self._heard) >= 4:
            self._heard, self._marked = self._heard[4:], True
        while len(self._heard) >= 4 and len(self._heard) >= 4 + int.from_bytes(self._heard[:4], "little"):
            length = int.from_bytes(self._heard[:4], "little")
            self.under.append(int.from_bytes(self._heard[4:12], "little", signed=True))
            self._heard = self._heard[4 + length :]

    # ---- time

    def advance(self, seconds: float) -> None:
        """Let time pass, and let both sides act on it."""
        self.env.advance(seconds)
        self.dc_env.advance(seconds)
        self.dc.handle_timer()
        self.far.handle_timer()
        self.calls.handle_timer()
        self.settle()
        self.run()

    def before_renewal(self) -> None:
        """The next temporary key is due in five seconds; there is a connection."""
        self.advance(self.link.renewal.due - self.env.monotonic() - 5)
        self.connected()

    def connected(self) -> None:
        """Make the connection again, where the server has closed it: it heard no ping in the time that passed."""
        if self.near.closed:
            self.reconnect()

    def until_renewal(self) -> None:
        """The next temporary key is due, made and bound."""
        self.advance(self.link.renewal.due - self.env.monotonic() + 0.01)

    # ---- calls

    def begin(self, name: str, after: TLFunction | tuple[TLFunction, ...] = (), **fields: Any) -> int:
        """Queue a call."""
        return self.calls.begin(find(name)(**fields), after)  # type: ignore[arg-type]

    def call(self, name: str, **fields: Any) -> Any:
        """The result of a call; raises the error that it ended with."""
        return self.result(self.begin(name, **fields))

    def result(self, request_id: int) -> Any:
        """What came of a call by now."""
        self.run()
        outcome = self.done[request_id]
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def log_in(self) -> None:
        self.call("auth.importBotAuthorization", **LOGIN)

    # ---- keys

    @property
    def key_id(self) -> int:
        """The auth_key_id that messages travel under."""
        assert self.link.keys is not None
        return self.link.keys.auth_key.auth_key_id

    @property
    def server_key(self) -> ServerKey:
        """That key, as the datacenter knows it."""
        key = self.dc.key(self.key_id)
        assert key is not None
        return key

    def refuse_bindings(self, reply: Any) -> None:
        """Let the datacenter answer every binding with ``reply``."""
        self.dc.handle(BIND, lambda call: reply, login=False)

    def accept_bindings(self) -> None:
        from mtproto.testdc.methods import METHODS

        self.dc.methods[BIND] = METHODS[BIND]

    def sent(self, constructor: int) -> list[Traced]:
        """The messages of a constructor that left."""
        traced = (event for event in self.told if isinstance(event, Traced) and event.direction == "out")
        return [event for event in traced if constructor_of(event.body) == constructor]


def _created() -> Created:
    return Created(
        auth_key=PERMANENT, server_salt=7, server_time=NOW, time_offset=0.0, expires_at=None, fingerprint=0, dc=2
    )
