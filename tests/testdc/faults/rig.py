"""A faulty datacenter and our own client in memory: scripted clocks, a link that connects again, nothing waits."""

from __future__ import annotations

from typing import Any

from mtproto.client.calls import Calls, Outcome
from mtproto.client.datacenters import DC
from mtproto.client.link import App, Link, preamble
from mtproto.client.pfs import TemporaryLink
from mtproto.client.recovery import Recovery
from mtproto.connection import Connection
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import MTProtoError
from mtproto.handshake.states import Created
from mtproto.roles import Role
from mtproto.schema.api import find
from mtproto.session.events import Closed, Event
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_TOKEN
from mtproto.testdc.faults import FaultyDataCenter
from mtproto.testdc.faults import find as find_fault
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import client_transport, proxy_transport
from mtproto.transport.mtproxy import FAKE_TLS, Secret
from tests.handshake.rig import KEY

NOW = 1_767_225_600
APP = App(API_ID, API_HASH)
LOGIN: dict[str, Any] = {"flags": 0, "api_id": API_ID, "api_hash": API_HASH, "bot_auth_token": BOT_TOKEN}
KEY_DATA = AuthKey(b"permanent key of the tests, 32 b" * 8)
SECRET = Secret(bytes(range(16)), FAKE_TLS, "www.example.org")
PATIENCE = 40.0
"""Seconds that the client waits for an answer."""


class Stage:
    """One client and the datacenter with the fault ``spec``. ``exchange``: the client makes its key first.

    ``told``: what the client's connections reported; ``sockets``: how many there were.
    """

    def __init__(
        self,
        spec: str,
        *,
        exchange: bool = False,
        transport: str = "",
        pfs: bool = False,
        quick_ack: bool = False,
        patience: float = PATIENCE,
        dc: FaultyDataCenter | None = None,
    ) -> None:
        fault, argument = find_fault(spec)
        self.spec = spec
        self.fault = fault
        self.patience = patience
        self.dc_env = ScriptedEnvironment(unix_time=NOW, seed=b"datacenter", tick=1e-6)
        self.dc = dc or FaultyDataCenter(self.dc_env, fault, argument, private_key=KEY, proxy_keys=[SECRET.key])
        seed = b"client %d" % len(self.dc.observations)
        self.env = ScriptedEnvironment(unix_time=NOW, seed=seed, tick=1e-6)
        self._quick_ack = quick_ack
        self.link = (TemporaryLink if pfs else Link)(
            DC("127.0.0.1", 443, 2, [KEY.public]), self.env, preamble=preamble(APP)
        )
        self.told: list[Event] = []
        self.done: dict[int, Outcome] = {}
        self.sockets = 0
        self._transport = transport or (fault.transports[0] if fault.transports else "intermediate")
        if not exchange:
            self._share()
        self._open()
        self.calls = Calls(self.link, self.near, self.told.append, Recovery(self.env))
        self.calls.attach()

    def _share(self) -> None:
        created = Created(
            auth_key=KEY_DATA, server_salt=7, server_time=NOW, time_offset=0.0, expires_at=None, fingerprint=0, dc=2
        )
        if self.dc.key(KEY_DATA.auth_key_id) is None:
            self.dc.add_key(created)
        self.link.adopt(created)

    def _open(self) -> None:
        self.sockets += 1
        if self._transport == "faketls":
            codec = proxy_transport(SECRET, self.env, dc=2)
        else:
            codec = client_transport(self._transport, self.env)
        self.near = Connection(Role.CLIENT, codec, self.link, self.env, trace=True, quick_ack=self._quick_ack)
        self.far = self.dc.accept()

    def again(self, *, keep_key: bool = False) -> Stage:
        """Another client of the same datacenter; ``keep_key``: with the auth key of this one, as after a restart."""
        later = Stage(self.spec, exchange=not keep_key, transport=self._transport, dc=self.dc)
        later.dc_env = self.dc_env
        later.env.advance(self.env.monotonic())
        return later

    # ---- bytes and time

    def step(self) -> bool:
        """Carry what either side has to say; whether there was anything."""
        sent = self.near.data_to_send()
        if sent:
            self.far.receive_data(sent)
        if self.near.closed:
            self.far.receive_eof()
        self.dc.process(self.far)
        self.dc.take_ready()
        answered = self.far.data_to_send()
        if answered:
            self.near.receive_data(answered)
        elif self.far.closed and not self.near.closed:
            self.near.receive_eof()
        self.settle()
        return bool(sent or answered)

    def settle(self) -> None:
        for outcome in self.calls.outcomes():
            self.done[outcome.request_id] = outcome

    def run(self) -> None:
        """Until nobody has anything to say."""
        for _ in range(2000):
            if not self.step():
                return
        raise AssertionError("they never stop talking")

    def pass_time(self, seconds: float) -> None:
        """Let time pass on both sides, and let both act on it; a lost connection is made again when it is due."""
        for env in (self.env, self.dc_env):
            env.advance(seconds)
        self.dc.handle_timer()
        self.far.handle_timer()
        self.calls.handle_timer()
        self.settle()
        recovery = self.calls.recovery
        if recovery is not None and recovery.begin():
            self.far.receive_eof()
            self.dc.process(self.far)
            self._open()
            self.calls.renew(self.near)
        self.run()

    def wait(self, seconds: float) -> None:
        """Let ``seconds`` pass in small steps."""
        end = self.env.monotonic() + seconds
        while self.env.monotonic() < end:
            self.pass_time(0.25)

    def until_ready(self) -> bool:
        """Until calls can be made, or no key is made in time."""
        self.run()
        end = self.env.monotonic() + self.patience
        while self.link.current is None and self.env.monotonic() < end and not self.calls.ended:
            self.pass_time(0.25)
        return self.link.current is not None

    # ---- calls

    def call(self, name: str, **fields: Any) -> Outcome:
        """What came of a call, at most ``PATIENCE`` seconds later."""
        try:
            request_id = self.calls.begin(find(name)(**fields))  # type: ignore[arg-type]
        except MTProtoError as error:
            return Outcome(0, error=error)
        self.run()
        end = self.env.monotonic() + self.patience
        while request_id not in self.done and self.env.monotonic() < end:
            self.pass_time(0.25)
        return self.done.get(request_id) or Outcome(request_id, error=None)

    def log_in(self) -> Outcome:
        return self.call("auth.importBotAuthorization", **LOGIN)

    def ask(self) -> Outcome:
        return self.call("account.getBotBusinessConnection", connection_id="demo")

    # ---- what was seen

    def closings(self) -> list[Any]:
        """The errors with which the client's connections ended."""
        return [event.error for event in self.told if isinstance(event, Closed)]

    def seen(self, kind: str) -> list[str]:
        """The details of the datacenter's observations of a kind."""
        return [observation.detail for observation in self.dc.observations if observation.kind == kind]
