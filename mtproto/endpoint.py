"""Endpoint: what a Connection asks of that which outlives it: the clock, the keys, the sessions."""

from __future__ import annotations

from typing import Protocol

from mtproto.handshake.states import Created
from mtproto.message.server_time import ServerTime
from mtproto.session.events import Event, SessionOver
from mtproto.session.keys import KeyState
from mtproto.session.session import Session


class Endpoint(Protocol):
    """What outlives a connection: one datacenter as its client knows it, or the datacenter itself."""

    time: ServerTime

    def key_state(self, auth_key_id: int) -> KeyState | None:
        """The state of a usable auth key, None where there is none (TR-59)."""

    def session(self, keys: KeyState, session_id: int) -> Session | None:
        """The session of that key; a server makes it on demand, a client has only its own (MSG-10)."""

    def plain(self, body: bytes) -> tuple[bytes, Created | None]:
        """Server: the answer to an unencrypted query (AUTH-03)."""

    def replace(self, over: SessionOver) -> tuple[Session, list[Event]]:
        """Client: the session that takes over from one that cannot go on (MSG-60)."""
