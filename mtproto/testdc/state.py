"""What the datacenter keeps with an auth key and with a session, beside what the core keeps (MSG-130, API-04)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mtproto.environment import Environment
from mtproto.handshake.states import Created
from mtproto.message.container import Message
from mtproto.message.gzip import peek_constructor
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Event
from mtproto.session.keys import KeyState, SaltSchedule
from mtproto.session.server import ServerSession
from mtproto.session.server_handlers import SERVER_HANDLERS, on_destroy_session
from mtproto.session.session import Handler, Session

if TYPE_CHECKING:
    from mtproto.testdc.accounts import Account
    from mtproto.testdc.call import Call

MAX_OUTCOMES = 1000


class ServerKey(KeyState):
    """An auth key as the datacenter knows it.

    ``layer`` and ``client`` are what invokeWithLayer and initConnection said last, None before (API-04); ``account`` is
    who is logged in; ``memory`` is for handlers that have to remember something about the key. ``permanent`` is the key
    that a temporary one is bound to, None before; both share the login and the memory (MSG-107). ``media``: it was made
    for file transfers alone.
    """

    __slots__ = ("client", "layer", "permanent", "media", "_account", "_memory")

    def __init__(self, created: Created, now: float, env: Environment) -> None:
        salts = SaltSchedule(created.server_salt, now, env)
        super().__init__(created.auth_key, salts, Role.SERVER, created.expires_at)
        self.media = created.dc is not None and created.dc < 0  # AUTH-15
        self.layer: int | None = None
        self.client: dict[str, Any] | None = None
        self.permanent: ServerKey | None = None
        self._account: Account | None = None
        self._memory: dict[str, Any] = {}

    @property
    def owner(self) -> ServerKey:
        """The key that a login belongs to: the permanent one, where there is one."""
        return self.permanent or self

    @property
    def unbound(self) -> bool:
        """Whether this is a temporary key that is bound to no permanent one (MSG-111)."""
        return self.expires_at is not None and self.permanent is None

    @property
    def account(self) -> Account | None:
        return self.owner._account

    @account.setter
    def account(self, account: Account | None) -> None:
        self.owner._account = account

    @property
    def memory(self) -> dict[str, Any]:
        return self.owner._memory


class Waiting:
    """A call that waits for the messages its invokeAfterMsg(s) names (API-07); ``missing``: those still out."""

    __slots__ = ("call", "missing")

    def __init__(self, call: Call, missing: set[int]) -> None:
        self.call = call
        self.missing = missing


class Destroyed(Event):
    """destroy_session ended this session; what else knows it has to forget it."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.session = session


def _on_destroy_session(session: ServerSession, msg_id: int, body: bytes, via: object, events: list[Event]) -> None:
    """The core's reaction, and a report of the session that is gone."""
    before = dict(session.keys.sessions)
    on_destroy_session(session, msg_id, body, via, events)
    events += [Destroyed(before[session_id]) for session_id in before.keys() - session.keys.sessions.keys()]


class ServedSession(ServerSession):
    """A session with what the RPC layer keeps in it.

    ``outcomes``: msg_id → whether it succeeded, or the call itself while it runs; the latest 1000. ``waiting``:
    calls held back by invokeAfterMsg, by each msg_id that they wait for; ``settled``: calls that ended, with whether
    they succeeded, while others go on for it. ``subscribed``: updates may be pushed to it (API-06).
    """

    __slots__ = ("outcomes", "settled", "subscribed", "waiting")
    handlers: ClassVar[Mapping[int, Handler]] = {**SERVER_HANDLERS, schema.DestroySession.ID: _on_destroy_session}

    def __init__(self, keys: KeyState, session_id: int, env: Environment, time: ServerTime) -> None:
        super().__init__(keys, session_id, env, time)
        self.outcomes: dict[int, bool | Call] = {}
        self.waiting: dict[int, dict[Waiting, None]] = {}
        self.settled: list[tuple[int, bool]] = []
        self.subscribed = False

    def _accept_message(self, message: Message, body: bytes, via: object) -> bool:
        """MSG-36 but for msgs_ack: mtcute, which real datacenters serve, numbers it as content-related."""
        odd_ack = message.seqno & 1 and peek_constructor(body) == schema.MsgsAck.ID
        return super()._accept_message(message, b"" if odd_ack else body, via)  # judged as something content-related

    @property
    def key(self) -> ServerKey:
        """The key, as the datacenter knows it."""
        if not isinstance(self.keys, ServerKey):
            raise TypeError("a ServedSession belongs to a ServerKey")
        return self.keys

    def note(self, msg_id: int, outcome: bool | Call) -> None:
        """Record how a call went; the oldest of more than 1000 is forgotten."""
        self.outcomes[msg_id] = outcome
        if len(self.outcomes) > MAX_OUTCOMES:
            del self.outcomes[next(iter(self.outcomes))]
