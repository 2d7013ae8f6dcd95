"""Link: the client's Endpoint, one datacenter as this client knows it (clock, keys, session, request ids).

It outlives connections. Spec: messages.md, sections 2 to 4; auth_key.md, AUTH-23, AUTH-33; api_layer.md, API-01..03.
"""

from __future__ import annotations

from itertools import count
from math import inf

from mtproto.client.datacenters import DC
from mtproto.client.key_store import StoredKey
from mtproto.environment import Environment
from mtproto.errors import MTProtoError, SecurityError, UsageError
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.states import Created
from mtproto.message.server_time import ServerTime
from mtproto.record import Record
from mtproto.roles import Role
from mtproto.session.client import ClientSession
from mtproto.session.events import Answered, Event, RequestFailed, SessionOver
from mtproto.session.keys import KeyState, Salts
from mtproto.session.session import Body, Session
from mtproto.session.upkeep import Upkeep


class App(Record):
    """What initConnection says of the application (API-01). ``api_id`` and ``api_hash`` come from the API owner."""

    __slots__ = ("api_id", "api_hash", "device_model", "system_version", "app_version", "system_lang_code",
                 "lang_pack", "lang_code")  # fmt: skip

    def __init__(
        self,
        api_id: int,
        api_hash: str,
        *,
        device_model: str = "mtproto",
        system_version: str = "1.0",
        app_version: str = "1.0",
        system_lang_code: str = "en",
        lang_pack: str = "",
        lang_code: str = "en",
    ) -> None:
        self.api_id = api_id
        self.api_hash = api_hash
        self.device_model = device_model
        self.system_version = system_version
        self.app_version = app_version
        self.system_lang_code = system_lang_code
        self.lang_pack = lang_pack
        self.lang_code = lang_code

    def __repr__(self) -> str:
        return f"App(api_id={self.api_id}, api_hash=<redacted>)"


def preamble(app: App) -> bytes:
    """The bytes of ``invokeWithLayer(LAYER, initConnection(…,`` up to where the query stands (API-01, API-02)."""
    from mtproto.schema.api import LAYER, functions

    query = functions.help.GetConfig()
    wrapped = functions.InvokeWithLayer(
        layer=LAYER,
        query=functions.InitConnection(
            api_id=app.api_id,
            device_model=app.device_model,
            system_version=app.system_version,
            app_version=app.app_version,
            system_lang_code=app.system_lang_code,
            lang_pack=app.lang_pack,
            lang_code=app.lang_code,
            query=query,
        ),
    )
    return wrapped.to_bytes()[: -len(query.to_bytes())]


class Link:
    """One datacenter: who it is (``dc``), what its clock shows, the auth key shared with it, the session.

    ``permanent`` is the auth key that a login belongs to, ``keys`` the one that messages travel under, here the same;
    ``current`` the session that takes requests. ``upkeep``: let sessions ping, fetch salts and ask after silent
    requests of their own accord (MSG-150). ``mtproto.client.pfs`` has the one with temporary keys.
    """

    __slots__ = ("dc", "env", "time", "permanent", "keys", "current", "fingerprint", "created_at", "user_id",
                 "_preamble", "_request_ids", "_upkeep")  # fmt: skip

    def __init__(self, dc: DC, env: Environment, *, preamble: bytes = b"", upkeep: bool = True) -> None:
        self.dc = dc
        self.env = env
        self.time = ServerTime(env)
        self.permanent: KeyState | None = None
        self.keys: KeyState | None = None
        self.current: ClientSession | None = None
        self.fingerprint = 0
        self.created_at = 0
        self.user_id: int | None = None
        self._preamble = preamble
        self._request_ids = count(1)
        self._upkeep = upkeep

    def __repr__(self) -> str:
        return f"<Link dc_id={self.dc.dc_id} {'with' if self.keys else 'without'} an auth key>"

    def request(
        self,
        body: Body,
        *,
        content: bool = True,
        api: bool = True,
        repeatable: bool = False,
        after: tuple[int, ...] = (),
    ) -> int:
        """Queue a request in the current session; returns its request_id. UsageError while there is no auth key."""
        if self.current is None:
            raise UsageError("there is no auth key yet")
        return self.current.request(body, content=content, api=api, repeatable=repeatable, after=after)

    def cancel(self, request_id: int) -> None:
        """Nobody waits for this request any more (MSG-102)."""
        for session in self.sessions():
            session.cancel(request_id)

    # ---- keys

    def exchange(self) -> Exchange:
        """A key exchange for this datacenter's permanent key (AUTH-15)."""
        return Exchange(self.dc.public_keys, self.env, dc=self.dc.number)

    def wanted(self) -> Exchange | None:
        """The key exchange that has to be made now, None where none has to."""
        return self.exchange() if self.keys is None else None

    def adopt(self, created: Created) -> None:
        """Use a new key: its salt (AUTH-33), the server's clock (AUTH-23), a fresh session (AUTH-37, MSG-60)."""
        self.use(self._learn(created))

    def _learn(self, created: Created) -> KeyState:
        """What a key exchange has told; a permanent key is remembered."""
        self.time.learn(self.env.unix_time() + created.time_offset)
        keys = KeyState(created.auth_key, Salts(created.server_salt), Role.CLIENT, created.expires_at)
        if not created.temporary:
            self.permanent = keys
            self.fingerprint = created.fingerprint
            self.created_at = created.server_time
        return keys

    def restore(self, stored: StoredKey) -> None:
        """Use a key from a file: its salt may be old, its clock offset counts until the server is heard (MSG-42)."""
        self.use(self._recall(stored))

    def _recall(self, stored: StoredKey) -> KeyState:
        self.time = ServerTime(self.env, offset=stored.time_offset)
        self.fingerprint = stored.fingerprint
        self.created_at = stored.created
        self.user_id = stored.user_id
        self.permanent = KeyState(stored.auth_key, Salts(stored.server_salt), Role.CLIENT)
        return self.permanent

    def stored(self) -> StoredKey:
        """What a key file keeps of this link. Raises UsageError while there is no auth key."""
        if self.permanent is None:
            raise UsageError("there is no auth key yet")
        return StoredKey(
            environment=self.dc.environment,
            dc_id=self.dc.dc_id,
            fingerprint=self.fingerprint,
            auth_key=self.permanent.auth_key,
            server_salt=self.permanent.salts.current(self.time.now()),
            time_offset=self.time.offset,
            created=self.created_at,
            user_id=self.user_id,
        )

    def use(self, keys: KeyState) -> None:
        """Let messages travel under ``keys``, in a fresh session."""
        self.keys = keys
        self.current = self._new_session(keys)

    def forget(self) -> list[Event]:
        """The server has destroyed the key (MSG-106): what still waits will never be answered."""
        events = self.give_up("the auth key was destroyed")
        self.permanent = self.keys = self.current = None
        return events

    # ---- sessions

    def sessions(self) -> list[ClientSession]:
        """All sessions that hold requests."""
        return [] if self.current is None else [self.current]

    def live(self) -> list[ClientSession]:
        """The sessions that a connection has to carry now."""
        return self.sessions()

    def give_up(self, reason: str) -> list[Event]:
        """End all requests, because ``reason``: nobody will be there to take their answers."""
        return [event for session in self.sessions() for event in session.give_up(reason)]

    # ---- what temporary keys need

    def note(self, event: Answered | RequestFailed) -> list[Event]:
        """What became of a request that no caller made."""
        return []

    def unbound(self, auth_key_id: int) -> None:
        """The server says that this temporary key is bound to no permanent one (MSG-111)."""

    def lost(self, error: MTProtoError | None) -> tuple[bool, list[Event]]:
        """The connection ended with ``error``: whether the next one is to be made at once, and what ended with it."""
        return False, []

    def settled(self) -> bool:
        """Whether a session has become superfluous since ``live`` was last read."""
        return False

    def next_deadline(self) -> float:
        """The monotonic time, in seconds, at which ``expire``, ``wanted`` or ``overdue`` may say something else."""
        return inf

    def expire(self) -> list[Event]:
        """Use no key any more whose time is over; what ended with it."""
        return []

    @property
    def overdue(self) -> bool:
        """Whether a key that the connection was to bring has not come in time."""
        return False

    @property
    def failure(self) -> MTProtoError | None:
        """Why no call will ever be answered by this link; None while there is hope."""
        return None

    def _new_session(self, keys: KeyState, *, soon: bool = False) -> ClientSession:
        session_id = 0
        while not session_id:  # MSG-60
            session_id = int.from_bytes(self.env.random_bytes(8), "little", signed=True)
        return ClientSession(
            keys,
            session_id,
            self.env,
            self.time,
            preamble=self._preamble,
            request_ids=self._request_ids,
            upkeep=Upkeep(soon=soon) if self._upkeep else None,
        )

    # ---- Endpoint

    def key_state(self, auth_key_id: int) -> KeyState | None:
        keys = self.keys
        return keys if keys is not None and keys.auth_key.auth_key_id == auth_key_id else None

    def session(self, keys: KeyState, session_id: int) -> ClientSession | None:
        current = self.current
        return current if current is not None and current.session_id == session_id else None

    def plain(self, body: bytes) -> tuple[bytes, Created | None]:
        raise SecurityError("step", "an unencrypted query", "none from a server")  # MSG-143

    def replace(self, over: SessionOver) -> tuple[Session, list[Event]]:
        """MSG-60, MSG-81: a new session under the same key; after code 17 its msg_ids may go backwards."""
        if over.session is not self.current or self.current is None:
            raise UsageError("only a session in use is replaced")
        self.current, events = self._succeed(self.current, over.code)
        return self.current, events

    def _succeed(self, old: ClientSession, code: int) -> tuple[ClientSession, list[Event]]:
        if code == 17:
            old.keys.msg_ids.restart()
        successor = self._new_session(old.keys, soon=True)
        successor.deaf = old.deaf
        return successor, successor.take_over(old, code)
