"""Link: the client's Endpoint, one datacenter as this client knows it (clock, keys, session, request ids).

It outlives connections. Spec: messages.md, sections 2 to 4; auth_key.md, AUTH-23, AUTH-33; api_layer.md, API-01..03.
"""

from __future__ import annotations

from itertools import count

from mtproto.client.datacenters import DC
from mtproto.client.key_store import StoredKey
from mtproto.environment import Environment
from mtproto.errors import SecurityError, UsageError
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.states import Created
from mtproto.message.server_time import ServerTime
from mtproto.record import Record
from mtproto.roles import Role
from mtproto.session.client import ClientSession
from mtproto.session.events import Event, SessionOver
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

    ``upkeep``: let sessions ping, fetch salts and ask after silent requests of their own accord (MSG-150).
    """

    __slots__ = ("dc", "env", "time", "keys", "current", "fingerprint", "created_at", "user_id", "_preamble",
                 "_request_ids", "_upkeep")  # fmt: skip

    def __init__(self, dc: DC, env: Environment, *, preamble: bytes = b"", upkeep: bool = True) -> None:
        self.dc = dc
        self.env = env
        self.time = ServerTime(env)
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

    def exchange(self) -> Exchange:
        """A key exchange for this datacenter's permanent key (AUTH-15)."""
        return Exchange(self.dc.public_keys, self.env, dc=self.dc.number)

    def adopt(self, created: Created) -> None:
        """Use a new key: its salt (AUTH-33), the server's clock (AUTH-23), a fresh session (AUTH-37, MSG-60)."""
        self.time.learn(self.env.unix_time() + created.time_offset)
        self.fingerprint = created.fingerprint
        self.created_at = created.server_time
        self.use(KeyState(created.auth_key, Salts(created.server_salt), Role.CLIENT, created.expires_at))

    def restore(self, stored: StoredKey) -> None:
        """Use a key from a file: its salt may be old, its clock offset counts until the server is heard (MSG-42)."""
        self.time = ServerTime(self.env, offset=stored.time_offset)
        self.fingerprint = stored.fingerprint
        self.created_at = stored.created
        self.user_id = stored.user_id
        self.use(KeyState(stored.auth_key, Salts(stored.server_salt), Role.CLIENT))

    def stored(self) -> StoredKey:
        """What a key file keeps of this link. Raises UsageError while there is no auth key."""
        if self.keys is None:
            raise UsageError("there is no auth key yet")
        return StoredKey(
            environment=self.dc.environment,
            dc_id=self.dc.dc_id,
            fingerprint=self.fingerprint,
            auth_key=self.keys.auth_key,
            server_salt=self.keys.salts.current(self.time.now()),
            time_offset=self.time.offset,
            created=self.created_at,
            user_id=self.user_id,
        )

    def use(self, keys: KeyState) -> None:
        """Use ``keys`` in a fresh session."""
        self.keys = keys
        self.current = self._new_session(keys)

    def give_up(self, reason: str) -> list[Event]:
        """End all requests, because ``reason``: nobody will be there to take their answers."""
        return [] if self.current is None else self.current.give_up(reason)

    def forget(self) -> list[Event]:
        """The server has destroyed the key (MSG-106): what still waits will never be answered."""
        events = self.give_up("the auth key was destroyed")
        self.keys = self.current = None
        return events

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
        old = over.session
        if not isinstance(old, ClientSession) or old is not self.current:
            raise UsageError("only the current session is replaced")
        if over.code == 17:
            old.keys.msg_ids.restart()
        self.current = self._new_session(old.keys, soon=True)
        return self.current, self.current.take_over(old, over.code)
