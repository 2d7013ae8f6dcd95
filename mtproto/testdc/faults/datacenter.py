"""FaultyDataCenter: the honest datacenter with one fault in it, which notes what clients do about it (SEC-91)."""

from __future__ import annotations

from functools import partial
from typing import Any

from mtproto.connection import Connection
from mtproto.environment import Environment
from mtproto.handshake.states import Created
from mtproto.roles import Role
from mtproto.session.keys import KeyState
from mtproto.session.session import Session
from mtproto.testdc.call import Call, Handler, Reply
from mtproto.testdc.datacenter import DataCenter
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.exchange import FaultyRuns
from mtproto.testdc.faults.fault import REGISTERED, Fault, Observation, Reaction
from mtproto.testdc.faults.line import Line
from mtproto.testdc.faults.scene import Scene
from mtproto.testdc.faults.served import FaultySession
from mtproto.testdc.methods import Method
from mtproto.transport.detect import Detect

TRIGGER = "account.getBotBusinessConnection"
"""The call on which faults act."""

CANARY_DATE = 1_234_567_890
MAX_OBSERVATIONS = 10_000


class FaultyDataCenter(DataCenter):
    """A datacenter with ``fault`` in it; all other options as of ``DataCenter``.

    ``observations``: what clients did, oldest first, the latest 10,000. ``injected``: how often the fault acted.
    ``canary_date``: the date of planted business connections. ``bent_keys``: ids of keys that nobody may use, since the
    answer that made them was bent. ``speaking``: the connection that spoke last. Raises UsageError for an argument that
    the fault does not take.
    """

    def __init__(self, env: Environment, fault: Fault, argument: str | None = None, **options: Any) -> None:
        super().__init__(env, **options)
        self.fault = fault
        self.argument = argument
        self.observations: list[Observation] = []
        self.injected = 0
        self.canary_date = CANARY_DATE
        self.bent_keys: set[int] = set()
        self.speaking: Line | None = None
        self._lines: dict[Line, Connection] = {}
        self._count = 0
        self.act: Act = REGISTERED[fault.name][1](self, argument)
        self.methods = {
            name: Method(partial(self._serve, name, method.handler), method.login, method.only)
            for name, method in self.methods.items()
        }
        self.runs = FaultyRuns(
            self,
            [self._private_key],
            env,
            dcs={self.dc_id, -self.dc_id},
            key_exists=lambda auth_key: auth_key.auth_key_id in self._keys,
            accept_legacy=options.get("accept_legacy", True),
        )

    def __repr__(self) -> str:
        return f"<FaultyDataCenter {self.fault.name}: injected {self.injected} times>"

    # ---- what is noted

    def observe(self, kind: str, detail: str = "", via: object = None) -> None:
        """Note what a client did. ``via``: its connection, or the Line of it, by default the one that spoke last."""
        line = self.speaking if via is None else self.line_of(via)
        number = 0 if line is None else line.number
        self.observations.append(Observation(self.env.monotonic(), number, kind, detail))
        if len(self.observations) > MAX_OBSERVATIONS:
            del self.observations[0]

    def inject(self, detail: str, via: object = None) -> None:
        """Note that the fault acted."""
        self.injected += 1
        self.observe("injected", detail, via)

    def accepted(self, detail: str, via: object = None) -> None:
        """Note that the client goes on with what it must not accept; nothing where going on is right."""
        if Reaction.CARRY_ON not in self.fault.reactions:
            self.observe("accepted", detail, via)

    # ---- connections

    def accept(self) -> Connection:
        self._count += 1
        line = Line(Detect(self.env, self.proxy), self, self._count)
        connection = Connection(Role.SERVER, line, self, self.env, trace=self._trace is not None)
        self._lines[line] = connection
        self.observe("opened", "", line)
        self.act.opened(line)
        return connection

    def process(self, connection: Connection) -> None:
        line = connection.transport
        if connection.closed and isinstance(line, Line) and line in self._lines:
            del self._lines[line]
            if connection.error is not None:
                self.observe("refused", str(connection.error), line)
            elif not line.ended_here:
                self.observe("closed", "eof", line)
        super().process(connection)

    def connection_of(self, line: Line) -> Connection | None:
        """The connection that ``line`` is the transport of, None when it is closed."""
        return self._lines.get(line)

    def line_of(self, via: object) -> Line | None:
        """The transport of a connection."""
        line = via.transport if isinstance(via, Connection) else via
        return line if isinstance(line, Line) else None

    def wake_line(self, line: Line) -> None:
        """Something is to be written."""
        self.wake(self._lines.get(line))

    # ---- Endpoint

    def session(self, keys: KeyState, session_id: int) -> Session | None:
        if session_id not in keys.sessions:
            self.observe("session", f"{session_id & 2**64 - 1:016x}")
            if keys.auth_key.auth_key_id in self.bent_keys:
                self.accepted("a message under the key of the bent key exchange")
            keys.sessions[session_id] = FaultySession(keys, session_id, self.env, self.time, self)
        return super().session(keys, session_id)

    def plain(self, body: bytes) -> tuple[bytes, Created | None]:
        answer, created = super().plain(body)
        if created is not None:
            bent = created.auth_key.auth_key_id in self.bent_keys
            self.observe("key_created", "temporary" * created.temporary + " in the bent key exchange" * bent)
        return answer, created

    # ---- calls

    def _serve(self, name: str, handler: Handler, call: Call) -> Reply | None:
        self.observe("call", name, call.via)
        line = self.line_of(call.via)
        if name != TRIGGER or line is None or not isinstance(call.session, FaultySession):
            changed = self.act.other_call(call, name)
            return handler(call) if changed is None else changed
        if not self._due(call.key.memory):
            return handler(call)
        if self.act.counts:
            self.inject(name, line)
        return self.act.call(Scene(self, call, line, call.session))

    def _due(self, memory: dict[str, Any]) -> bool:
        """Whether the fault acts on this call; ``memory`` is that of the auth key."""
        act, now = self.act, self.env.monotonic()
        if type(act).call is Act.call:
            return False
        acted, since = memory.get("faults", (0, now))
        memory["faults"] = acted + 1, since
        return (act.times is None or acted < act.times) and (act.span is None or now < since + act.span)
